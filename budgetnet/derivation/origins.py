"""A derivation that notes which rule of the grammar made each node of the network.

The nodes of a network know nothing of rules. Beside them stand *origins*: for each node, in the order in which the
derivation finishes them (parts before what combines them, as `finished` walks them), the path of the rule that made
it, ``stage#2[0].block[1].``; empty for the rule that derives the whole network. The copies of a tied part have one
path in the grammar; their origins tell them apart: ``cell.``, ``cell~1.``, ``cell~2.``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from budgetnet.derivation.frames import BodyFrame
from budgetnet.derivation.listeners import Assembler, Listener
from budgetnet.derivation.machine import Machine, Pending, State
from budgetnet.grammar import syntax as language
from budgetnet.grammar.graph import functions
from budgetnet.network import nodes
from budgetnet.network.nodes import Node, Primitive, Shape

__all__ = ["OriginAssembler", "OriginMachine", "finished"]


class OriginAssembler(Assembler):
    """Builds the network's nodes, and notes the origin of each."""

    def __init__(self) -> None:
        super().__init__()
        self.path = ""
        """Path of the rule at work, as the machine tells it before each step."""
        self.origins: list[str] = []
        self.entered: Counter[str] = Counter()
        """How often each path's rule has begun."""

    def leaf(self, node: Primitive, entry: Shape, factor: int) -> None:
        """Append a primitive."""
        super().leaf(node, entry, factor)
        self._note()

    def end(self) -> None:
        """Close the part opened last; an empty one becomes the identity, which nothing else reports."""
        if not self._open[-1]:
            self._note()
        super().end()

    def skip(self, *, projected: bool) -> None:
        """Append a residual sum."""
        super().skip(projected=projected)
        self._note()

    def join(self, owner: language.ParallelExpression | language.SplitExpression, shares: tuple[int, ...] = ()) -> None:
        """Append parallel branches."""
        super().join(owner, shares)
        self._note()

    def shared(self, times: int) -> None:
        """Append a repetition with shared weights."""
        super().shared(times)
        self._note()

    def graph(self, graph: language.Graph[language.Expression]) -> None:
        """Append a graph."""
        super().graph(graph)
        self._note()

    def _note(self) -> None:
        origin = prefix = ""
        for step in self.path.split(".")[:-1]:
            prefix += f"{step}."
            copies = self.entered[prefix] - 1
            origin += f"{step}~{copies}." if copies > 0 else f"{step}."
        self.origins.append(origin)

    def finish(self) -> Node:
        """Return the whole network."""
        if not self._open[-1]:
            self._note()
        return super().finish()


class OriginMachine(Machine):
    """Tells an `OriginAssembler` before each step which rule is at work."""

    def _step(self, state: State, listener: Listener) -> State | Pending:
        if isinstance(listener, OriginAssembler) and state.trail is not None:
            path = state.trail[0]
            listener.path = path.prefix
            frame = state.agenda.frame if state.agenda else None
            if isinstance(frame, BodyFrame) and frame.expression is frame.scope.rule.body:
                listener.entered[path.prefix] += 1
        return super()._step(state, listener)


def finished(node: Node) -> Iterator[Node]:
    """Yield a network's nodes in the order of its origins: parts before what combines them, without sequences."""
    match node:
        case nodes.Sequence():
            for item in node.items:
                yield from finished(item)
            return
        case nodes.Skip():
            yield from finished(node.body)
            if node.project is not None:
                yield from finished(node.project)
        case nodes.Parallel() | nodes.Split():
            for branch in node.branches:
                yield from finished(branch)
        case nodes.Shared():
            yield from finished(node.body)
        case nodes.Graph():
            for function in functions(node):
                yield from finished(function)
        case _:
            pass
    yield node
