"""GhostNet, and networks of torchvision and of `tests.networks.oracles` with a change; see `tests.networks.oracles`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import regnet

from tests.networks.function import weights
from tests.networks.oracles import BasicBlock, ResNet20

__all__ = ["EcaResNet20", "GhostNet", "regnet_y_400mf"]


def regnet_y_400mf() -> nn.Module:
    """Torchvision's RegNet, whose blocks make their shortcut before their body."""
    with torch.device("cpu"):  # torchvision works out the widths in tensors
        sizes = regnet.BlockParams.from_init_params(depth=16, w_0=48, w_a=27.89, w_m=2.09, group_width=8, se_ratio=0.25)
    module = regnet.RegNet(sizes)
    blocks = [block for stage in module.trunk_output for block in stage]
    inner = [part for block in blocks for part in (block.f, block.proj) if part is not None]
    module.in_order = lambda: [each for part in (module.stem, *inner, module.fc) for each in weights(part)]
    return module


# --- ECA (arXiv 1910.03151) in ResNet-20 -------------------------------------------------------------------


class EcaLayer(nn.Module):
    """Gates from a convolution along the channels."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.conv = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(self.avg_pool(x).squeeze(-1).transpose(-1, -2)).transpose(-1, -2).unsqueeze(-1)
        return x * torch.sigmoid(y).expand_as(x)


class EcaBlock(BasicBlock):
    """A basic block with gates in front of its sum."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__(channels_in, channels_out, stride, "A")
        self.eca = EcaLayer(3)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        y = self.eca(self.bn2(self.conv2(y)))
        return functional.relu(y + self.shortcut(x))


class EcaResNet20(ResNet20):
    """ResNet-20 of such blocks."""

    def __init__(self) -> None:
        super().__init__("A")
        widths = [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2
        self.blocks = nn.Sequential(*(EcaBlock(*width) for width in widths))


# --- GhostNet (arXiv 1911.11907; the sizes of github.com/huawei-noah/Efficient-AI-Backbones) ---------------------


def divisible(value: float, divisor: int = 4) -> int:
    """The nearest multiple, at least 90 % of the value."""
    new = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return new + divisor if new < 0.9 * value else new


class GhostModule(nn.Module):
    """Half of the channels by a 1×1 convolution, the others from them by a depthwise one."""

    def __init__(self, channels_in: int, channels_out: int, relu: bool = True) -> None:
        super().__init__()
        half = channels_out // 2
        self.primary_conv = nn.Sequential(
            nn.Conv2d(channels_in, half, 1, bias=False), nn.BatchNorm2d(half), nn.ReLU() if relu else nn.Identity()
        )
        self.cheap_operation = nn.Sequential(
            nn.Conv2d(half, half, 3, 1, 1, groups=half, bias=False),
            nn.BatchNorm2d(half),
            nn.ReLU() if relu else nn.Identity(),
        )

    def forward(self, x: Tensor) -> Tensor:
        x1 = self.primary_conv(x)
        return torch.cat([x1, self.cheap_operation(x1)], dim=1)


class GhostSE(nn.Module):
    """Squeeze-and-excitation with a hard gate."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        reduced = divisible(channels * 0.25)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.conv_reduce = nn.Conv2d(channels, reduced, 1)
        self.conv_expand = nn.Conv2d(reduced, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * functional.hardsigmoid(self.conv_expand(functional.relu(self.conv_reduce(self.pool(x)))))


class GhostBottleneck(nn.Module):
    """Two ghost modules, with a depthwise convolution between them where the image is halved."""

    def __init__(self, channels_in: int, k: int, mid: int, channels_out: int, squeeze: bool, stride: int) -> None:
        super().__init__()
        self.ghost1 = GhostModule(channels_in, mid)
        self.conv_dw: nn.Module = nn.Identity()
        if stride > 1:
            self.conv_dw = nn.Sequential(
                nn.Conv2d(mid, mid, k, stride, k // 2, groups=mid, bias=False), nn.BatchNorm2d(mid)
            )
        self.se = GhostSE(mid) if squeeze else nn.Identity()
        self.ghost2 = GhostModule(mid, channels_out, relu=False)
        self.shortcut: nn.Module = nn.Identity()
        if channels_in != channels_out or stride > 1:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_in, k, stride, k // 2, groups=channels_in, bias=False),
                nn.BatchNorm2d(channels_in),
                nn.Conv2d(channels_in, channels_out, 1, bias=False),
                nn.BatchNorm2d(channels_out),
            )

    def forward(self, x: Tensor) -> Tensor:
        return self.ghost2(self.se(self.conv_dw(self.ghost1(x)))) + self.shortcut(x)


class GhostNet(nn.Module):
    """GhostNet 1.0x."""

    # kernel, width inside, width, squeeze-and-excitation, stride
    blocks = (
        (3, 16, 16, False, 1), (3, 48, 24, False, 2), (3, 72, 24, False, 1), (5, 72, 40, True, 2),
        (5, 120, 40, True, 1), (3, 240, 80, False, 2), (3, 200, 80, False, 1), (3, 184, 80, False, 1),
        (3, 184, 80, False, 1), (3, 480, 112, True, 1), (3, 672, 112, True, 1), (5, 672, 160, True, 2),
        (5, 960, 160, False, 1), (5, 960, 160, True, 1), (5, 960, 160, False, 1), (5, 960, 160, True, 1),
    )  # fmt: skip

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
        width = 16
        for kernel, mid, after, squeeze, stride in self.blocks:
            layers.append(GhostBottleneck(width, kernel, mid, after, squeeze, stride))
            width = after
        layers += [nn.Conv2d(width, 960, 1, bias=False), nn.BatchNorm2d(960), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
        layers += [nn.Conv2d(960, 1280, 1), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(1280, classes)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``(N, 3, 224, 224)`` to class scores ``(N, classes)``."""
        return self.layers(x)
