"""Listeners of the machine: one puts its events together into a network's tree, one hears nothing."""

from __future__ import annotations

from typing import Protocol

from budgetnet.grammar import syntax as language
from budgetnet.grammar.graph import functions, rebuild
from budgetnet.network import nodes
from budgetnet.network.nodes import Node, Shape

__all__ = ["Assembler", "Listener", "SilentListener", "chain"]


class Listener(Protocol):
    """What the machine tells while it runs. A part is opened, filled and closed, then combined with others."""

    def leaf(self, node: nodes.Primitive, entry: Shape, factor: int) -> None:
        """A primitive on an input of shape *entry*, run *factor* times (inside shared repetitions)."""

    def begin(self) -> None:
        """A part starts."""

    def end(self) -> None:
        """The part that started last is complete."""

    def skip(self, *, projected: bool) -> None:
        """The last part is a skip's body; or, if projected, the last two are its body and its projection."""

    def join(self, owner: language.Parallel | language.Split) -> None:
        """The last parts are the owner's branches."""

    def shared(self, times: int) -> None:
        """The last part is applied *times* times with the same weights."""

    def graph(self, graph: language.Graph[language.Expression]) -> None:
        """The last parts are what the graph applies, in the order written."""


class SilentListener:
    """The listener that hears nothing, for derivations of which only the end is of interest."""

    def leaf(self, node: nodes.Primitive, entry: Shape, factor: int) -> None:
        """Nothing."""

    def begin(self) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""

    def skip(self, *, projected: bool) -> None:
        """Nothing."""

    def join(self, owner: language.Parallel | language.Split) -> None:
        """Nothing."""

    def shared(self, times: int) -> None:
        """Nothing."""

    def graph(self, graph: language.Graph[language.Expression]) -> None:
        """Nothing."""


def chain(items: list[Node]) -> Node:
    """Return the items one after the other, flattened; a single one stands for itself, none are the identity."""
    flat: list[Node] = []
    for item in items:
        flat.extend(item.items if isinstance(item, nodes.Sequence) else (item,))
    if not flat:
        return nodes.Identity()
    return flat[0] if len(flat) == 1 else nodes.Sequence(tuple(flat))


class Assembler:
    """The listener that builds the tree."""

    def __init__(self) -> None:
        self._open: list[list[Node]] = [[]]
        self._closed: list[Node] = []

    def leaf(self, node: nodes.Primitive, entry: Shape, factor: int) -> None:  # noqa: ARG002
        """Append a primitive; the tree holds no shapes."""
        self._open[-1].append(node)

    def begin(self) -> None:
        """Open a part."""
        self._open.append([])

    def end(self) -> None:
        """Close the part opened last."""
        self._closed.append(chain(self._open.pop()))

    def skip(self, *, projected: bool) -> None:
        """Append a residual sum."""
        project = self._closed.pop() if projected else None
        self._open[-1].append(nodes.Skip(self._closed.pop(), project))

    def join(self, owner: language.Parallel | language.Split) -> None:
        """Append parallel branches."""
        branches = self._take(len(owner.branches))
        kind = nodes.Parallel if isinstance(owner, language.Parallel) else nodes.Split
        self._open[-1].append(kind(tuple(branches), owner.join))

    def shared(self, times: int) -> None:
        """Append a repetition with shared weights."""
        self._open[-1].append(nodes.Shared(self._closed.pop(), times))

    def graph(self, graph: language.Graph[language.Expression]) -> None:
        """Append a graph."""
        parts = iter(self._take(sum(1 for _ in functions(graph))))
        self._open[-1].append(rebuild(graph, lambda _: next(parts)))

    def finish(self) -> Node:
        """Return the whole network."""
        (items,) = self._open
        return chain(items)

    def _take(self, count: int) -> list[Node]:
        parts = self._closed[len(self._closed) - count :]
        del self._closed[len(self._closed) - count :]
        return parts
