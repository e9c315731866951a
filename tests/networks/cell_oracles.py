"""Networks of cells in plain PyTorch, as people usually write them: NAS-Bench-201 and DARTS.

Written from the papers, in the order in which modules run, so that weights can be carried over in order.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["DartsNetwork", "NasBench201"]


# --- NAS-Bench-201 (arXiv 2001.00326) -----------------------------------------------------------------


class ReLUConvBN(nn.Sequential):
    """The convolution of NAS-Bench-201 and of DARTS' cell inputs."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> None:
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(channels_out),
        )


class Zero(nn.Module):
    """The operation ``none``."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 0.0


class NasBench201Cell(nn.Module):
    """Four nodes; ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`` says what stands on the six edges."""

    def __init__(self, text: str, channels: int) -> None:
        super().__init__()
        self.nodes = nn.ModuleList()
        for node in text.split("+"):
            names = [edge.split("~")[0] for edge in node.strip("|").split("|")]
            self.nodes.append(nn.ModuleList(self.operation(name, channels) for name in names))

    @staticmethod
    def operation(name: str, channels: int) -> nn.Module:
        return {
            "none": Zero,
            "skip_connect": nn.Identity,
            "nor_conv_1x1": lambda: ReLUConvBN(channels, channels, 1),
            "nor_conv_3x3": lambda: ReLUConvBN(channels, channels, 3),
            "avg_pool_3x3": lambda: nn.AvgPool2d(3, 1, 1, count_include_pad=False),
        }[name]()

    def forward(self, x: Tensor) -> Tensor:
        values = [x]
        for operations in self.nodes:
            values.append(sum(operation(value) for operation, value in zip(operations, values, strict=True)))
        return values[-1]


class ReductionBlock(nn.Module):
    """What halves the image between two stages."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv_a = ReLUConvBN(channels_in, channels_out, 3, 2)
        self.conv_b = ReLUConvBN(channels_out, channels_out, 3)
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(channels_in, channels_out, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.conv_b(self.conv_a(x))


class NasBench201(nn.Module):
    """Three stages of equal cells."""

    def __init__(self, text: str, channels: int = 16, cells: int = 5, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))
        parts: list[nn.Module] = []
        for stage in range(3):
            width = channels * 2**stage
            if stage:
                parts.append(ReductionBlock(width // 2, width))
            parts += [NasBench201Cell(text, width) for _ in range(cells)]
        self.cells = nn.Sequential(*parts)
        self.last = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU())
        self.fc = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``(N, 3, H, W)`` to class scores ``(N, classes)``."""
        x = self.last(self.cells(self.stem(x)))
        x = functional.adaptive_avg_pool2d(x, 1)
        return self.fc(torch.flatten(x, 1))


# --- DARTS (arXiv 1806.09055) -------------------------------------------------------------------------


class SepConv(nn.Sequential):
    """ReLU, depthwise, 1×1, norm; twice."""

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        def once(stride: int) -> list[nn.Module]:
            return [
                nn.ReLU(),
                nn.Conv2d(channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False),
                nn.Conv2d(channels, channels, 1, bias=False),
                nn.BatchNorm2d(channels),
            ]

        super().__init__(*once(stride), *once(1))


class DilConv(nn.Sequential):
    """ReLU, dilated depthwise, 1×1, norm."""

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(channels, channels, kernel, stride, kernel - 1, dilation=2, groups=channels, bias=False),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )


class FactorizedReduce(nn.Module):
    """Two strided 1×1 convolutions, the second one position on."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out // 2, 1, 2, bias=False)
        self.conv2 = nn.Conv2d(channels_in, channels_out // 2, 1, 2, bias=False)
        self.bn = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(x)
        return self.bn(torch.cat([self.conv1(x), self.conv2(x[:, :, 1:, 1:])], 1))


class DartsCell(nn.Module):
    """Four nodes of two operations each, on the outputs of the two cells before."""

    # The published DARTS_V2: operation and input of each edge, two edges for each node.
    normal = (
        ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_3x3", 1),
        ("sep_conv_3x3", 1), ("skip_connect", 0), ("skip_connect", 0), ("dil_conv_3x3", 2),
    )  # fmt: skip
    reduction = (
        ("max_pool_3x3", 0), ("max_pool_3x3", 1), ("skip_connect", 2), ("max_pool_3x3", 1),
        ("max_pool_3x3", 0), ("skip_connect", 2), ("skip_connect", 2), ("max_pool_3x3", 1),
    )  # fmt: skip

    def __init__(self, before: int, last: int, channels: int, reduction: bool, reduced_before: bool) -> None:
        super().__init__()
        self.first: nn.Module = ReLUConvBN(before, channels, 1)
        if reduced_before:
            self.first = FactorizedReduce(before, channels)
        self.second = ReLUConvBN(last, channels, 1)
        self.edges = self.reduction if reduction else self.normal
        self.operations = nn.ModuleList(
            self.operation(name, channels, 2 if reduction and source < 2 else 1) for name, source in self.edges
        )

    @staticmethod
    def operation(name: str, channels: int, stride: int) -> nn.Module:
        match name:
            case "sep_conv_3x3":
                return SepConv(channels, 3, stride)
            case "dil_conv_3x3":
                return DilConv(channels, 3, stride)
            case "max_pool_3x3":
                return nn.MaxPool2d(3, stride, 1)
            case _:
                return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels)

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        values = [self.first(before), self.second(last)]
        for node in range(4):
            pair = range(2 * node, 2 * node + 2)
            values.append(sum(self.operations[i](values[self.edges[i][1]]) for i in pair))
        return torch.cat(values[2:], 1)


class DartsNetwork(nn.Module):
    """Cells in a row; those at the indices in ``reductions`` halve the image and double the width."""

    def __init__(self, channels: int, cells: int, reductions: tuple[int, ...] = (), classes: int = 10) -> None:
        super().__init__()
        before = last = 3 * channels
        self.stem = nn.Sequential(nn.Conv2d(3, last, 3, 1, 1, bias=False), nn.BatchNorm2d(last))
        self.cells = nn.ModuleList()
        for index in range(cells):
            channels *= 2 if index in reductions else 1
            self.cells.append(DartsCell(before, last, channels, index in reductions, index - 1 in reductions))
            before, last = last, 4 * channels
        self.fc = nn.Linear(last, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``(N, 3, H, W)`` to class scores ``(N, classes)``."""
        before = last = self.stem(x)
        for cell in self.cells:
            before, last = last, cell(before, last)
        return self.fc(torch.flatten(functional.adaptive_avg_pool2d(last, 1), 1))
