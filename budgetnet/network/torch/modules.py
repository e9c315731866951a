"""The few modules that an architecture needs and torch lacks; one small class each.

Every class stands alone (it uses torch, ``nn`` and at most `joined` from this file): the exporter copies
the source of those that a network uses into the network's own PyTorch file. Shapes are given with the batch N.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = [
    "ChannelOffset",
    "ChannelPad",
    "ChannelScale",
    "ChannelShuffle",
    "ConstantScale",
    "GlobalResponseNorm",
    "ImageDropout",
    "LayerNorm2d",
    "ParallelBranches",
    "Residual",
    "SharedStack",
    "SplitBranches",
    "SqueezeExcitation",
    "Zeros",
    "joined",
]


def joined(tensors: list[Tensor], join: str) -> Tensor:
    """Join tensors by ``"add"`` or ``"mean"`` (equal shapes), ``"mul"`` (sides of 1 apply to all) or ``"concat"``."""
    if join == "concat":
        return torch.cat(tensors, dim=1)
    result = tensors[0]
    for tensor in tensors[1:]:
        result = result * tensor if join == "mul" else result + tensor
    return result / len(tensors) if join == "mean" else result


class Residual(nn.Module):
    """``body(x) + shortcut(x)`` (He et al., arXiv 1512.03385); without a shortcut ``body(x) + x``."""

    def __init__(self, body: nn.Module, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the shape that body and shortcut agree on."""
        y: Tensor = self.body(x)
        return y + (x if self.shortcut is None else self.shortcut(x))


class ParallelBranches(nn.Module):
    """Branches on the same input, joined by add, concat or mul (Szegedy et al., arXiv 1409.4842)."""

    def __init__(self, *branches: nn.Module, join: str = "add") -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.join = join

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the join of the branches' outputs."""
        return joined([branch(x) for branch in self.branches], self.join)


class SplitBranches(nn.Module):
    """Branches on slices of the channels, equal ones or of given widths, joined (ShuffleNet v2, arXiv 1807.11164)."""

    def __init__(self, *branches: nn.Module, join: str = "concat", widths: tuple[int, ...] | None = None) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.join = join
        self.widths = widths

    def forward(self, x: Tensor) -> Tensor:
        """Give each of the b branches its slice of (N, C, H, W), equal ones (N, C / b, H, W), and join the results."""
        slices = x.chunk(len(self.branches), dim=1) if self.widths is None else torch.split(x, list(self.widths), dim=1)
        return joined([branch(part) for branch, part in zip(self.branches, slices, strict=True)], self.join)


class SharedStack(nn.Module):
    """One module applied several times with the same weights (Liang and Hu, recurrent CNN, CVPR 2015)."""

    def __init__(self, body: nn.Module, times: int) -> None:
        super().__init__()
        self.body = body
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        for _ in range(self.times):
            x = self.body(x)
        return x


class LayerNorm2d(nn.LayerNorm):
    """Layer norm over the channels at each position (Liu et al., ConvNeXt, arXiv 2201.03545).

    The permutation is a view, and on channels-last memory it costs nothing.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        y: Tensor = super().forward(x.permute(0, 2, 3, 1))
        return y.permute(0, 3, 1, 2)


class GlobalResponseNorm(nn.Module):
    """Channels weighted by their norm over the image (Woo et al., ConvNeXt V2, arXiv 2301.00808).

    Factor and offset start at 0, so that it starts as the identity.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        norm: Tensor = torch.linalg.vector_norm(x, dim=(2, 3), keepdim=True)
        response = norm / (norm.mean(dim=1, keepdim=True) + 1e-6)
        return x + (self.weight.view(-1, 1, 1) * (x * response) + self.bias.view(-1, 1, 1))


class SqueezeExcitation(nn.Module):
    """Channels weighted by what global pooling saw (Hu et al., arXiv 1709.01507); 1x1 convolutions with bias."""

    def __init__(self, channels: int, reduced: int, act: nn.Module, gate: nn.Module) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(channels, reduced, 1)
        self.act = act
        self.expand = nn.Conv2d(reduced, channels, 1)
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape: x times gates of shape (N, C, 1, 1)."""
        gates: Tensor = self.gate(self.expand(self.act(self.reduce(self.pool(x)))))
        return x * gates


class ChannelShuffle(nn.Module):
    """Channels dealt out anew over the groups (Zhang et al., ShuffleNet, arXiv 1707.01083).

    Done with the channels last, so that channels-last memory stays so.
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape: channel i * C / groups + j moves to j * groups + i."""
        y = torch.unflatten(x.permute(0, 2, 3, 1), 3, (self.groups, -1))
        return y.transpose(3, 4).flatten(3, 4).permute(0, 3, 1, 2)


class ChannelScale(nn.Module):
    """One learned factor per channel (Touvron et al., LayerScale, arXiv 2103.17239)."""

    def __init__(self, channels: int, init: float = 1.0, axes: int = 2) -> None:
        super().__init__()
        self.init = float(init)
        self.weight = nn.Parameter(torch.full((channels, *[1] * axes), self.init))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W), or (N, C) with no axes behind the channels, to the same shape."""
        return x * self.weight


class ChannelOffset(nn.Module):
    """One learned offset per channel, started at 0."""

    def __init__(self, channels: int, axes: int = 2) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels, *[1] * axes))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W), or (N, C) with no axes behind the channels, to the same shape."""
        return x + self.bias


class ConstantScale(nn.Module):
    """A constant factor."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """Map any tensor to one of the same shape."""
        return x * self.factor


class ImageDropout(nn.Module):
    """All that an image has is dropped or kept, and divided by the share that is kept.

    At the end of a skip's body it is stochastic depth (Huang et al., arXiv 1603.09382).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, …) to the same shape."""
        if not self.training:
            return x
        kept = torch.empty(len(x), *[1] * (x.dim() - 1), dtype=x.dtype, device=x.device)
        return x * kept.bernoulli_(1 - self.p).div_(1 - self.p)


class ChannelPad(nn.Module):
    """Every stride-th position, zero channels on both sides (He et al., option A, arXiv 1512.03385).

    An odd number of new channels puts the extra one behind. Done with the channels last, so that
    channels-last memory stays so.
    """

    def __init__(self, extra: int, stride: int = 1) -> None:
        super().__init__()
        self.extra = extra
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C + extra, ceil(H / stride), ceil(W / stride))."""
        y = x[:, :, :: self.stride, :: self.stride].permute(0, 2, 3, 1)
        before = self.extra // 2
        return nn.functional.pad(y, (before, self.extra - before)).permute(0, 3, 1, 2)


class Zeros(nn.Module):
    """Zeros at every stride-th position: "no edge" of a cell (NAS-Bench-201, arXiv 2001.00326).

    A product with 0, as there: what came before stays part of the graph and keeps its (zero) gradient.
    """

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, ceil(H / stride), ceil(W / stride))."""
        return x[:, :, :: self.stride, :: self.stride] * 0.0
