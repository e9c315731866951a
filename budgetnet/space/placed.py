"""A derivation that remembers which rule made which part, and what the part costs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from budgetnet.network.assemble import Assembler, Listener
from budgetnet.network.closed_form import cost
from budgetnet.network.expand import Chooser, Label, decide
from budgetnet.network.frames import Shapes
from budgetnet.network.machine import Machine, Pending, State
from budgetnet.network.tree import Primitive, Shape
from budgetnet.space.space import Space

__all__ = ["PlacedMachine", "PlacedPart", "Placing", "rules_of"]


@dataclass(frozen=True, slots=True)
class PlacedPart:
    """One primitive of a network and where it came from."""

    path: str
    """Path of the rule that made it: ``stage#2[0].block[1].``; empty for the rule that derives the whole network."""
    params: int
    flops: int
    """Of all the times it runs."""


class Placing(Assembler):
    """Builds the tree, and notes for each primitive the rule it came from."""

    def __init__(self, space: Space) -> None:
        super().__init__()
        self._custom = space.custom
        self.path = ""
        self.parts: list[PlacedPart] = []

    def leaf(self, node: Primitive, entry: Shape, factor: int) -> None:
        """Append a primitive and its cost."""
        super().leaf(node, entry, factor)
        alone = cost(node, entry, custom=self._custom)
        self.parts.append(PlacedPart(self.path, alone.params, alone.flops * factor))

    def follow(self, machine: Machine, choose: Chooser, decisions: dict[str, Label]) -> Shapes:
        """Derive one network; *decisions* is filled as they are made, so that it is of use after an error.

        Raises:
            ShapeError, LanguageError: as `Space.expand`.
        """
        stop = machine.run(machine.start(), self)
        while isinstance(stop, Pending):
            decision = decide(stop)
            index = choose(decision)
            decisions[decision.name] = decision.labels[index]
            stop = machine.run(machine.take(stop, index), self)
        return stop


class PlacedMachine(Machine):
    """Tells a `Placing` listener before each step which rule is at work."""

    def _step(self, state: State, listener: Listener) -> State | Pending:
        if isinstance(listener, Placing) and state.trail is not None:
            listener.path = state.trail[0].prefix
        return super()._step(state, listener)


def rules_of(path: str, start: str) -> tuple[str, ...]:
    """The rules a path goes through, outermost first: ``("network", "stage", "block")``."""
    return start, *re.sub(r"#\d+|\[\d+\]", "", path).rstrip(".").split(".")[: path.count(".")]
