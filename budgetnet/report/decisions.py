"""Two networks in one study's grammar: which decisions lead to the one and not to the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from budgetnet.derivation.decision import Label
from budgetnet.files.network_file import Architecture
from budgetnet.files.spaces import space_of
from budgetnet.files.study import Study
from budgetnet.search.known_networks import derivation
from budgetnet.space.recognise import Parting
from budgetnet.text import NOTHING, joined_table

__all__ = ["Decisions", "decisions", "decisions_document", "decisions_text"]

SIDES = ("A", "B")


@dataclass(frozen=True, slots=True)
class Decisions:
    """How a grammar derives two networks."""

    study: str
    sides: tuple[Mapping[str, Label] | Parting, Mapping[str, Label] | Parting]
    """The decisions that derive each, or where it parts from the grammar."""

    @property
    def differing(self) -> dict[str, tuple[Label | None, Label | None]] | None:
        """Both labels of each decision that differs, None for one that a network does without; None if one parts."""
        first, second = self.sides
        if isinstance(first, Parting) or isinstance(second, Parting):
            return None
        pairs = {name: (first.get(name), second.get(name)) for name in (*first, *second)}
        # 1 and True are equal to Python, and two labels.
        return {name: pair for name, pair in pairs.items() if repr(pair[0]) != repr(pair[1])}


def decisions(first: Architecture, second: Architecture, study: Study) -> Decisions:
    """Find two networks in a study's grammar; the budget plays no part.

    Raises:
        RequestError: one of them is for other images or classes than the study's.
    """
    space = space_of(study)
    return Decisions(study.name, (derivation(first, study, space), derivation(second, study, space)))


def decisions_text(found: Decisions) -> list[str]:
    """Return the comparison as lines for people."""
    differing = found.differing
    if differing is None:
        partings = zip(SIDES, found.sides, strict=True)
        return [
            f"{side} is {parting.text} ({found.study})." for side, parting in partings if isinstance(parting, Parting)
        ]
    if not differing:
        return [f"The grammar of {found.study} derives both by the same decisions."]
    rows = [[name, *(NOTHING if label is None else str(label) for label in pair)] for name, pair in differing.items()]
    return joined_table([f"Decisions in the grammar of {found.study}", *SIDES], rows, left=(0, 1, 2))


def decisions_document(found: Decisions) -> dict[str, Any]:
    """Return the comparison for `--json`: ``decisions`` is null where a network is not in the grammar."""
    differing = found.differing
    return {
        "study": found.study,
        "decisions": None
        if differing is None
        else [{"decision": name, "a": a, "b": b} for name, (a, b) in differing.items()],
        "not_in_grammar": {
            side.lower(): parting.text
            for side, parting in zip(SIDES, found.sides, strict=True)
            if isinstance(parting, Parting)
        },
    }
