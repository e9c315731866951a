"""cifar10-200k-27, a classifier for cifar10 (image files).

179,974 parameters; 13,996,608 FLOPs (one multiply-add = one FLOP); test accuracy 86.45 ± 0.04 % (3 seeds).

Only torch is needed; the weights come with safetensors:

    from safetensors.torch import load_file

    model = Network()
    model.load_state_dict(load_file("weights.safetensors"))
    model.eval()
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn


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


class SqueezeExcite(nn.Module):
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


class Network(nn.Sequential):
    """Images (N, 3, 32, 32) to logits (N, 10); 179,974 parameters.

    The comment behind a layer is the shape it puts out, without the batch.
    """

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 24, 3, padding=1),  # 24 x 32 x 32
            nn.MaxPool2d(2),  # 24 x 16 x 16
            nn.BatchNorm2d(24),  # 24 x 16 x 16
            nn.ReLU(),  # 24 x 16 x 16
            nn.Conv2d(24, 48, 3, padding=1, bias=False),  # 48 x 16 x 16
            nn.BatchNorm2d(48),  # 48 x 16 x 16
            nn.ReLU(),  # 48 x 16 x 16
            nn.Conv2d(48, 48, 3, padding=1),  # 48 x 16 x 16
            nn.MaxPool2d(2),  # 48 x 8 x 8
            nn.BatchNorm2d(48),  # 48 x 8 x 8
            nn.ReLU(),  # 48 x 8 x 8
            Residual(
                nn.Sequential(
                    nn.Conv2d(48, 48, 3, padding=1, bias=False),  # 48 x 8 x 8
                    nn.BatchNorm2d(48),  # 48 x 8 x 8
                    nn.ReLU(),  # 48 x 8 x 8
                    SqueezeExcite(48, 12, nn.ReLU(), nn.Sigmoid()),  # 48 x 8 x 8
                ),  # 48 x 8 x 8
            ),  # 48 x 8 x 8
            nn.Conv2d(48, 96, 3, padding=1),  # 96 x 8 x 8
            nn.MaxPool2d(2),  # 96 x 4 x 4
            nn.BatchNorm2d(96),  # 96 x 4 x 4
            nn.ReLU(),  # 96 x 4 x 4
            Residual(
                nn.Sequential(
                    nn.Conv2d(96, 96, 3, padding=2, dilation=2, bias=False),  # 96 x 4 x 4
                    nn.BatchNorm2d(96),  # 96 x 4 x 4
                    nn.ReLU(),  # 96 x 4 x 4
                ),  # 96 x 4 x 4
            ),  # 96 x 4 x 4
            nn.AdaptiveAvgPool2d(1),  # 96 x 1 x 1
            nn.Flatten(),  # 96
            nn.Linear(96, 10),  # 10
        )


INPUT_SHAPE = (3, 32, 32)
"""Channels, height and width of one image."""

CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
"""What the logits stand for, in their order."""

MEAN = (0.4912503841145833, 0.482090271216299, 0.4465209360447304)
STD = (0.24523160744670253, 0.2427815502437434, 0.26062876810583285)
"""Of the train images, per channel, of pixels scaled to 0..1. Without them the weights are useless."""


def preprocess(pixels: torch.Tensor) -> torch.Tensor:
    """Return what the network takes: uint8 images (N, C, H, W) as normalised floats of the same shape."""
    mean = torch.tensor(MEAN, device=pixels.device).view(1, -1, 1, 1)
    std = torch.tensor(STD, device=pixels.device).view(1, -1, 1, 1)
    return (pixels.float() / 255 - mean) / std


def load(weights: str | Path = Path(__file__).with_name("weights.safetensors")) -> Network:
    """Return the network with its trained weights, ready for use (in eval mode, on the processor)."""
    model = Network()
    model.load_state_dict(load_file(weights))
    return model.eval()
