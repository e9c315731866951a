"""Cost of combined parts: sequences, residual sums, branches, shared parts.

Every part is described by one `PartCost`, whatever is inside it, so a network is worked out from the leaves up in
one pass. Leaves are remembered per (primitive, input shape). Graphs are in `budgetnet.network.cost.dag_cost`.

Every draw and every candidate of a search is counted here, so loops are plain and look a part's kind up once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from math import prod
from typing import Any

from budgetnet.errors import ShapeError
from budgetnet.grammar.syntax import Join
from budgetnet.network import nodes
from budgetnet.network.cost.dag_cost import graph_part
from budgetnet.network.cost.types import CustomForm
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.shapes import describe_shape, joined_shape, slice_shapes
from budgetnet.ops.base import Operation, PartCost, square, widest, window_in_sequence

__all__ = ["count_leaf", "custom_part", "leaf", "part_of"]


@lru_cache(maxsize=1 << 18)
def count_leaf(node: Operation, shape: Shape) -> PartCost:
    """Return what a built-in operation does to an input of *shape*; equal operations are worked out once.

    Raises:
        ShapeError: it cannot be applied to such an input.
        CountError: it is a study's own primitive.
    """
    return node.part(shape)


def leaf(node: Operation, shape: Shape) -> PartCost:
    """Do the same as `count_leaf`, and remember the answer with the operation itself.

    The networks of one space share their operations, and finding an operation by its many arguments takes longer than
    all other work on it.
    """
    known = getattr(node, "known_parts", None)  # an exception would cost as much as the counting
    if known is None:
        known = {}
        object.__setattr__(node, "known_parts", known)
    part = known.get(shape)
    if part is None:
        part = known[shape] = count_leaf(node, shape)
    return part


def part_of(node: Node, shape: Shape, custom: Mapping[str, CustomForm]) -> PartCost:
    """Return what a part of a network does to an input of *shape*.

    Raises:
        ShapeError: it cannot be applied to such an input (plain text, no place).
        CountError: it holds a study's own primitive without a closed form.
    """
    combined = _COMBINED.get(type(node))
    if combined is not None:
        return combined(node, shape, custom)
    assert isinstance(node, Operation)
    return leaf(node, shape)


def _graph(node: nodes.Graph[Node], shape: Shape, custom: Mapping[str, CustomForm]) -> PartCost:
    return _custom_graph(node, shape, custom) if custom else _known_graph(node, shape)


def _custom_graph(node: nodes.Graph[Node], shape: Shape, custom: Mapping[str, CustomForm]) -> PartCost:
    return graph_part(node, shape, lambda inner, entry: part_of(inner, entry, custom))


@lru_cache(maxsize=1 << 12)
def _known_graph(node: nodes.Graph[Node], shape: Shape) -> PartCost:
    """Do the same for a graph of built-in operations; a cell stands many times in a network, and in its neighbours."""
    return _custom_graph(node, shape, {})


def custom_part(node: nodes.Custom, shape: Shape, custom: Mapping[str, CustomForm]) -> PartCost:
    """Return what a study's own primitive says it does to an input of *shape*."""
    form = custom.get(node.name)
    if form is None:
        return leaf(node, shape)  # which says what is missing
    cost = form(shape, **dict(node.arguments))
    size = prod(shape) + prod(cost.output)
    window = square(cost.growth, cost.stride)
    flash = 4 * cost.params if cost.flash is None else cost.flash
    return PartCost(
        cost.output, cost.params, cost.flops, cost.activations, size, size, cost.depth, window, False, flash
    )


def _sequence(node: nodes.Sequence, shape: Shape, custom: Mapping[str, CustomForm]) -> PartCost:
    params = flops = activations = depth = flash = 0
    windows = []
    alias = True
    entry = free = kept = prod(shape)
    for item in node.items:
        part = part_of(item, shape, custom)
        if part.alias:
            continue
        shape, own_params, own_flops, own_activations, own_free, own_kept, own_depth, window, _, own_flash = part
        params += own_params
        flops += own_flops
        activations += own_activations
        depth += own_depth
        flash += own_flash
        windows.append(window)
        if own_free > free:
            free = own_free
        # Only the first part that computes something touches the input; behind it the input merely stays.
        needed = own_kept if alias else entry + own_free
        if needed > kept:
            kept = needed
        alias = False
    return PartCost(shape, params, flops, activations, free, kept, depth, window_in_sequence(windows), alias, flash)


def _shared(node: nodes.Shared, shape: Shape, custom: Mapping[str, CustomForm]) -> PartCost:
    body = part_of(node.body, shape, custom)
    if body.shape != shape:
        raise ShapeError(
            f"a shared part must keep its input's shape, but got {describe_shape(shape)} -> "
            f"{describe_shape(body.shape)}"
        )
    return body._replace(
        flops=body.flops * node.times,
        activations=body.activations * node.times,
        kept=body.kept if node.times == 1 or body.alias else max(body.kept, prod(shape) + body.free),
        depth=body.depth * node.times,
        window=window_in_sequence([body.window] * node.times),
    )


def _skip(node: nodes.Skip, shape: Shape, custom: Mapping[str, CustomForm]) -> PartCost:
    body = part_of(node.body, shape, custom)
    if node.project is None:
        after = joined_shape("add", (shape, body.shape))
        entry = prod(shape)
        return PartCost(
            after,
            body.params,
            body.flops,
            body.activations,
            entry if body.alias else body.kept,
            2 * entry if body.alias else body.kept,
            body.depth,
            widest((square(0, 1), body.window)),
            False,
            body.flash,
        )
    return _joined("add", [body, part_of(node.project, shape, custom)], shape)


def _parallel(node: nodes.Parallel, shape: Shape, custom: Mapping[str, CustomForm]) -> PartCost:
    return _joined(node.join, [part_of(branch, shape, custom) for branch in node.branches], shape)


def _split(node: nodes.Split, shape: Shape, custom: Mapping[str, CustomForm]) -> PartCost:
    entries = slice_shapes(shape, len(node.branches), node.shares)
    branches = [part_of(branch, entry, custom) for branch, entry in zip(node.branches, entries, strict=True)]
    return _joined(node.join, branches, shape, entries)


def _joined(join: Join, branches: list[PartCost], shape: Shape, slices: tuple[Shape, ...] = ()) -> PartCost:
    """Branches on one input (or on slices of it) and their join."""
    after = joined_shape(join, tuple([branch.shape for branch in branches]))
    memory = _BranchMemory(join, branches, prod(shape), [prod(each) for each in slices], prod(after))
    return PartCost(
        after,
        sum([branch.params for branch in branches]),
        sum([branch.flops for branch in branches]),
        sum([branch.activations for branch in branches]),
        memory.peak(last=False),
        memory.peak(last=True),
        max([branch.depth for branch in branches]),
        widest([branch.window for branch in branches]),
        False,
        sum([branch.flash for branch in branches]),
    )


class _BranchMemory:
    """Values alive while branches run in turn on an input of *entry* values, and are joined to *made*."""

    __slots__ = ("_aliases", "_branches", "_entry", "_join", "_made", "_outputs", "_sizes", "_sliced")

    def __init__(self, join: Join, branches: list[PartCost], entry: int, slices: list[int], made: int) -> None:
        self._join, self._branches, self._entry, self._made = join, branches, entry, made
        self._sliced = bool(slices)
        self._sizes = slices or [entry] * len(branches)
        self._outputs = [prod(branch.shape) for branch in branches]
        self._aliases = [size for branch, size in zip(branches, self._sizes, strict=True) if branch.alias]

    def peak(self, *, last: bool) -> int:
        """Return the most of them, if the input must last (*last*) or need not."""
        entry, made, sliced, aliases = self._entry, self._made, self._sliced, self._aliases
        peak, finished = entry, 0
        left = len(self._branches)
        lasting = last or sliced
        for branch, size, output in zip(self._branches, self._sizes, self._outputs, strict=True):
            left -= 1
            needed = branch.kept if lasting or left else branch.free
            # `needed` counts the branch's own input; of a sliced input the other slices stay alive beside it.
            peak = max(peak, finished + entry - size + needed)
            if branch.alias:
                lasting = True
            else:
                finished += output
        if self._join != "concat":
            over = any(
                output == made and not branch.alias
                for branch, output in zip(self._branches, self._outputs, strict=True)
            )
            if over or (aliases and not last and not sliced and entry == made):
                return peak  # one of them is overwritten
            return max(peak, finished + made + (entry if aliases or last else 0))
        if not aliases:
            return peak
        # What is the input itself must be copied to its place, once less if the input may give up its own.
        copies = sum(aliases) - (0 if last or sliced else entry)
        return max(peak, entry + finished + copies)


_COMBINED: dict[type, Callable[[Any, Shape, Mapping[str, CustomForm]], PartCost]] = {
    nodes.Sequence: _sequence,
    nodes.Skip: _skip,
    nodes.Parallel: _parallel,
    nodes.Split: _split,
    nodes.Shared: _shared,
    nodes.Graph: _graph,
    nodes.Custom: custom_part,
}
"""The functions of all nodes but built-in operations, which are leaves."""
