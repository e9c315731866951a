"""Places for a cell: its values in layers, each above those that are computed from it, with few crossings.

A small version of the method of Sugiyama, Tagawa and Toda (1981): ranks by the longest path, places on long edges,
order by barycentres, and x by the mean of the neighbours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from budgetnet.draw.marks import SIGNS, Dot, Laid, Mark, Place, Port, Sign, Wire
from budgetnet.draw.parts import CellJoin, CellPart, CellStep
from budgetnet.network.nodes import Shape

__all__ = ["lay_cell"]

BETWEEN = 36.0
"""Between ranks."""
LAST = 16.0
"""The same in front of the result."""
APART = 18.0
"""Between neighbours on a rank."""
SWEEPS = 8


@dataclass(slots=True)
class _Node:
    """A value, or a place that a long edge keeps free on a rank it crosses."""

    block: Laid
    inputs: list[str]
    """Names of what it reads, one for each of its ports."""
    rank: int = 0
    x: float = 0.0
    """Left side."""
    y: float = 0.0
    place: bool = False
    readers: list[str] = field(default_factory=list)

    @property
    def centre(self) -> float:
        return self.x + self.block.width / 2


def lay_cell(cell: CellPart, blocks: dict[str, Laid], name: Callable[[], str], label: Callable[[Shape], str]) -> Laid:
    """Return a cell's marks.

    Args:
        cell: the cell.
        blocks: the drawing of each application, by its target.
        name: gives a fresh name for a mark.
        label: words for a shape.
    """
    nodes = _nodes(cell, blocks, name)
    ends = {key: key for key in nodes}
    _rank(nodes)
    routes = _fill(nodes)
    ranks: dict[int, list[str]] = defaultdict(list)
    for key, node in nodes.items():
        ranks[node.rank].append(key)
    rows = [ranks[rank] for rank in sorted(ranks)]
    _order(nodes, rows)
    _spread(nodes, rows)
    y = 0.0
    for row in rows:
        height = max(nodes[key].block.height for key in row)
        for key in row:
            nodes[key].y = y if nodes[key].place else y + (height - nodes[key].block.height) / 2
        for key in row:
            if nodes[key].place:
                nodes[key].block = Laid(4, height, (), Port(2, height, ""), ())
        y += height + (LAST if row is rows[-2] else BETWEEN)
    marks: list[Mark] = []
    placed = {key: node.block.moved(node.x, node.y) for key, node in nodes.items()}
    for key in ends:
        marks += placed[key].marks
    changed = {
        f"value:{step.target}": label(step.part.output)
        for step in cell.steps
        if isinstance(step, CellStep) and step.part.output not in step.part.entries
    }
    for (source, target, port), way in routes.items():
        out, entry = placed[source].out, placed[target].ins[port]
        points: list[Place] = [(out.x, out.y)]
        for key in way:
            place = nodes[key]
            points += [(place.centre, place.y), (place.centre, place.y + place.block.height)]
        points.append((entry.x, entry.y))
        arrow = target != "out"
        words = changed.pop(source, "")  # on the first of its wires, below the frame that the step may be
        below = nodes[source].y + nodes[source].block.height + 11
        marks.append(Wire(out.id, entry.id, tuple(points), "curved", "flow", words, (out.x, below), arrow))
    width = max(node.x + node.block.width for node in nodes.values())
    ins = tuple(placed[f"in:{at}"].ins[0] for at in range(len(cell.inputs)))
    return Laid(width, y - BETWEEN, ins, placed["out"].out, tuple(marks))


def _nodes(cell: CellPart, blocks: dict[str, Laid], name: Callable[[], str]) -> dict[str, _Node]:
    """The cell's values, by name; its inputs are ``in:0``, ``in:1`` …, its result is read by ``out``."""
    nodes: dict[str, _Node] = {}
    key = {}
    for at, entry in enumerate(cell.inputs):
        key[entry] = f"in:{at}"
        nodes[key[entry]] = _Node(_dot(name(), entry if len(cell.inputs) > 1 else ""), [])
    for step in cell.steps:
        key[step.target] = f"value:{step.target}"
        block = blocks[step.target] if isinstance(step, CellStep) else _sign(name(), step)
        nodes[key[step.target]] = _Node(block, [key[read] for read in step.inputs])
    nodes["out"] = _Node(_dot(name(), ""), [key[cell.result]])
    return nodes


def _dot(name: str, label: str) -> Laid:
    width = 24.0
    dot = Dot(name, width / 2, 3, label)
    return Laid(width, 6, (Port(width / 2, 3, name),), Port(width / 2, 3, name), (dot,))


def _sign(name: str, step: CellJoin) -> Laid:
    text = SIGNS[step.join]
    width = 18.0 if len(text) == 1 else 58.0
    sign = Sign(name, width / 2, 9, text, width, 18)
    ins = tuple(
        Port(width / 2 if len(text) == 1 else width * (at + 1) / (len(step.inputs) + 1), 0, name)
        for at in range(len(step.inputs))
    )
    return Laid(width, 18, ins, Port(width / 2, 18, name), (sign,))


def _rank(nodes: dict[str, _Node]) -> None:
    """Rank each value below all that it reads; what is only read far below moves down to its first reader."""
    for key, node in nodes.items():
        node.rank = 1 + max((nodes[read].rank for read in node.inputs), default=-1)
        for read in node.inputs:
            nodes[read].readers.append(key)
    nodes["out"].rank = max(node.rank for node in nodes.values() if node is not nodes["out"]) + 1
    for node in reversed(list(nodes.values())):
        if node.inputs and node.readers:
            node.rank = max(node.rank, min(nodes[key].rank for key in node.readers) - 1)


def _fill(nodes: dict[str, _Node]) -> dict[tuple[str, str, int], list[str]]:
    """Add places on the ranks that edges cross; return them for each edge (source, target and its port)."""
    routes: dict[tuple[str, str, int], list[str]] = {}
    for key, node in list(nodes.items()):
        for port, read in enumerate(node.inputs):
            way, before = [], read
            for rank in range(nodes[read].rank + 1, node.rank):
                place = f"place:{read}:{key}:{port}:{rank}"
                nodes[place] = _Node(Laid(4, 0, (), Port(2, 0, ""), ()), [before], rank, place=True)
                nodes[before].readers.append(place)
                way.append(place)
                before = place
            if way:
                nodes[read].readers.remove(key)
                nodes[before].readers.append(key)
                node.inputs[port] = before
            routes[read, key, port] = way
    return routes


def _order(nodes: dict[str, _Node], rows: list[list[str]]) -> None:
    """Order each rank by the mean position of the neighbours, from the top and from the bottom in turn."""
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for row in rows[1:] if down else reversed(rows[:-1]):
            position = {key: at for other in rows for at, key in enumerate(other)}
            share = {key: len(other) for other in rows for key in other}
            weight = {}
            for at, key in enumerate(row):
                beside = nodes[key].inputs if down else nodes[key].readers
                places = [(position[other] + 0.5) / share[other] for other in beside]
                weight[key] = sum(places) / len(places) if places else (at + 0.5) / len(row)
            row.sort(key=lambda key: weight[key])
        if sweep == 0:
            rows[0].sort()


def _spread(nodes: dict[str, _Node], rows: list[list[str]]) -> None:
    """Give each node its x: near the mean of its neighbours, in order, without overlap."""
    for row in rows:
        x = 0.0
        for key in row:
            nodes[key].x = x
            x += nodes[key].block.width + APART
    for sweep in range(4 * SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            wishes = []
            for key in row:
                node = nodes[key]
                around = [nodes[other].centre for other in (node.inputs if down else node.readers)]
                middle = sum(around) / len(around) if around else node.centre
                wishes.append(middle - node.block.width / 2)
            _place(nodes, row, wishes)
    left = min(node.x for node in nodes.values())
    for node in nodes.values():
        node.x -= left


def _place(nodes: dict[str, _Node], row: list[str], wishes: list[float]) -> None:
    """Place a rank as near to its wishes as its order allows: groups that would overlap share the mean."""
    groups: list[tuple[float, list[str], float]] = []  # start, members, width
    for key, wish in zip(row, wishes, strict=True):
        start, members, width = wish, [key], nodes[key].block.width
        while groups and groups[-1][0] + groups[-1][2] + APART > start:
            before, others, reach = groups.pop()
            shift = reach + APART
            start = (before * len(others) + (start - shift) * len(members)) / (len(others) + len(members))
            members, width = [*others, *members], reach + APART + width
        groups.append((start, members, width))
    for start, members, _ in groups:
        x = start
        for key in members:
            nodes[key].x = x
            x += nodes[key].block.width + APART
