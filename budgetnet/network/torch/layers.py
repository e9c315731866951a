"""A primitive's torch layers; the shapes around it are known."""

from __future__ import annotations

from math import prod
from typing import assert_never

from torch import nn

from budgetnet.errors import RequestError
from budgetnet.network import nodes
from budgetnet.network.nodes import Shape
from budgetnet.network.shapes import pool_stride, symmetric_padding
from budgetnet.network.torch.modules import ChannelPad, ChannelScale, ChannelShuffle, LayerNorm2d, SqueezeExcite, Zero
from budgetnet.ops.signature import ACTIVATIONS

__all__ = ["activation", "primitive_layers"]


def primitive_layers(node: nodes.Primitive, shape: Shape) -> list[nn.Module]:
    """Return the layers of a built-in primitive on an input of *shape* that is known to suit it.

    A part that is switched off (``norm="none"``, ``dropout=0``, ``identity``) leaves no layer.
    """
    channels = shape[0]
    match node:
        case nodes.Conv():
            return _convolution(node, channels, node.channels, node.groups)
        case nodes.DepthwiseConv():
            return _convolution(node, channels, channels * node.multiplier, channels)
        case nodes.Linear():
            flatten: list[nn.Module] = [nn.Flatten()] if len(shape) > 1 else []
            linear = nn.Linear(prod(shape), node.features, bias=node.bias)
            return [*flatten, linear, *_activations(node.act), *_dropouts(node.dropout)]
        case nodes.MaxPool():
            return [nn.MaxPool2d(node.kernel, pool_stride(node), symmetric_padding(node.padding, node.kernel))]
        case nodes.AvgPool():
            return [nn.AvgPool2d(node.kernel, pool_stride(node), symmetric_padding(node.padding, node.kernel))]
        case nodes.GlobalAvgPool():
            return [nn.AdaptiveAvgPool2d(1)]
        case nodes.GlobalMaxPool():
            return [nn.AdaptiveMaxPool2d(1)]
        case nodes.Norm():
            return _norms(node.kind, channels, node.groups)
        case nodes.Act():
            return _activations(node.kind)
        case nodes.Dropout():
            return _dropouts(node.rate)
        case nodes.SqueezeExcite():
            act = next(iter(_activations(node.act)), nn.Identity())
            return [SqueezeExcite(channels, max(1, channels // node.reduction), act, activation(node.gate))]
        case nodes.Shuffle():
            return [ChannelShuffle(node.groups)]
        case nodes.Identity():
            return []
        case nodes.Zero():
            return [Zero(node.stride)]
        case nodes.Scale():
            return [ChannelScale(channels, node.init)]
        case nodes.Pad():
            return [ChannelPad(node.channels - channels, node.stride)]
        case nodes.Custom():
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


def _convolution(node: nodes.Conv | nodes.DepthwiseConv, before: int, after: int, groups: int) -> list[nn.Module]:
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
