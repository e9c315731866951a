"""Cost of combined parts: sequences, residual sums, branches, shared parts.

Every part is described by one `PartCost`, whatever is inside it, so a network is worked out from the leaves up in
one pass. Leaves are remembered per (primitive, input shape). Graphs are in `budgetnet.network.cost.dag_cost`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import prod

from budgetnet.errors import ShapeError
from budgetnet.grammar.syntax import Join
from budgetnet.network import nodes
from budgetnet.network.cost.dag_cost import graph_part
from budgetnet.network.cost.types import CustomForm
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.shapes import describe_shape, joined_shape, slice_shapes
from budgetnet.ops.base import Operation, PartCost, square, widest, window_in_sequence

__all__ = ["custom_part", "leaf", "part_of"]

_COMBINATIONS = (nodes.Sequence, nodes.Skip, nodes.Parallel, nodes.Split, nodes.Shared, nodes.Graph, nodes.Custom)


@lru_cache(maxsize=1 << 18)
def leaf(node: Operation, shape: Shape) -> PartCost:
    """Return what a built-in operation does to an input of *shape*; answers are remembered.

    Raises:
        ShapeError: it cannot be applied to such an input.
        CountError: it is a study's own primitive.
    """
    return node.part(shape)


def part_of(node: Node, shape: Shape, custom: Mapping[str, CustomForm]) -> PartCost:
    """Return what a part of a network does to an input of *shape*.

    Raises:
        ShapeError: it cannot be applied to such an input (plain text, no place).
        CountError: it holds a study's own primitive without a closed form.
    """
    match node:
        case nodes.Sequence():
            return _sequence(node.items, shape, custom)
        case nodes.Skip():
            return _skip(node, shape, custom)
        case nodes.Parallel():
            return _parallel(node, shape, custom)
        case nodes.Split():
            return _split(node, shape, custom)
        case nodes.Shared():
            return _shared(node, shape, custom)
        case nodes.Graph():
            return _graph(node, shape, custom) if custom else _known_graph(node, shape)
        case nodes.Custom():
            return custom_part(node, shape, custom)
        case _:
            return leaf(node, shape)


def _graph(node: nodes.Graph[Node], shape: Shape, custom: Mapping[str, CustomForm]) -> PartCost:
    return graph_part(node, shape, lambda inner, entry: part_of(inner, entry, custom))


@lru_cache(maxsize=1 << 12)
def _known_graph(node: nodes.Graph[Node], shape: Shape) -> PartCost:
    """Do the same for a graph of built-in operations; a cell stands many times in a network, and in its neighbours."""
    return _graph(node, shape, {})


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


def _sequence(items: tuple[Node, ...], shape: Shape, custom: Mapping[str, CustomForm]) -> PartCost:
    params = flops = activations = depth = flash = 0
    windows = []
    alias = True
    entry = free = kept = prod(shape)
    for item in items:
        part = part_of(item, shape, custom) if isinstance(item, _COMBINATIONS) else leaf(item, shape)
        if part.alias:
            continue
        shape = part.shape
        params += part.params
        flops += part.flops
        activations += part.activations
        depth += part.depth
        flash += part.flash
        windows.append(part.window)
        free = max(free, part.free)
        # Only the first part that computes something touches the input; behind it the input merely stays.
        kept = max(kept, part.kept if alias else entry + part.free)
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
    after = joined_shape(join, tuple(branch.shape for branch in branches))
    entry, sizes = prod(shape), tuple(map(prod, slices))
    free = _branch_memory(join, branches, entry, sizes, last=False)
    kept = _branch_memory(join, branches, entry, sizes, last=True)
    return PartCost(
        after,
        sum([branch.params for branch in branches]),
        sum([branch.flops for branch in branches]),
        sum([branch.activations for branch in branches]),
        free,
        kept,
        max([branch.depth for branch in branches]),
        widest([branch.window for branch in branches]),
        False,
        sum([branch.flash for branch in branches]),
    )


def _branch_memory(join: Join, branches: list[PartCost], entry: int, slices: tuple[int, ...], *, last: bool) -> int:
    """Most values alive while branches run in turn on an input of *entry* values, which must last if *last*."""
    peak, finished = entry, 0
    sizes = slices or (entry,) * len(branches)
    for position, (branch, size) in enumerate(zip(branches, sizes, strict=True)):
        later = last or position < len(branches) - 1 or any(done.alias for done in branches[:position])
        needed = branch.kept if slices or later else branch.free
        # `needed` counts the branch's own input; of a sliced input the other slices stay alive beside it.
        peak = max(peak, finished + entry - size + needed)
        finished += 0 if branch.alias else prod(branch.shape)
    aliases = [size for branch, size in zip(branches, sizes, strict=True) if branch.alias]
    if join != "concat":
        made = prod(joined_shape(join, tuple(branch.shape for branch in branches)))
        over = any(not branch.alias and prod(branch.shape) == made for branch in branches)
        if over or (aliases and not last and not slices and entry == made):
            return peak  # one of them is overwritten
        return max(peak, finished + made + (entry if aliases or last else 0))
    if not aliases:
        return peak
    # What is the input itself must be copied to its place, once less if the input may give up its own.
    copies = sum(aliases) - (0 if last or slices else entry)
    return max(peak, entry + finished + copies)
