"""An own primitive for studies/own-block.yaml: a convolution that a second one switches on and off."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from budgetnet.network.cost import CustomCost


class Gated(nn.Module):
    """Gated convolution (Dauphin et al., arXiv 1612.08083): one half of its channels is the gate of the other."""

    def __init__(
        self, shape: tuple[int, ...], channels: int, kernel: int = 3, gate: Literal["sigmoid", "tanh"] = "sigmoid"
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(shape[0], 2 * channels, kernel, padding=kernel // 2)
        self.gate = torch.sigmoid if gate == "sigmoid" else torch.tanh

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, channels, H, W)."""
        values, gates = self.conv(x).chunk(2, dim=1)
        return values * self.gate(gates)

    @staticmethod
    def cost(shape: tuple[int, ...], channels: int, kernel: int, **_: object) -> CustomCost:
        """Count the convolution; products and gates are free, as everywhere in budgetnet."""
        inputs, height, width = shape
        if kernel % 2 == 0:
            raise ValueError("an even kernel would change the size of the image")
        weights = 2 * channels * inputs * kernel**2
        return CustomCost(
            output=(channels, height, width),
            params=weights + 2 * channels,
            flops=weights * height * width,
            activations=2 * channels * height * width,
            growth=kernel - 1,
        )


class Blur(nn.Module):
    """Each channel smoothed by a fixed 3x3 kernel, every second position kept: a max pooling's calmer sister."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        line = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("kernel", torch.outer(line, line).expand(shape[0], 1, 3, 3).clone())

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, ⌈H/2⌉, ⌈W/2⌉)."""
        return nn.functional.conv2d(x, self.kernel, stride=2, padding=1, groups=x.shape[1])
