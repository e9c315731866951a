"""Blocks of ordinary PyTorch, as people write them: a plug-in file for tests."""

# ruff: noqa: ARG002, D102, N812, PERF

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class InPlaceResidual(nn.Module):
    """A residual sum in place, and an activation in place."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        c = shape[0]
        self.conv = nn.Conv2d(c, c, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(c)
        self.act = nn.SiLU(inplace=True)

    def forward(self, x):
        y = self.bn(self.conv(x))
        y += x
        return self.act(y)


class SqueezeByMean(nn.Module):
    """Squeeze-and-excitation by a mean over positions."""

    def __init__(self, shape: tuple[int, ...], reduction: int = 4) -> None:
        super().__init__()
        self.fc1 = nn.Linear(shape[0], shape[0] // reduction)
        self.fc2 = nn.Linear(shape[0] // reduction, shape[0])

    def forward(self, x):
        w = x.mean((2, 3))
        w = torch.sigmoid(self.fc2(F.relu(self.fc1(w))))
        return x * w[:, :, None, None]


class Difference(nn.Module):
    """High-pass: the image less its blurred self."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()

    def forward(self, x):
        return x - F.avg_pool2d(x, 3, stride=1, padding=1)


class Standardize(nn.Module):
    """Division by the standard deviation of each channel."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()

    def forward(self, x):
        return (x - x.mean(dim=(2, 3), keepdim=True)) / (x.std(dim=(2, 3), keepdim=True) + 1e-5)


class PadChannels(nn.Module):
    """A width worked out from the shape."""

    def __init__(self, shape: tuple[int, ...], channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x):
        missing = self.channels - x.shape[1]
        return F.pad(x, (0, 0, 0, 0, 0, missing))


class Dropped(nn.Module):
    """Dropout of whole channels."""

    def __init__(self, shape: tuple[int, ...], p: float = 0.1) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(shape[0], shape[0], 1), nn.Dropout2d(p), nn.ELU())

    def forward(self, x):
        return self.body(x)


class Activations(nn.Module):
    """One activation after another."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.all = nn.Sequential(
            nn.PReLU(), nn.ELU(inplace=True), nn.Mish(), nn.Softplus(), nn.CELU(), nn.SELU(), nn.Hardsigmoid(),
            nn.Hardswish(inplace=True), nn.LeakyReLU(0.1, inplace=True), nn.ReLU6(inplace=True), nn.Softsign(),
            nn.LogSigmoid(), nn.Tanhshrink(), nn.Softmax(dim=1),
        )  # fmt: skip

    def forward(self, x):
        return self.all(x)


class GlobalResponse(nn.Module):
    """Global response normalisation (ConvNeXt V2)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1, shape[0], 1, 1))
        self.beta = nn.Parameter(torch.zeros(1, shape[0], 1, 1))

    def forward(self, x):
        gx = torch.norm(x, p=2, dim=(2, 3), keepdim=True)
        nx = gx / (gx.mean(dim=1, keepdim=True) + 1e-6)
        return self.gamma * (x * nx) + self.beta + x


class SelfAttention(nn.Module):
    """Self-attention with heads over positions."""

    def __init__(self, shape: tuple[int, ...], heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(shape[0], 3 * shape[0])
        self.proj = nn.Linear(shape[0], shape[0])

    def forward(self, x):
        b, c, h, w = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        q, k, v = self.qkv(tokens).reshape(b, h * w, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        tokens = F.scaled_dot_product_attention(q, k, v)
        tokens = tokens.transpose(1, 2).reshape(b, h * w, c)
        return self.proj(tokens).transpose(1, 2).reshape(b, c, h, w)


class ManualAttention(nn.Module):
    """The same by matrix products and softmax."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.scale = shape[0] ** -0.5
        self.q = nn.Conv2d(shape[0], shape[0], 1)
        self.k = nn.Conv2d(shape[0], shape[0], 1)
        self.v = nn.Conv2d(shape[0], shape[0], 1)

    def forward(self, x):
        q, k, v = (f(x).flatten(2) for f in (self.q, self.k, self.v))
        attn = (q.transpose(-2, -1) @ k) * self.scale
        return (v @ attn.softmax(dim=-1).transpose(-2, -1)).view_as(x)


class Multihead(nn.Module):
    """torch's own multi-head attention."""

    def __init__(self, shape: tuple[int, ...], heads: int = 2) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(shape[0])
        self.attn = nn.MultiheadAttention(shape[0], heads, batch_first=True)

    def forward(self, x):
        tokens = x.flatten(2).transpose(1, 2)
        y = self.norm(tokens)
        y, _ = self.attn(y, y, y, need_weights=False)
        return (tokens + y).transpose(1, 2).reshape(x.shape)


class Same(nn.Module):
    """A convolution with padding by word."""

    def __init__(self, shape: tuple[int, ...], kernel: int = 5) -> None:
        super().__init__()
        self.conv = nn.Conv2d(shape[0], 2 * shape[0], kernel, padding="same", groups=shape[0])

    def forward(self, x):
        return self.conv(x)


class ChannelAttention(nn.Module):
    """ECA: a one-dimensional convolution over channels."""

    def __init__(self, shape: tuple[int, ...], kernel: int = 3) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.conv = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, x):
        y = self.pool(x)
        y = self.conv(y.squeeze(-1).transpose(-1, -2)).transpose(-1, -2).unsqueeze(-1)
        return x * y.sigmoid().expand_as(x)


class SpatialAttention(nn.Module):
    """CBAM's gate over positions."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x):
        avg = torch.mean(x, dim=1, keepdim=True)
        top, _ = torch.max(x, dim=1, keepdim=True)
        return x * torch.sigmoid(self.conv(torch.cat([avg, top], dim=1)))


class SubPixel(nn.Module):
    """Space to depth and back."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4 * shape[0], 4 * shape[0], 1)

    def forward(self, x):
        return F.pixel_shuffle(self.conv(F.pixel_unshuffle(x, 2)), 2)


class LayerScaled(nn.Module):
    """ConvNeXt's block: depthwise, layer norm over channels last, two linear layers, a learned scale."""

    def __init__(self, shape: tuple[int, ...], expand: int = 2) -> None:
        super().__init__()
        c = shape[0]
        self.dw = nn.Conv2d(c, c, 7, padding=3, groups=c)
        self.norm = nn.LayerNorm(c, eps=1e-6)
        self.up, self.down = nn.Linear(c, expand * c), nn.Linear(expand * c, c)
        self.gamma = nn.Parameter(1e-6 * torch.ones(c))

    def forward(self, x):
        y = self.dw(x).permute(0, 2, 3, 1)
        y = self.gamma * self.down(F.gelu(self.up(self.norm(y))))
        return x + y.permute(0, 3, 1, 2)


class Ghost(nn.Module):
    """GhostNet: cheap maps from costly ones."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        half = shape[0] // 2
        self.primary = nn.Sequential(nn.Conv2d(shape[0], half, 1, bias=False), nn.BatchNorm2d(half), nn.ReLU(True))
        self.cheap = nn.Conv2d(half, half, 3, padding=1, groups=half, bias=False)

    def forward(self, x):
        x1 = self.primary(x)
        return torch.cat((x1, self.cheap(x1)), dim=1)


class Coordinate(nn.Module):
    """Coordinate attention: pooled along each axis."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.pool_h, self.pool_w = nn.AdaptiveAvgPool2d((None, 1)), nn.AdaptiveAvgPool2d((1, None))
        self.conv = nn.Conv2d(shape[0], shape[0], 1)

    def forward(self, x):
        h, w = x.size(2), x.size(3)
        y = torch.cat([self.pool_h(x), self.pool_w(x).permute(0, 1, 3, 2)], dim=2)
        a_h, a_w = torch.split(self.conv(y), [h, w], dim=2)
        return x * a_h.sigmoid() * a_w.permute(0, 1, 3, 2).sigmoid()


class Involution(nn.Module):
    """A kernel per position, applied by unfold."""

    def __init__(self, shape: tuple[int, ...], kernel: int = 3) -> None:
        super().__init__()
        self.k = kernel
        self.gen = nn.Conv2d(shape[0], kernel * kernel, 1)

    def forward(self, x):
        b, c, h, w = x.shape
        weight = self.gen(x).view(b, 1, self.k**2, h, w)
        patches = F.unfold(x, self.k, padding=self.k // 2).view(b, c, self.k**2, h, w)
        return (weight * patches).sum(dim=2)


class Mixed(nn.Module):
    """MixConv: kernels of several sizes on a split of the channels."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.splits = [shape[0] // 2, shape[0] - shape[0] // 2]
        self.convs = nn.ModuleList(
            nn.Conv2d(c, c, k, padding=k // 2, groups=c) for c, k in zip(self.splits, (3, 5), strict=True)
        )

    def forward(self, x):
        return torch.cat([conv(part) for conv, part in zip(self.convs, torch.split(x, self.splits, 1), strict=True)], 1)


class Blurred(nn.Module):
    """A fixed filter in a buffer."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        a = torch.tensor([1.0, 2.0, 1.0])
        k = torch.outer(a, a) / 16
        self.register_buffer("kernel", k[None, None].repeat(shape[0], 1, 1, 1))

    def forward(self, x):
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), self.kernel, stride=2, groups=x.shape[1])


class ReZero(nn.Module):
    """A residual with a learned zero."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(1))
        self.conv = nn.Conv2d(shape[0], shape[0], 3, padding=1)

    def forward(self, x):
        return x.add_(0).add(self.alpha * self.conv(x).relu_())


class MaxOut(nn.Module):
    """The larger of two maps."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(shape[0], 2 * shape[0], 1)

    def forward(self, x):
        b, c, h, w = x.shape
        return self.conv(x).view(b, 2, c, h, w).max(dim=1)[0]


class Weighted(nn.Module):
    """A weight-standardised convolution."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(shape[0], shape[0], 3, 3))

    def forward(self, x):
        w = self.weight
        w = (w - w.mean(dim=(1, 2, 3), keepdim=True)) / w.std(dim=(1, 2, 3), keepdim=True).clamp(min=1e-5)
        return F.conv2d(x, w, padding=1)


class Instance(nn.Module):
    """Instance norm, group norm and local statistics."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.norm = nn.InstanceNorm2d(shape[0], affine=True)
        self.group = nn.GroupNorm(1, shape[0])

    def forward(self, x):
        return self.group(self.norm(x)).clamp(-3, 3)


class RootMeanSquare(nn.Module):
    """RMS norm over channels."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(shape[0], 1, 1))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + 1e-6) * self.scale


class Upsampled(nn.Module):
    """Down, up, and joined."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(shape[0], shape[0], 3, stride=2, padding=1)

    def forward(self, x):
        return x + F.interpolate(self.conv(x), size=x.shape[-2:], mode="nearest")


class Bilinear(nn.Module):
    """Second-order statistics by einsum."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.mix = nn.Parameter(torch.randn(shape[0], shape[0]))

    def forward(self, x):
        return torch.einsum("bchw,dc->bdhw", x, self.mix)


class Gated(nn.Module):
    """A gated linear unit, tanh times sigmoid and a float32 cast."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(shape[0], 2 * shape[0], 1)

    def forward(self, x):
        return F.glu(self.conv(x.float()), dim=1).tanh()
