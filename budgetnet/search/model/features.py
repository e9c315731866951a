"""Features of a network, worked out from its tree: what a model of a study can learn from. No torch, microseconds.

The names are stable within `FEATURES_VERSION`. A name begins with its group:

- ``size``: log10 of ``params``, ``flops``, ``activations`` and ``memory`` (peak bytes of activations).
- ``form``: ``depth`` (weighted layers on the longest path), ``receptive_field`` (log2 of its side in pixels),
  ``layers`` (all weighted layers), ``skips``, ``branches`` (of parallel and split parts), ``shared`` (repeated uses of
  shared parts), ``graphs``, ``classifier`` (share of parameters in linear layers).
- ``level0``, ``level1`` …: the resolutions; the number is how often the image's height was halved (rounded) at a
  layer's output. ``params`` and ``flops`` are shares of the whole, ``width`` is log2 of the mean number of channels
  that weighted layers put out, ``layers`` counts those, ``blocks`` counts skips. A level without layers has zeros.
- ``op``: ``NAME`` counts a primitive, ``NAME.params`` and ``NAME.flops`` are its shares; of convolutions also
  ``kernelK``, ``dilated``, ``grouped``, ``strided`` (counts) and ``groups`` (sum of log2); ``act.KIND`` and
  ``norm.KIND`` count activations and norms, those inside convolutions too; ``dropout.rate`` is the sum of the rates.
- ``decision``: every decision of the derivation, ``decision.NAME`` with its value where that is a number,
  ``decision.NAME=LABEL`` with 1 where it is not.

A part that runs several times is counted as often as it runs, its parameters once. Features that are not there are 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import log2, log10

from budgetnet.derivation.decision import Label
from budgetnet.network import nodes
from budgetnet.network.cost.closed_form import cost
from budgetnet.network.cost.combine import custom_part, leaf, part_of
from budgetnet.network.cost.dag_cost import graph_part
from budgetnet.network.cost.types import Cost, CustomForm
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.shapes import slice_shapes
from budgetnet.ops.base import Operation, PartCost

__all__ = ["FEATURES_VERSION", "GROUPS", "features_of", "group_of"]

FEATURES_VERSION = 1
"""Rises when a feature's name or meaning changes; models and tables of different versions do not mix."""

GROUPS = ("size", "form", "level", "op", "decision")
"""The kinds of features, as `group_of` tells them."""

_NONE: Mapping[str, CustomForm] = {}
_NO_DECISIONS: Mapping[str, Label] = {}


def features_of(
    network: Node,
    input_shape: Shape,
    *,
    decisions: Mapping[str, Label] = _NO_DECISIONS,
    custom: Mapping[str, CustomForm] = _NONE,
    counted: Cost | None = None,
) -> dict[str, float]:
    """Return the features of a network, by name.

    Args:
        network: the network's tree.
        input_shape: ``(channels, height, width)`` of one image.
        decisions: of the network's derivation, by name; empty where it is not known.
        custom: closed forms of a study's own primitives, by name.
        counted: the network's cost, if it is known already.

    Raises:
        ShapeError: the network cannot be applied to such an input.
        CountError: it holds a study's own primitive without a closed form.
    """
    total = counted or cost(network, input_shape, custom=custom)
    walk = _Walk(input_shape, custom)
    walk.visit(network, input_shape, 1)
    found = walk.found
    found["size.params"] = log10(max(total.params, 1))
    found["size.flops"] = log10(max(total.flops, 1))
    found["size.activations"] = log10(max(total.activations, 1))
    found["size.memory"] = log10(max(total.peak_activation_bytes, 1))
    found["form.depth"] = total.depth
    found["form.receptive_field"] = log2(max(total.receptive_field, 1))
    _shares(found, max(total.params, 1), max(total.flops, 1))
    for name, label in decisions.items():
        if isinstance(label, bool) or not isinstance(label, int | float):
            found[f"decision.{name}={label}"] = 1.0
        else:
            found[f"decision.{name}"] = float(label)
    return dict(found)


def group_of(name: str) -> str:
    """Return which of `GROUPS` a feature belongs to."""
    head = name.partition(".")[0]
    return "level" if head.startswith("level") else head


@dataclass
class _Walk:
    """Sums over the primitives of one network; shares are still sums of parameters and FLOPs."""

    input_shape: Shape
    custom: Mapping[str, CustomForm]
    found: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def visit(self, node: Node, shape: Shape, times: int) -> Shape:
        """Add what a part brings, run *times* times on an input of *shape*; return the shape after it."""
        match node:
            case nodes.Sequence():
                for item in node.items:
                    shape = self.visit(item, shape, times)
                return shape
            case nodes.Skip():
                self.found["form.skips"] += times
                self.found[f"{_level(self.input_shape, shape)}.blocks"] += times
                if node.project is not None:
                    self.visit(node.project, shape, times)
                return self.visit(node.body, shape, times)
            case nodes.Parallel() | nodes.Split():
                self.found["form.branches"] += times * len(node.branches)
                count = len(node.branches)
                entries = slice_shapes(shape, count, node.shares) if isinstance(node, nodes.Split) else (shape,) * count
                for branch, entry in zip(node.branches, entries, strict=True):
                    self.visit(branch, entry, times)
                return part_of(node, shape, self.custom).shape
            case nodes.Shared():
                self.found["form.shared"] += times * (node.times - 1)
                return self.visit(node.body, shape, times * node.times)
            case nodes.Graph():
                self.found["form.graphs"] += times
                return graph_part(node, shape, lambda inner, entry: self._inside(inner, entry, times)).shape
            case nodes.Custom():
                return self._add(f"op.{node.name}", (), custom_part(node, shape, self.custom), times)
            case _:
                return self._add(*_described(node), leaf(node, shape), times)

    def _inside(self, inner: Node, entry: Shape, times: int) -> PartCost:
        self.visit(inner, entry, times)
        return part_of(inner, entry, self.custom)

    def _add(self, name: str, extras: tuple[tuple[str, float], ...], part: PartCost, times: int) -> Shape:
        """Add one primitive; its parameters count once, however often it runs."""
        found = self.found
        found[name] += times
        for extra, value in extras:
            found[extra] += value * times
        heads = [name]
        if len(part.shape) == 3:
            heads.append(_level(self.input_shape, part.shape))
        if part.params or part.flops:
            for head in heads:
                found[f"{head}.params"] += part.params
                found[f"{head}.flops"] += part.flops * times
        if part.depth:
            layers = part.depth * times
            found["form.layers"] += layers
            for head in heads[1:]:
                found[f"{head}.layers"] += layers
                found[f"{head}.width"] += part.shape[0] * layers
        return part.shape


def _shares(found: defaultdict[str, float], params: int, flops: int) -> None:
    """Turn sums into shares and means, in place."""
    for name in list(found):
        if name.endswith(".params") and not name.startswith("size."):
            found[name] /= params
        elif name.endswith(".flops") and not name.startswith("size."):
            found[name] /= flops
        elif name.endswith(".width"):
            found[name] = log2(found[name] / found[f"{name.partition('.')[0]}.layers"])
    found["form.classifier"] = found.get("op.linear.params", 0.0)


@lru_cache(maxsize=1 << 10)
def _level(image: Shape, shape: Shape) -> str:
    height = shape[1] if len(shape) == 3 else 1
    return f"level{max(0, round(log2(max(image[1], 1) / max(height, 1))))}"


@lru_cache(maxsize=1 << 16)
def _described(node: Operation) -> tuple[str, tuple[tuple[str, float], ...]]:
    """Return a primitive's name and what else counts, each for one use."""
    extras: list[tuple[str, float]] = []
    name = f"op.{node.word}"
    if isinstance(node, nodes.Conv | nodes.DepthwiseConv):
        extras.append((f"op.kernel{node.kernel}", 1.0))
        if node.dilation != 1:
            extras.append(("op.dilated", 1.0))
        if node.stride != 1:
            extras.append(("op.strided", 1.0))
        if isinstance(node, nodes.Conv) and node.groups > 1:
            extras += [("op.grouped", 1.0), ("op.groups", log2(node.groups))]
        if node.norm != "none":
            extras.append((f"op.norm.{node.norm}", 1.0))
    if isinstance(node, nodes.Conv | nodes.DepthwiseConv | nodes.Linear):
        if node.act != "none":
            extras.append((f"op.act.{node.act}", 1.0))
        if node.dropout:
            extras.append(("op.dropout.rate", float(node.dropout)))
    match node:
        case nodes.Act():
            name = f"op.act.{node.kind}"
        case nodes.Norm():
            name = f"op.norm.{node.kind}"
        case nodes.Dropout():
            extras = [("op.dropout.rate", float(node.rate))]
        case nodes.SqueezeExcite():
            extras = [(f"op.act.{node.act}", 1.0), (f"op.act.{node.gate}", 1.0)]
        case _:
            pass
    return name, tuple(extras)
