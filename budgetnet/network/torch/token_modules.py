"""Modules on tokens, the positions of an image; each stands alone, as in `budgetnet.network.torch.modules`.

Shapes are given with the batch N.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = [
    "ClassToken",
    "DotProductAttention",
    "FirstToken",
    "PositionEmbedding",
    "SelfAttention",
    "SequencePool",
    "TokenColumn",
    "TokenTranspose",
    "WeightedMean",
]


class SelfAttention(nn.Module):
    """Multi-head self-attention between all positions (Vaswani et al., arXiv 1706.03762)."""

    def __init__(self, entry: nn.Module, mix: nn.Module, project: nn.Module) -> None:
        super().__init__()
        self.entry = entry
        self.mix = mix
        self.project = project

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        tokens: Tensor = self.project(self.mix(self.entry(x.flatten(2).transpose(1, 2))))
        return tokens.transpose(1, 2).reshape(x.shape)


class DotProductAttention(nn.Module):
    """Scaled dot products of queries and keys, whose softmax weighs the values."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, T, 3 W), queries, keys and values of T tokens, to (N, T, W)."""
        queries, keys, values = torch.unflatten(x, 2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = nn.functional.scaled_dot_product_attention(queries, keys, values)
        return mixed.transpose(1, 2).flatten(2)


class PositionEmbedding(nn.Module):
    """A learned vector per position (Dosovitskiy et al., arXiv 2010.11929)."""

    def __init__(self, channels: int, height: int, width: int, init: float = 0.02) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, height, width))
        if init:
            nn.init.trunc_normal_(self.weight, std=init, a=-2 * init, b=2 * init)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        return x + self.weight


class TokenColumn(nn.Module):
    """The positions of an image, row by row, as one column."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H W, 1)."""
        return x.flatten(2).unsqueeze(3)


class TokenTranspose(nn.Module):
    """Channels and tokens exchanged (Tolstikhin et al., MLP-Mixer, arXiv 2105.01601)."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, H W, C, 1)."""
        return x.flatten(2).transpose(1, 2).unsqueeze(3)


class ClassToken(nn.Module):
    """One learned token in front of the others (Devlin et al., arXiv 1810.04805)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, 1 + H W, 1)."""
        return torch.cat([self.token.expand(x.shape[0], -1, -1, -1), x.flatten(2).unsqueeze(3)], dim=2)


class FirstToken(nn.Module):
    """The first position alone."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, 1, 1)."""
        return x[:, :, :1, :1]


class SequencePool(nn.Module):
    """A mean over all positions with learned weights (Hassani et al., arXiv 2104.05704)."""

    def __init__(self, weigh: nn.Module, mean: nn.Module) -> None:
        super().__init__()
        self.weigh = weigh
        self.mean = mean

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, 1, 1)."""
        tokens = x.flatten(2).transpose(1, 2)
        mean: Tensor = self.mean(self.weigh(tokens).softmax(dim=1), tokens)
        return mean


class WeightedMean(nn.Module):
    """Tokens added up with weights."""

    def forward(self, weights: Tensor, tokens: Tensor) -> Tensor:
        """Map weights (N, T, 1) and tokens (N, T, C) to (N, C, 1, 1)."""
        return torch.matmul(tokens.transpose(1, 2), weights).unsqueeze(3)
