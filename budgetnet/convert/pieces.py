"""A network as a tree of parts that know where they come from: weights, modules, widths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from budgetnet.convert.flow import ModulePlace, Weight
from budgetnet.grammar.graph import Graph, Join, functions, rebuild
from budgetnet.network import nodes
from budgetnet.network.nodes import Node, Primitive, Shape

__all__ = ["Piece", "chained", "leaves", "node_of"]

PartKind = Literal["leaf", "chain", "skip", "parallel", "split", "graph"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a network."""

    kind: PartKind
    entry: Shape
    """Shape at its entry."""
    modules: tuple[ModulePlace, ...]
    """The modules that all of it stands in, outermost first."""
    children: tuple[Piece, ...] = ()
    """A chain's items; a skip's body and, if it has one, projection; branches."""
    operation: Primitive | None = None
    """A leaf's."""
    weights: tuple[Weight, ...] = ()
    """A leaf's, in the order of its layers."""
    join: Join = "add"
    shares: tuple[int, ...] = ()
    graph: Graph[Piece] | None = None
    operator: str = ""
    """The operator that a leaf was read from."""

    @property
    def width(self) -> int:
        """Channels at its entry: what ``in`` means there."""
        return self.entry[0]


def chained(items: list[Piece], entry: Shape, modules: tuple[ModulePlace, ...]) -> Piece:
    """Return parts one after the other as one part, never a chain of one."""
    flat = [inner for item in items for inner in (item.children if item.kind == "chain" else (item,))]
    return flat[0] if len(flat) == 1 else Piece("chain", entry, modules, tuple(flat))


def node_of(part: Piece) -> Node:
    """Return the network's node for a part."""
    match part.kind:
        case "leaf":
            assert part.operation is not None
            return part.operation
        case "chain":
            return nodes.Sequence(tuple(map(node_of, part.children))) if part.children else nodes.Identity()
        case "skip":
            return nodes.Skip(*map(node_of, part.children))
        case "parallel":
            return nodes.Parallel(tuple(map(node_of, part.children)), part.join)
        case "split":
            return nodes.Split(tuple(map(node_of, part.children)), part.join, part.shares)
        case "graph":
            assert part.graph is not None
            return rebuild(part.graph, node_of)


def leaves(part: Piece) -> Iterator[Piece]:
    """Yield the leaves in the order in which a torch module built from the part holds them."""
    if part.kind == "leaf":
        yield part
    elif part.graph is not None:
        for function in functions(part.graph):
            yield from leaves(function)
    else:
        for child in part.children:
            yield from leaves(child)
