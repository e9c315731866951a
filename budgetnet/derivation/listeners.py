"""Listeners of the machine: one builds a network's tree from its events, one ignores them."""

from __future__ import annotations

from typing import Protocol

from budgetnet.grammar import syntax as language
from budgetnet.grammar.graph import functions, rebuild
from budgetnet.network import nodes
from budgetnet.network.nodes import Node, Shape

__all__ = ["Assembler", "Listener", "SilentListener", "chain"]


class Listener(Protocol):
    """Receives the machine's events. A part is opened, filled and closed, then combined with others."""

    def leaf(self, node: nodes.Primitive, entry: Shape, factor: int) -> None:
        """Receive a primitive on an input of shape *entry*, run *factor* times (inside shared repetitions)."""

    def begin(self) -> None:
        """Start a part."""

    def end(self) -> None:
        """End the part that started last."""

    def skip(self, *, projected: bool) -> None:
        """Make the last part a skip's body or, if *projected*, the last two its body and its projection."""

    def join(self, owner: language.ParallelExpression | language.SplitExpression, shares: tuple[int, ...] = ()) -> None:
        """Make the last parts the owner's branches; *shares* are those of a split in unequal parts."""

    def shared(self, times: int) -> None:
        """Apply the last part *times* times with the same weights."""

    def graph(self, graph: language.Graph[language.Expression]) -> None:
        """Make the last parts those that the graph applies, in the order written."""


class SilentListener:
    """Listener that ignores all events, for derivations of which only the end matters."""

    def leaf(self, node: nodes.Primitive, entry: Shape, factor: int) -> None:
        """Do nothing."""

    def begin(self) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""

    def skip(self, *, projected: bool) -> None:
        """Do nothing."""

    def join(self, owner: language.ParallelExpression | language.SplitExpression, shares: tuple[int, ...] = ()) -> None:
        """Do nothing."""

    def shared(self, times: int) -> None:
        """Do nothing."""

    def graph(self, graph: language.Graph[language.Expression]) -> None:
        """Do nothing."""


def chain(items: list[Node]) -> Node:
    """Return the items in sequence, flattened; one item is returned as it is, none give the identity."""
    flat: list[Node] = []
    for item in items:
        flat.extend(item.items if isinstance(item, nodes.Sequence) else (item,))
    if not flat:
        return nodes.Identity()
    return flat[0] if len(flat) == 1 else nodes.Sequence(tuple(flat))


class Assembler:
    """Listener that builds the network's tree."""

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

    def join(self, owner: language.ParallelExpression | language.SplitExpression, shares: tuple[int, ...] = ()) -> None:
        """Append parallel branches."""
        branches = self._take(len(owner.branches))
        if isinstance(owner, language.ParallelExpression):
            self._open[-1].append(nodes.Parallel(tuple(branches), owner.join))
        else:
            self._open[-1].append(nodes.Split(tuple(branches), owner.join, shares))

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
