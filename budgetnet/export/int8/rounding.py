"""A trained network that rounds where its int8 form rounds, with gradients, so that it can learn against it.

The network is taken as ``torch.export`` sees it in eval mode: batch norms keep their statistics, as they do when they
are folded. Weights are rounded per output channel to 7 bits, values to unsigned 8 bits with one range per tensor
(`budgetnet.export.int8.quantise`). A batch norm behind a convolution scales each of its channels and its rounding steps
alike, so rounding before or after folding is the same. Gradients pass the rounding unchanged, and stop where a
value is out of its range (Jacob et al. 2018, arXiv 1712.05877, section 3).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx, nn

from budgetnet.export.formats import exported_program

__all__ = ["RoundedNetwork"]

_WITH_WEIGHT = ("conv1d", "conv2d", "linear")
_NORMS = ("batch_norm",)
_ACTIVATIONS = ("relu", "relu_", "hardtanh", "hardtanh_", "relu6", "clamp")
"""Operators that an int8 kernel computes as the end of the one in front of it."""
_POOLS = ("max_pool2d", "adaptive_max_pool2d")
_MOVES = (
    *_POOLS, "alias", "chunk", "clone", "contiguous", "detach", "dropout", "expand", "flatten", "permute", "repeat",
    "repeat_interleave", "reshape", "select", "slice", "split", "split_with_sizes", "squeeze", "transpose", "unflatten",
    "unsqueeze", "upsample_nearest2d", "view", "getitem", "channel_shuffle",
)  # fmt: skip
"""Operators that put out values that they got, which are rounded already."""
_STEPS = 255
_WEIGHT_STEPS = 64
_LEAST = 1e-8


class RoundedNetwork(nn.Module):
    """Images (N, C, H, W) to logits (N, K), with the rounding of int8.

    Args:
        model: a trained network; its parameters are trained in place.
        calibration: images (N, C, H, W) as the network takes them, whose extremes give the ranges.

    Raises:
        ExportError: torch cannot export the network.
    """

    def __init__(self, model: nn.Module, calibration: Tensor) -> None:
        super().__init__()
        graph = exported_program(model, calibration[:2]).module(check_guards=False)
        for node in list(graph.graph.nodes):
            if _is_rounded(node):
                _insert_rounding(graph, node)
            if _name(node) in _WITH_WEIGHT:
                with graph.graph.inserting_before(node):
                    node.update_arg(1, graph.graph.call_function(_rounded_weight, (node.args[1],)))
        graph.recompile()
        self.graph = graph
        self.ranges = [part for part in graph.modules() if isinstance(part, _Range)]
        with torch.no_grad():
            for start in range(0, len(calibration), 128):
                graph(calibration[start : start + 128])
        for entry in self.ranges:
            entry.fixed = True

    def forward(self, images_nchw: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.graph(images_nchw)
        return logits

    def train(self, mode: bool = True) -> RoundedNetwork:
        """Do nothing: norms keep their statistics, and there is no dropout."""
        del mode
        return self


class _Range(nn.Module):
    """Rounds values to the steps of a range, which it learns until it is fixed."""

    low: Tensor
    high: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.fixed = False
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.zeros(()))

    def forward(self, values: Tensor) -> Tensor:
        """Return values of the same shape."""
        if not self.fixed:
            self.low = torch.minimum(self.low, values.min())
            self.high = torch.maximum(self.high, values.max())
            return values
        scale = float((self.high - self.low).clamp(min=_LEAST)) / _STEPS
        return torch.fake_quantize_per_tensor_affine(values, scale, round(float(-self.low) / scale), 0, _STEPS)


def _rounded_weight(weight: Tensor) -> Tensor:
    """Return a weight (K, …), each of the K channels on steps of its own."""
    scale = weight.detach().abs().flatten(1).amax(dim=1).clamp(min=_LEAST) / _WEIGHT_STEPS
    zeros = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zeros, 0, -_WEIGHT_STEPS, _WEIGHT_STEPS)


def _name(node: fx.Node) -> str:
    """Return an operator's name without namespace and overload: ``conv2d``."""
    if node.op != "call_function":
        return ""
    return getattr(node.target, "_opname", getattr(node.target, "__name__", ""))


def _is_rounded(node: fx.Node) -> bool:
    """Return True if a kernel in int8 would write this value; what the next kernel takes in is never written."""
    value = node.meta.get("val")
    if node.op not in ("call_function", "placeholder") or not isinstance(value, Tensor):
        return False
    if not value.is_floating_point() or _name(node) in _MOVES:
        return False
    return not (_name(node) in (*_WITH_WEIGHT, *_NORMS, "add") and _name(_next(node)) in _taken_in_by(node))


def _taken_in_by(node: fx.Node) -> tuple[str, ...]:
    return (*_NORMS, *_ACTIVATIONS) if _name(node) in _WITH_WEIGHT else _ACTIVATIONS


def _next(node: fx.Node) -> fx.Node:
    """Return the only reader of a value, past max poolings, which change places with norms and activations."""
    while len(node.users) == 1:
        node = next(iter(node.users))
        if _name(node) not in _POOLS:
            break
    return node


def _insert_rounding(graph: fx.GraphModule, node: fx.Node) -> None:
    name = f"range_{node.name}"
    graph.add_submodule(name, _Range())
    users: dict[Any, None] = dict(node.users)
    with graph.graph.inserting_after(node):
        rounded = graph.graph.call_module(name, (node,))
    for user in users:
        user.replace_input_with(node, rounded)
