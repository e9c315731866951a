"""A primitive's torch layers; the shapes around it are known."""

from __future__ import annotations

from math import prod
from typing import assert_never

from torch import nn

from budgetnet.errors import RequestError
from budgetnet.language.vocabulary import ACTIVATIONS
from budgetnet.network import tree
from budgetnet.network.modules import ChannelPad, ChannelScale, ChannelShuffle, LayerNorm2d, SqueezeExcite, Zero
from budgetnet.network.shapes import pool_stride, symmetric_padding
from budgetnet.network.tree import Shape

__all__ = ["activation", "primitive_layers"]


def primitive_layers(node: tree.Primitive, shape: Shape) -> list[nn.Module]:
    """Return the layers of a built-in primitive on an input of *shape* that is known to suit it.

    A part that is switched off (``norm="none"``, ``dropout=0``, ``identity``) leaves no layer.
    """
    channels = shape[0]
    match node:
        case tree.Conv():
            return _convolution(node, channels, node.channels, node.groups)
        case tree.DepthwiseConv():
            return _convolution(node, channels, channels * node.multiplier, channels)
        case tree.Linear():
            flatten: list[nn.Module] = [nn.Flatten()] if len(shape) > 1 else []
            linear = nn.Linear(prod(shape), node.features, bias=node.bias)
            return [*flatten, linear, *_activations(node.act), *_dropouts(node.dropout)]
        case tree.MaxPool():
            return [nn.MaxPool2d(node.kernel, pool_stride(node), symmetric_padding(node.padding, node.kernel))]
        case tree.AvgPool():
            return [nn.AvgPool2d(node.kernel, pool_stride(node), symmetric_padding(node.padding, node.kernel))]
        case tree.GlobalAvgPool():
            return [nn.AdaptiveAvgPool2d(1)]
        case tree.GlobalMaxPool():
            return [nn.AdaptiveMaxPool2d(1)]
        case tree.Norm():
            return _norms(node.kind, channels, node.groups)
        case tree.Act():
            return _activations(node.kind)
        case tree.Dropout():
            return _dropouts(node.rate)
        case tree.SqueezeExcite():
            act = next(iter(_activations(node.act)), nn.Identity())
            return [SqueezeExcite(channels, max(1, channels // node.reduction), act, activation(node.gate))]
        case tree.Shuffle():
            return [ChannelShuffle(node.groups)]
        case tree.Identity():
            return []
        case tree.Zero():
            return [Zero(node.stride)]
        case tree.Scale():
            return [ChannelScale(channels, node.init)]
        case tree.Pad():
            return [ChannelPad(node.channels - channels, node.stride)]
        case tree.Custom():
            raise RequestError(f"the primitive {node.name!r} is not built in; name the Python file that defines it")
        case _:
            assert_never(node)


def activation(kind: str) -> nn.Module:
    """Return the activation of that name, with PyTorch's defaults and never in place.

    In place, an activation would overwrite the input that a skip or another branch still needs.
    """
    match kind:
        case "relu":
            return nn.ReLU()
        case "relu6":
            return nn.ReLU6()
        case "gelu":
            return nn.GELU()
        case "silu":
            return nn.SiLU()
        case "hardswish":
            return nn.Hardswish()
        case "leaky_relu":
            return nn.LeakyReLU()
        case "sigmoid":
            return nn.Sigmoid()
        case "tanh":
            return nn.Tanh()
        case "hardsigmoid":
            return nn.Hardsigmoid()
        case _:
            raise RequestError(f"an activation is one of {', '.join(ACTIVATIONS)}, got {kind!r}")


def _convolution(node: tree.Conv | tree.DepthwiseConv, before: int, after: int, groups: int) -> list[nn.Module]:
    """Convolution, norm, activation and dropout in the node's order; a norm in front acts on the input's width."""
    bias = node.norm == "none" if node.bias == "auto" else node.bias == "true"
    padding = symmetric_padding(node.padding, node.kernel, node.dilation)
    width = before
    layers: list[nn.Module] = []
    for word in node.order.split():
        match word:
            case "conv":
                layers.append(
                    nn.Conv2d(
                        before,
                        after,
                        node.kernel,
                        stride=node.stride,
                        padding=padding,
                        dilation=node.dilation,
                        groups=groups,
                        bias=bias,
                    )
                )
                width = after
            case "norm":
                layers += _norms(node.norm, width)
            case "act":
                layers += _activations(node.act)
            case "drop":
                layers += _dropouts(node.dropout)
            case _:
                raise RequestError(f"an order is made of conv, norm, act and drop, got {word!r}")
    return layers


def _norms(kind: str, channels: int, groups: int = 8) -> list[nn.Module]:
    match kind:
        case "batch":
            return [nn.BatchNorm2d(channels)]
        case "group":
            return [nn.GroupNorm(groups, channels)]
        case "layer":
            return [LayerNorm2d(channels)]
        case _:
            return []


def _activations(kind: str) -> list[nn.Module]:
    return [] if kind == "none" else [activation(kind)]


def _dropouts(rate: float) -> list[nn.Module]:
    return [nn.Dropout(rate)] if rate else []
