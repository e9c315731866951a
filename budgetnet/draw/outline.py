"""From a network to the parts of its drawing: rules become frames, repetitions one frame with its number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from budgetnet.derivation.origins import finished
from budgetnet.draw.parts import (
    BranchesPart,
    CellJoin,
    CellPart,
    CellStep,
    ChainPart,
    FoldPart,
    FramePart,
    LayerPart,
    Part,
    ResidualPart,
)
from budgetnet.draw.words import language_text, operation_words
from budgetnet.files.network_file import Network
from budgetnet.network import nodes
from budgetnet.network.cost.combine import part_of
from budgetnet.network.cost.dag_cost import as_graph, needed_applications
from budgetnet.network.cost.types import CustomForm
from budgetnet.network.dag import Alias, Apply, JoinStep, instructions
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.shapes import joined_shape, slice_shapes

__all__ = ["outline"]

LONGEST_PERIOD = 12
"""Longest repeated group of parts that is searched for."""
LARGE_FRAME = 5
"""Layers from which a frame that occurs several times is drawn once."""

_Steps = tuple[str, ...]
"""A rule's path, step by step: ``("stage#2[0]", "block[1]")``."""


def outline(network: Network) -> Part:
    """Return the parts of a network's drawing.

    Raises:
        ShapeError: the network cannot be applied to its images.
        CountError: it holds an own primitive without a closed form.
    """
    drawn = list(finished(network.network))
    known = len(network.origins) == len(drawn)
    origins = iter([_steps(origin) for origin in network.origins] if known else [()] * len(drawn))
    part = _Reader(network.plugins.forms).part(_Traced(network.network, origins), (network.input_shape,), 0)
    return _folded(part)


def _steps(origin: str) -> _Steps:
    return tuple(origin.split(".")[:-1])


class _Traced:
    """A node with its origin and its parts."""

    def __init__(self, node: Node, origins: Iterator[_Steps]) -> None:
        self.node = node
        self.parts = [_Traced(inner, origins) for inner in _inner(node)]
        self.steps: _Steps | None = None if isinstance(node, nodes.Sequence) else next(origins)


def _inner(node: Node) -> Sequence[Node]:
    match node:
        case nodes.Sequence():
            return node.items
        case nodes.Skip():
            return (node.body,) if node.project is None else (node.body, node.project)
        case nodes.Parallel() | nodes.Split():
            return node.branches
        case nodes.Shared():
            return (node.body,)
        case nodes.Graph():
            return [step.function for step in instructions(node) if isinstance(step, Apply)]
        case _:
            return ()


class _Reader:
    """Reads nodes as parts."""

    def __init__(self, custom: Mapping[str, CustomForm]) -> None:
        self._custom = custom

    def part(self, traced: _Traced, entries: tuple[Shape, ...], depth: int) -> Part:
        """Read a part of which *depth* steps of the path are framed already."""
        items = traced.parts if isinstance(traced.node, nodes.Sequence) else [traced]
        if not items:
            return self._layer(nodes.Identity(), entries)
        return self._chain(items, entries, depth)

    def _chain(self, items: Sequence[_Traced], entries: tuple[Shape, ...], depth: int) -> Part:
        parts: list[Part] = []
        at = 0
        while at < len(items):
            step, end = _step(items[at], depth), at + 1
            while step is not None and end < len(items) and _step(items[end], depth) == step:
                end += 1
            if step is None:
                parts.append(self._single(items[at], entries, depth))
            else:
                parts.append(_framed(_rule(step), self._chain(items[at:end], entries, depth + 1)))
            entries, at = (parts[-1].output,), end
        return _in_chain(_repeated(parts))

    def _single(self, traced: _Traced, entries: tuple[Shape, ...], depth: int) -> Part:
        node, inner = traced.node, traced.parts
        match node:
            case nodes.Skip():
                shortcut = None if node.project is None else self.part(inner[1], entries, depth)
                return ResidualPart(self.part(inner[0], entries, depth), shortcut)
            case nodes.Parallel() | nodes.Split():
                split = isinstance(node, nodes.Split)
                shares = node.shares if isinstance(node, nodes.Split) else ()
                each = slice_shapes(entries[0], len(inner), shares) if split else entries * len(inner)
                branches = tuple(self.part(one, (shape,), depth) for one, shape in zip(inner, each, strict=True))
                after = joined_shape(node.join, tuple(branch.output for branch in branches))
                return BranchesPart(branches, node.join, split, entries, after)
            case nodes.Shared():
                return FramePart("", self.part(inner[0], entries, depth), runs=node.times)
            case nodes.Graph():
                return self._cell(node, inner, entries, depth)
            case nodes.Sequence():
                return self._chain(inner, entries, depth)
            case _:
                return self._layer(node, entries)

    def _layer(self, node: nodes.Primitive, entries: tuple[Shape, ...]) -> LayerPart:
        cost = part_of(node, entries[0], self._custom)
        title, details = operation_words(node)
        return LayerPart(title, details, language_text(node), entries, cost.shape, cost.params, cost.flops)

    def _cell(self, graph: nodes.Graph[Node], inner: Sequence[_Traced], entries: tuple[Shape, ...], depth: int) -> Part:
        count = partial(part_of, custom=self._custom)
        used = iter(needed_applications(as_graph(graph, len(entries)), entries, count))
        shapes = dict(zip(graph.inputs, entries, strict=True))
        names = {name: name for name in graph.inputs}
        applied = iter(inner)
        steps: list[CellStep | CellJoin] = []
        for step in instructions(graph):
            match step:
                case Alias(source, target):
                    names[target] = names[source]
                case Apply(_, inputs, target):
                    inputs = tuple(names[name] for name in inputs)
                    part = self.part(next(applied), tuple(shapes[name] for name in inputs), depth)
                    steps.append(CellStep(part, inputs, target, next(used)))
                    shapes[target], names[target] = part.output, target
                case JoinStep(join, inputs, target):
                    inputs = tuple(names[name] for name in inputs)
                    shapes[target] = joined_shape(join, tuple(shapes[name] for name in inputs))
                    names[target] = target
                    steps.append(CellJoin(join, inputs, target, shapes[target]))
        result = names["return"]
        return CellPart(graph.inputs, tuple(steps), result, entries, shapes[result])


def _step(traced: _Traced, depth: int) -> str | None:
    """Return the next step of a node's path; None if it stands in the rule itself."""
    assert traced.steps is not None
    return traced.steps[depth] if len(traced.steps) > depth else None


def _rule(step: str) -> str:
    """``stage#2[0]~1`` is of the rule ``stage``."""
    for sign in "#[~":
        step = step.partition(sign)[0]
    return step


def _framed(name: str, body: Part) -> FramePart:
    """Return a part in a frame; a frame that holds nothing but another one shares it."""
    if isinstance(body, FramePart) and body.name and body.times == body.runs == 1:
        return FramePart(f"{name} › {body.name}", body.body)
    return FramePart(name, body)


def _in_chain(parts: Sequence[Part]) -> Part:
    flat: list[Part] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, ChainPart) else (part,))
    return flat[0] if len(flat) == 1 else ChainPart(tuple(flat))


def _repeated(parts: Sequence[Part]) -> list[Part]:
    """Draw what is repeated several times in a row once, with its number."""
    found: list[Part] = []
    at = 0
    while at < len(parts):
        period, times = _repetition(parts, at)
        if times == 1:
            found.append(parts[at])
            at += 1
            continue
        body = parts[at : at + period]
        only = body[0]
        if period == 1 and isinstance(only, FramePart) and only.times == only.runs == 1:
            found.append(replace(only, times=times))
        else:
            found.append(FramePart("", _in_chain(body), times))
        at += period * times
    return found


def _repetition(parts: Sequence[Part], at: int) -> tuple[int, int]:
    """Return the period and the number of the repetition that starts at a position and takes most parts."""
    best = (1, 1)
    for period in range(1, min(LONGEST_PERIOD, (len(parts) - at) // 2) + 1):
        times = 1
        while parts[at : at + period] == parts[at + times * period : at + (times + 1) * period]:
            times += 1
        if times > 1 and times * period > best[0] * best[1]:
            best = (period, times)
    return best


# --- folding ------------------------------------------------------------------------------------------


def _folded(part: Part) -> Part:
    """Draw large frames that occur in several places once; the others refer to the first by its number."""
    counts = Counter(frame for frame in _frames(part) if _size(frame) >= LARGE_FRAME and frame.name)
    return _Folder({frame for frame, count in counts.items() if count > 1}).part(part)


class _Folder:
    def __init__(self, several: set[FramePart]) -> None:
        self._several = several
        self._numbers: dict[FramePart, int] = {}

    def part(self, part: Part) -> Part:
        match part:
            case FramePart():
                if part in self._numbers:
                    return FoldPart(replace(part, number=self._numbers[part]))
                number = 0
                if part in self._several:
                    number = self._numbers[part] = len(self._numbers) + 1
                return replace(part, body=self.part(part.body), number=number)
            case ChainPart():
                return ChainPart(tuple(map(self.part, part.parts)))
            case ResidualPart():
                shortcut = None if part.shortcut is None else self.part(part.shortcut)
                return ResidualPart(self.part(part.body), shortcut)
            case BranchesPart():
                return replace(part, branches=tuple(map(self.part, part.branches)))
            case CellPart():
                steps = [
                    replace(step, part=self.part(step.part)) if isinstance(step, CellStep) else step
                    for step in part.steps
                ]
                return replace(part, steps=tuple(steps))
            case _:
                return part


def _frames(part: Part) -> Iterator[FramePart]:
    if isinstance(part, FramePart):
        yield part
    for inner in _within(part):
        yield from _frames(inner)


def _size(part: Part) -> int:
    return 1 if isinstance(part, LayerPart) else sum(map(_size, _within(part)))


def _within(part: Part) -> Sequence[Part]:
    match part:
        case ChainPart():
            return part.parts
        case FramePart():
            return (part.body,)
        case ResidualPart():
            return (part.body,) if part.shortcut is None else (part.body, part.shortcut)
        case BranchesPart():
            return part.branches
        case CellPart():
            return [step.part for step in part.steps if isinstance(step, CellStep)]
        case _:
            return ()
