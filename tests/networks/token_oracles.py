"""Networks on tokens in plain PyTorch, as people usually write them; see `tests.networks.oracles`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.vision_transformer import VisionTransformer

from tests.networks.function import weights

__all__ = ["CCT", "MlpMixer", "ViTTiny"]


class ViTTiny(VisionTransformer):
    """torchvision's vision transformer in the sizes of DeiT-tiny, for 32×32."""

    def __init__(self) -> None:
        super().__init__(
            image_size=32, patch_size=4, num_layers=12, num_heads=3, hidden_dim=192, mlp_dim=768, num_classes=10
        )

    def in_order(self) -> list[Tensor]:
        """Weights in the order in which they are used; the positions of a network here come after the channels."""
        positions = self.encoder.pos_embedding[0].T
        parts = (self.encoder.layers, self.encoder.ln, self.heads)
        return [
            *weights(self.conv_proj),
            self.class_token,
            positions,
            *(each for part in parts for each in weights(part)),
        ]


# --- CCT (arXiv 2104.05704; the modules of github.com/SHI-Labs/Compact-Transformers) --------------------------


class CCTAttention(nn.Module):
    """Self-attention without biases in front."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, dim * 3, bias=False)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        n, t, c = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(q, k, v)
        return self.proj(attended.transpose(1, 2).reshape(n, t, c))


class CCTEncoder(nn.Module):
    """Pre-norm attention, then a norm and a perceptron."""

    def __init__(self, dim: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.pre_norm = nn.LayerNorm(dim)
        self.self_attn = CCTAttention(dim, heads)
        self.norm1 = nn.LayerNorm(dim)
        self.linear1 = nn.Linear(dim, hidden)
        self.linear2 = nn.Linear(hidden, dim)

    def forward(self, src: Tensor) -> Tensor:
        src = src + self.self_attn(self.pre_norm(src))
        src = self.norm1(src)
        return src + self.linear2(functional.gelu(self.linear1(src)))


class CCT(nn.Module):
    """CCT-2/3x2 with learned positions."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        stages = [(3, 64), (64, 128)]
        self.tokenizer = nn.Sequential(
            *(nn.Sequential(nn.Conv2d(i, o, 3, 1, 1, bias=False), nn.ReLU(), nn.MaxPool2d(3, 2, 1)) for i, o in stages)
        )
        self.positional_emb = nn.Parameter(torch.zeros(1, 64, 128))
        self.blocks = nn.Sequential(*(CCTEncoder(128, 2, 128) for _ in range(2)))
        self.norm = nn.LayerNorm(128)
        self.attention_pool = nn.Linear(128, 1)
        self.fc = nn.Linear(128, classes)

    def in_order(self) -> list[Tensor]:
        """Weights in the order in which they are used."""
        parts = (self.blocks, self.norm, self.attention_pool, self.fc)
        positions = self.positional_emb[0].T
        return [*weights(self.tokenizer), positions, *(each for part in parts for each in weights(part))]

    def forward(self, x: Tensor) -> Tensor:
        """Images ``(N, 3, 32, 32)`` to class scores ``(N, classes)``."""
        x = self.tokenizer(x).flatten(2).transpose(1, 2) + self.positional_emb
        x = self.norm(self.blocks(x))
        x = torch.matmul(functional.softmax(self.attention_pool(x), dim=1).transpose(-1, -2), x).squeeze(-2)
        return self.fc(x)


# --- MLP-Mixer (arXiv 2105.01601, appendix E) --------------------------------------------------------------


class Mlp(nn.Sequential):
    """Two linear layers."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))


class MixerBlock(nn.Module):
    """Mixes tokens, then channels."""

    def __init__(self, dim: int, tokens: int, tokens_hidden: int, channels_hidden: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp_tokens = Mlp(tokens, tokens_hidden)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp_channels = Mlp(dim, channels_hidden)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.mlp_tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.mlp_channels(self.norm2(x))


class MlpMixer(nn.Module):
    """Mixer-S/16."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 512, 16, 16)
        self.blocks = nn.Sequential(*(MixerBlock(512, 196, 256, 2048) for _ in range(8)))
        self.norm = nn.LayerNorm(512, eps=1e-6)
        self.head = nn.Linear(512, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``(N, 3, 224, 224)`` to class scores ``(N, classes)``."""
        x = self.stem(x).flatten(2).transpose(1, 2)
        return self.head(self.norm(self.blocks(x)).mean(dim=1))
