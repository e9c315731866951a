"""Options that build the same thing: ``bias=auto|false`` behind a norm, which has a bias of its own.

Found by trying: from a few decisions at one place in the text every option is followed to the next decision, and the
layers that it made are compared by what they do (`budgetnet.space.events`), with all that is left to derive.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from budgetnet.derivation.decision import Label
from budgetnet.derivation.listeners import SilentListener
from budgetnet.derivation.machine import Machine, Pending, State
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.network.nodes import Primitive, Shape
from budgetnet.space.events import layer_events

__all__ = ["SameOptions", "same_options"]

TRIED = 3
"""Decisions at one place that are tried."""
_MOST_DECISIONS = 8
"""Decisions that are followed until a layer is made: the other arguments of its call."""


@dataclass(frozen=True, slots=True)
class SameOptions:
    """Options of one place that cannot be told apart in a network."""

    pending: Pending
    """One of the decisions there."""
    labels: tuple[Label, ...]

    def __str__(self) -> str:
        """``bias=auto, false build the same thing; leave all but one out``."""
        words = ", ".join(str(label).lower() if isinstance(label, bool) else str(label) for label in self.labels)
        left = "one of them" if len(self.labels) == 2 else "all but one"
        return f"{self.pending.site}={words} build the same thing; leave {left} out"


def same_options(machine: Machine, decisions: Iterable[Pending]) -> Iterator[SameOptions]:
    """Find options that build the same thing at every decision tried.

    Args:
        machine: made the decisions, with interned agendas.
        decisions: of a space, in any order.
    """
    places: dict[tuple[str, str], list[Pending]] = defaultdict(list)
    for pending in decisions:
        if pending.decision.kind == "count":  # repetitions follow the part, so they do not show in its first layer
            continue
        place = places[pending.scope.rule.name, pending.site]
        same_labels = not place or place[0].decision.labels == pending.decision.labels
        if len(place) < TRIED and same_labels:
            place.append(pending)
    for tried in places.values():
        groups: dict[Hashable, list[Label]] = defaultdict(list)
        for index, label in enumerate(tried[0].decision.labels):
            if all(pending.decision.allowed[index] for pending in tried):
                ends = tuple(
                    _followed(machine, machine.take(pending, index), later) for pending in tried for later in (0, -1)
                )
                if None not in ends:
                    groups[ends].append(label)
        for labels in groups.values():
            # An option that is written twice is named by the checks of the grammar.
            if len({str(label).partition(" (again")[0] for label in labels}) > 1:
                yield SameOptions(tried[0], tuple(labels))


class _Recorder(SilentListener):
    """Records what the layers of a part do."""

    def __init__(self) -> None:
        self.events: list[Hashable] = []

    def leaf(self, node: Primitive, entry: Shape, factor: int) -> None:
        """Record a layer's operations, with its input's shape."""
        self.events.append((layer_events(node), entry, factor))


def _followed(machine: Machine, state: State, later: int) -> Hashable | None:
    """Follow a derivation until a layer is made; return what was made and what is left, or None after an error.

    Args:
        machine: derives.
        state: behind the option in question.
        later: the option taken at further decisions: 0 for the first, -1 for the last.
    """
    recorder = _Recorder()
    try:
        stop = machine.run(state, recorder)
        for _ in range(_MOST_DECISIONS):
            if recorder.events or not isinstance(stop, Pending):
                break
            allowed = [index for index, legal in enumerate(stop.decision.allowed) if legal]
            stop = machine.run(machine.take(stop, allowed[later]), recorder)
    except (ShapeError, LanguageError):
        return None
    left = (stop.site, stop.state.key()) if isinstance(stop, Pending) else stop
    return tuple(recorder.events), left
