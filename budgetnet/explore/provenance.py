"""A derivation that remembers which rule made which part, and what the part costs."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from budgetnet.derivation.decision import Answer, Chooser, Label
from budgetnet.derivation.frames import Shapes
from budgetnet.derivation.machine import Machine, Pending
from budgetnet.derivation.origins import OriginAssembler
from budgetnet.network.cost.closed_form import leaf_cost
from budgetnet.network.cost.types import Cost
from budgetnet.network.nodes import Custom, Primitive, Shape
from budgetnet.space.space import Space

__all__ = ["PartOrigin", "PlacedOption", "Provenance", "plain", "rules_of"]


class PlacedOption(NamedTuple):
    """An option of a place in the text, whatever led there."""

    rule: str
    site: str
    """Name of the choice, ``conv.kernel``; unique within the rule."""
    type: type
    """Type of the label; 1, 1.0 and True are three options."""
    label: Label
    kind: str
    """See `budgetnet.derivation.decision.Decision.kind`."""
    line: int
    """Line of the place, from 1."""


class PartOrigin(NamedTuple):
    """One primitive of a network and where it came from."""

    path: str
    """Path of the rule that made it: ``stage#2[0].block[1].``; empty for the rule that derives the whole network."""
    params: int
    flops: int
    """FLOPs of all its runs, like activations and depth."""
    activations: int = 0
    peak_activation_bytes: int = 0
    """Peak memory of the primitive alone."""
    depth: int = 0
    flash: int = 0
    ram: int = 0
    """Bytes of RAM of the primitive alone; 0 where the budget does not bound it."""


@lru_cache(maxsize=1 << 14)
def _known_cost(node: Primitive, entry: Shape, ram: bool) -> Cost:
    return leaf_cost(node, entry, ram=ram)


class Provenance(OriginAssembler):
    """Builds the tree, and notes for each primitive the rule it came from."""

    def __init__(self, space: Space) -> None:
        super().__init__()
        self._custom = space.custom
        self._ram = space.budget.ram is not None
        self.parts: list[PartOrigin] = []
        self.taken: dict[PlacedOption, None] = {}
        """The options taken, each once, by their place in the text."""

    def leaf(self, node: Primitive, entry: Shape, factor: int) -> None:
        """Append a primitive and its cost."""
        super().leaf(node, entry, factor)
        alone = self._alone(node, entry)
        self.parts.append(
            PartOrigin(
                path=self.path,
                params=alone.params,
                flops=alone.flops * factor,
                activations=alone.activations * factor,
                peak_activation_bytes=alone.peak_activation_bytes,
                depth=alone.depth * factor,
                flash=alone.flash,
                ram=alone.ram or 0,
            )
        )

    def _alone(self, node: Primitive, entry: Shape) -> Cost:
        if isinstance(node, Custom):
            return leaf_cost(node, entry, custom=self._custom, ram=self._ram)
        return _known_cost(node, entry, self._ram)

    def _note(self) -> None:
        """Do nothing: the parts say where they are from."""

    def follow(self, machine: Machine, choose: Chooser, answers: list[Answer]) -> Shapes:
        """Derive one network; *answers* grows during the derivation, so that it holds something after an error.

        Raises:
            ShapeError, LanguageError: as `Space.expand`.
        """
        stop = machine.run(machine.start(), self)
        while isinstance(stop, Pending):
            decision = stop.decision
            index = choose(decision)
            answers.append(Answer(decision, index))
            label = decision.labels[index]
            choice = PlacedOption(stop.scope.rule.name, stop.site, type(label), label, decision.kind, stop.span.line)
            self.taken[choice] = None
            stop = machine.run(machine.take(stop, index), self)
        return stop


@lru_cache(maxsize=1 << 14)
def plain(path: str) -> str:
    """A path or name without the indices of repetitions: ``stage#2.block``."""
    return re.sub(r"\[\d+\]", "", path).rstrip(".")


@lru_cache(maxsize=1 << 14)
def rules_of(path: str, start: str) -> tuple[str, ...]:
    """The rules a path goes through, outermost first: ``("network", "stage", "block")``."""
    return start, *re.sub(r"#\d+|\[\d+\]", "", path).rstrip(".").split(".")[: path.count(".")]
