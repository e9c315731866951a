"""Graphs in closed form: how long each of their values lives, and what stands on the paths through them.

Memory. The tensors of a network are its input and what its layers put out; a tensor lives from the layer that
writes it to the last layer or join that reads it. The peak is the largest total size of the tensors alive
together while a layer runs (its input and its output included), layers running one after the other in the
order of the layer table, with these rules:

- norms, activations, dropout and learned scales overwrite their input if nothing reads it later, else they write
  a new tensor; so does the product of squeeze-and-excitation;
- a sum or product overwrites one of its operands that nothing reads later and that is as large as the result, else it
  writes a new tensor;
- a concatenation consists of its operands; only those that are still read later (or are the network's same
  tensor twice) are copied to it;
- the slices of a split are views: its whole input lives until its last branch has ended;
- the weights are not counted, flattening is free, and the input counts while something needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, prod
from typing import NamedTuple, assert_never

from budgetnet.errors import ShapeError
from budgetnet.network import nodes
from budgetnet.network.dag import Alias, Apply, JoinStep, instructions
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.shapes import joined_shape
from budgetnet.ops.base import Extent, PartCost, square, widest, window_in_sequence

__all__ = ["as_graph", "graph_part", "needed_applications"]

PartOf = Callable[[Node, Shape], PartCost]

Route = tuple[int, Extent] | None
"""Depth and window (as in `PartCost`) from one input of a graph; None: no path."""


_Step = Apply[Node] | JoinStep


class _Flow(NamedTuple):
    """A graph worked out for inputs of given shapes."""

    shape: Shape
    params: int
    flops: int
    activations: int
    flash: int
    routes: tuple[Route, ...]
    """One per input."""
    needed: tuple[bool, ...]
    """One per application: whether its output reaches the result (a nested graph may ignore an input)."""
    alias: int | None
    """The input that the result is, if nothing is computed on the way."""
    peak: Callable[[tuple[int, ...], tuple[bool, ...]], int]
    """Most values alive at once, given for each input which tensor it is and whether that must outlive the graph."""


def graph_part(graph: nodes.Graph[Node], shape: Shape, part_of: PartOf) -> PartCost:
    """Return what a graph of one input does to an input of *shape*.

    Raises:
        ShapeError: it has several inputs, or cannot be applied to such an input.
    """
    flow = _flow(graph, (shape,), part_of)
    depth, window = flow.routes[0] or (0, square(0, 0))
    return PartCost(
        flow.shape,
        flow.params,
        flow.flops,
        flow.activations,
        flow.peak((0,), (False,)),
        flow.peak((0,), (True,)),
        depth,
        window,
        flow.alias is not None,
        flow.flash,
    )


def needed_applications(graph: nodes.Graph[Node], shapes: tuple[Shape, ...], part_of: PartOf) -> tuple[bool, ...]:
    """Return for each application, in the order they run, whether its output reaches the graph's result."""
    return _flow(graph, shapes, part_of).needed


def as_graph(node: Node, inputs: int) -> nodes.Graph[Node]:
    """Return a part of several inputs as one graph: what stands behind a graph becomes its last step.

    Raises:
        ShapeError: the part takes one input only.
    """
    if isinstance(node, nodes.Sequence) and node.items:
        first, rest = as_graph(node.items[0], inputs), node.items[1:]
        if not rest:
            return first
        name = "result"
        while name in first.inputs or any(bound.name == name for bound in first.bindings):
            name += "_"
        behind = nodes.GraphApply(rest[0] if len(rest) == 1 else nodes.Sequence(rest), (name,))
        return nodes.Graph(first.inputs, (*first.bindings, nodes.Binding(name, first.result)), behind)
    if not isinstance(node, nodes.Graph):
        raise ShapeError(
            f"only a graph takes {inputs} inputs, but got {type(node).__name__}; write graph(p, q) {{ … }}"
        )
    return node


def _flow(graph: nodes.Graph[Node], shapes: tuple[Shape, ...], part_of: PartOf) -> _Flow:
    if len(shapes) != len(graph.inputs):
        raise ShapeError(f"the graph has {len(graph.inputs)} inputs, but got {len(shapes)}")
    steps, result = _steps(graph)
    found = dict(zip(graph.inputs, shapes, strict=True))
    routes: dict[str, tuple[Route, ...]] = {
        name: tuple((0, square(0, 1)) if other == name else None for other in graph.inputs) for name in graph.inputs
    }
    peaks: dict[str, Callable[[tuple[int, ...], tuple[bool, ...]], int]] = {}
    tensors = {name: position for position, name in enumerate(graph.inputs)}
    work: dict[str, tuple[int, int, int, int]] = {}
    reads: dict[str, tuple[str, ...]] = {}
    for position, step in enumerate(steps):
        target, made = step.target, len(shapes) + position
        match step:
            case Apply(function, (single,), _):
                part = part_of(function, found[single])
                found[target] = part.shape
                onward = (part.depth, part.window)
                routes[target] = tuple(_behind(route, onward) for route in routes[single])
                peaks[target] = _single_peak(part)
                tensors[target] = tensors[single] if part.alias else made
                work[target], reads[target] = (part.params, part.flops, part.activations, part.flash), (single,)
            case Apply(function, inputs, _):
                flow = _flow(as_graph(function, len(inputs)), tuple(found[name] for name in inputs), part_of)
                found[target] = flow.shape
                through = [
                    tuple(_behind(route, inner) for route in routes[name])
                    for name, inner in zip(inputs, flow.routes, strict=True)
                ]
                routes[target] = tuple(map(_longest, zip(*through, strict=True)))
                peaks[target] = flow.peak
                tensors[target] = made if flow.alias is None else tensors[inputs[flow.alias]]
                work[target] = flow.params, flow.flops, flow.activations, flow.flash
                reads[target] = tuple(name for name, inner in zip(inputs, flow.routes, strict=True) if inner)
            case JoinStep(join, inputs, _):
                found[target] = joined_shape(join, tuple(found[name] for name in inputs))
                routes[target] = tuple(map(_longest, zip(*(routes[name] for name in inputs), strict=True)))
                tensors[target] = made
                reads[target] = inputs
            case _:
                assert_never(step)
    needed = _reaching(steps, result, reads)
    sizes = {tensors[name]: prod(shape) for name, shape in found.items()}
    peak = _Peak(steps, tensors, sizes, peaks, result, len(shapes))
    same = tensors[result] if tensors[result] < len(shapes) else None
    return _Flow(
        found[result],
        sum(params for params, *_ in work.values()),
        sum(flops for target, (_, flops, *_) in work.items() if target in needed),
        sum(activations for target, (_, _, activations, _) in work.items() if target in needed),
        sum(flash for *_, flash in work.values()),
        routes[result],
        tuple(target in needed for target in work),
        same,
        peak,
    )


def _reaching(steps: list[_Step], result: str, reads: dict[str, tuple[str, ...]]) -> set[str]:
    """The names whose values the result depends on; fvcore counts no others."""
    needed = {result}
    for step in reversed(steps):
        if step.target in needed:
            needed.update(reads[step.target])
    return needed


def _single_peak(part: PartCost) -> Callable[[tuple[int, ...], tuple[bool, ...]], int]:
    return lambda _, lasting: part.kept if lasting[0] else part.free


def _steps(graph: nodes.Graph[Node]) -> tuple[list[_Step], str]:
    """The graph's applications and joins in the order they run, without second names, and the name of its result."""
    steps: list[_Step] = []
    names = {name: name for name in graph.inputs}
    for step in instructions(graph):
        match step:
            case Alias(source, target):
                names[target] = names[source]
                continue
            case Apply(function, inputs, target):
                steps.append(Apply(function, tuple(names[name] for name in inputs), target))
            case JoinStep(join, inputs, target):
                steps.append(JoinStep(join, tuple(names[name] for name in inputs), target))
        names[step.target] = step.target
    return steps, names["return"]


def _behind(route: Route, onward: Route) -> Route:
    if route is None or onward is None:
        return None
    return route[0] + onward[0], window_in_sequence((route[1], onward[1]))


def _longest(routes: tuple[Route, ...]) -> Route:
    there = [route for route in routes if route is not None]
    if not there:
        return None
    return max(depth for depth, _ in there), widest(window for _, window in there)


@dataclass(frozen=True, slots=True)
class _Peak:
    """Plays a graph's steps and watches the size of what is alive."""

    steps: list[_Step]
    tensors: dict[str, int]
    """The tensor behind each name; an input's is its position."""
    sizes: dict[int, int]
    peaks: dict[str, Callable[[tuple[int, ...], tuple[bool, ...]], int]]
    """Peak memory of each applied part, by its target."""
    result: str
    inputs: int

    def __call__(self, outside: tuple[int, ...], lasting: tuple[bool, ...]) -> int:
        """Return the most values alive at once; see `_Flow.peak`."""
        same = {position: outside.index(tensor) for position, tensor in enumerate(outside)}
        tensors = {name: same.get(tensor, tensor) for name, tensor in self.tensors.items()}
        last: dict[int, float] = {}
        for position, step in enumerate(self.steps):
            for name in step.inputs:
                last[tensors[name]] = position
        last[tensors[self.result]] = inf
        for position, stays in enumerate(lasting):
            if stays:
                last[same[position]] = inf
        alive = {same[position] for position in range(self.inputs)}
        peak = sum(self.sizes[tensor] for tensor in alive)
        for position, step in enumerate(self.steps):
            alive = {tensor for tensor in alive if last.get(tensor, -1) >= position}
            read = [tensors[name] for name in step.inputs]
            total = sum(self.sizes[tensor] for tensor in alive)
            match step:
                case Apply():
                    inner = self.peaks[step.target](tuple(read), tuple(last[tensor] > position for tensor in read))
                    total += inner - sum(self.sizes[tensor] for tensor in set(read))
                case JoinStep(join="concat"):
                    for index, tensor in enumerate(read):
                        if last[tensor] > position or tensor in read[:index]:
                            total += self.sizes[tensor]
                case JoinStep():
                    made = self.sizes[tensors[step.target]]
                    if all(last[tensor] > position or self.sizes[tensor] < made for tensor in read):
                        total += made
            peak = max(peak, total)
            alive.add(tensors[step.target])
        return peak
