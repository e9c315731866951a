"""Published networks in plain PyTorch, as people usually write them: what the network files are held against.

Written from the papers; torchvision's own models stand for the rest. Modules are made in the order in which they
run, a block's body before its shortcut, so that weights can be carried over in order.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["DenseNetBC", "MobileNetV2", "ResNet8", "ResNet20", "Tiniest"]


# --- ResNet-20 for CIFAR-10 (arXiv 1512.03385) --------------------------------------------------------


class PaddedShortcut(nn.Module):
    """Option A: every second position, and zero channels on both sides."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.missing = channels_out - channels_in

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(x, (0, 0, 0, 0, self.missing // 2, self.missing - self.missing // 2))


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut of either kind."""

    def __init__(self, channels_in: int, channels_out: int, stride: int, option: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.shortcut: nn.Module
        if stride == 1 and channels_in == channels_out:
            self.shortcut = nn.Identity()
        elif option == "A":
            self.shortcut = PaddedShortcut(channels_in, channels_out, stride)
        else:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False), nn.BatchNorm2d(channels_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return functional.relu(y + self.shortcut(x))


class ResNet20(nn.Module):
    """Three stages of three basic blocks."""

    def __init__(self, option: str, classes: int = 10) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        blocks = []
        width = 16
        for channels, first_stride in [(16, 1), (32, 2), (64, 2)]:
            for stride in (first_stride, 1, 1):
                blocks.append(BasicBlock(width, channels, stride, option))
                width = channels
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``(N, 3, H, W)`` to class scores ``(N, classes)``."""
        x = functional.relu(self.bn(self.conv(x)))
        x = self.blocks(x)
        x = functional.adaptive_avg_pool2d(x, 1)
        return self.fc(torch.flatten(x, 1))


# --- ResNet-8 of MLPerf Tiny (arXiv 2106.07597; resnet_v1_eembc of github.com/mlcommons/tiny) -----------


class BiasedBlock(nn.Module):
    """Two 3×3 convolutions with biases; a shortcut of one convolution without norm where the shape changes."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, 1)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, 1)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.shortcut = nn.Conv2d(channels_in, channels_out, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return functional.relu(y + self.shortcut(x))


class ResNet8(nn.Module):
    """Three stages of one block."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, 1, 1)
        self.bn = nn.BatchNorm2d(16)
        self.blocks = nn.Sequential(BiasedBlock(16, 16, 1), BiasedBlock(16, 32, 2), BiasedBlock(32, 64, 2))
        self.fc = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``(N, 3, H, W)`` to class scores ``(N, classes)``."""
        x = self.blocks(functional.relu(self.bn(self.conv(x))))
        return self.fc(torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1))


# --- MobileNetV2 for 32×32 (arXiv 1801.04381; the strides and shortcuts of github.com/kuangliu/pytorch-cifar) --


class InvertedResidual(nn.Module):
    """1×1, depthwise 3×3, 1×1; a projection where only the width changes."""

    def __init__(self, channels_in: int, channels_out: int, expansion: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        hidden = expansion * channels_in
        self.conv1 = nn.Conv2d(channels_in, hidden, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.conv2 = nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False)
        self.bn2 = nn.BatchNorm2d(hidden)
        self.conv3 = nn.Conv2d(hidden, channels_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels_out)
        self.shortcut = nn.Sequential()
        if stride == 1 and channels_in != channels_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, bias=False), nn.BatchNorm2d(channels_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu6(self.bn1(self.conv1(x)))
        y = functional.relu6(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return y + self.shortcut(x) if self.stride == 1 else y


class MobileNetV2(nn.Module):
    """The paper's table 2 with fewer strides."""

    # expansion, channels, blocks, stride of the first
    stages = (
        (1, 16, 1, 1),
        (6, 24, 2, 1),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        blocks = []
        width = 32
        for expansion, channels, count, first_stride in self.stages:
            for stride in [first_stride] + [1] * (count - 1):
                blocks.append(InvertedResidual(width, channels, expansion, stride))
                width = channels
        self.blocks = nn.Sequential(*blocks)
        self.conv2 = nn.Conv2d(width, 1280, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(1280)
        self.fc = nn.Linear(1280, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``(N, 3, H, W)`` to class scores ``(N, classes)``."""
        x = functional.relu6(self.bn1(self.conv1(x)))
        x = self.blocks(x)
        x = functional.relu6(self.bn2(self.conv2(x)))
        x = functional.adaptive_avg_pool2d(x, 1)
        return self.fc(torch.flatten(x, 1))


# --- DenseNet-BC for CIFAR-10 (arXiv 1608.06993) ------------------------------------------------------


class DenseLayer(nn.Module):
    """Norm, ReLU, 1×1, norm, ReLU, 3×3; the result is appended."""

    def __init__(self, channels_in: int, growth: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, 4 * growth, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, 1, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(functional.relu(self.bn1(x)))
        y = self.conv2(functional.relu(self.bn2(y)))
        return torch.cat([x, y], 1)


class Transition(nn.Module):
    """Norm, ReLU, 1×1 to half the width, average pooling."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(channels_in)
        self.conv = nn.Conv2d(channels_in, channels_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return functional.avg_pool2d(self.conv(functional.relu(self.bn(x))), 2)


class DenseNetBC(nn.Module):
    """Three dense blocks with transitions between them."""

    def __init__(self, depth: int, growth: int, classes: int = 10) -> None:
        super().__init__()
        layers = (depth - 4) // 6
        width = 2 * growth
        parts: list[nn.Module] = [nn.Conv2d(3, width, 3, 1, 1, bias=False)]
        for stage in range(3):
            for _ in range(layers):
                parts.append(DenseLayer(width, growth))
                width += growth
            if stage < 2:
                parts.append(Transition(width, width // 2))
                width //= 2
        self.features = nn.Sequential(*parts)
        self.bn = nn.BatchNorm2d(width)
        self.fc = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``(N, 3, H, W)`` to class scores ``(N, classes)``."""
        x = functional.relu(self.bn(self.features(x)))
        x = functional.adaptive_avg_pool2d(x, 1)
        return self.fc(torch.flatten(x, 1))


# --- "Tiniest" (the block of github.com/xvel/cifar10-tiniest, with SiLU for its own activation) ----


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels at each position."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class TiniestBlock(nn.Module):
    """Four ways of mixing positions, then a gated product."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        quarter = channels // 4
        self.near = nn.Conv2d(quarter, quarter, 3, padding=1, groups=quarter)
        self.wide = nn.Conv2d(quarter, quarter, 7, padding=3, groups=quarter)
        self.far = nn.Conv2d(quarter, quarter, 7, padding=9, dilation=3, groups=quarter)
        self.norm = ChannelNorm(channels)
        self.widen = nn.Conv2d(channels, 2 * channels, 1)
        self.narrow = nn.Conv2d(channels, channels, 1)
        self.scale = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        a, b, c, d = x.chunk(4, 1)
        y = torch.cat([a, self.near(b), self.wide(c), self.far(functional.avg_pool2d(d, 3, 1, 1))], 1)
        gate, value = self.widen(self.norm(y)).chunk(2, 1)
        return self.narrow(functional.silu(gate) * value) + self.scale * x


class Tiniest(nn.Sequential):
    """Three blocks of 48 channels, three of 80."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__(
            nn.Conv2d(3, 48, 3, padding=1),
            ChannelNorm(48),
            *(TiniestBlock(48) for _ in range(3)),
            nn.Conv2d(48, 80, 4, stride=2, padding=1, groups=16),
            ChannelNorm(80),
            *(TiniestBlock(80) for _ in range(3)),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(80, classes),
        )
