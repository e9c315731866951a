"""The trials whose networks a report draws: in panels beside figures, and in rows of its table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from budgetnet.draw.draw import draw_network
from budgetnet.errors import BudgetnetError
from budgetnet.records.lookup import Trials, architecture_of
from budgetnet.records.trial import Record
from budgetnet.report.analysis.progress import best_so_far
from budgetnet.report.frontier import frontier

__all__ = ["MOST_DRAWN", "DrawnTrials", "drawn_trials"]

MOST_DRAWN = 60
"""Networks that are drawn: a drawing takes 20 ms and 20 kB, so that a report of 5,000 trials stays quick and small."""


@dataclass(frozen=True, slots=True)
class DrawnTrials:
    """Drawings, each of them once, and which trial has which."""

    drawings: tuple[str, ...]
    """SVG without a namespace, as HTML takes it."""
    of_trial: dict[int, int]
    """Places of the drawings by trial."""


def drawn_trials(trials: Trials) -> DrawnTrials:
    """Draw the networks that matter: chosen, trained in full, on the frontier, once the best, then by accuracy."""
    places: dict[str, int | None] = {}
    drawings: list[str] = []
    of_trial: dict[int, int] = {}
    for record in _in_order(trials):
        if record.hash not in places:
            if len(drawings) == MOST_DRAWN:
                continue
            drawing = _drawing(record, trials)
            places[record.hash] = None if drawing is None else len(drawings)
            if drawing is not None:
                drawings.append(drawing)
        place = places[record.hash]
        if place is not None:
            of_trial[record.number] = place
    return DrawnTrials(tuple(drawings), of_trial)


def _in_order(trials: Trials) -> Iterable[Record]:
    known = {record.number: record for record in trials.records if record.network}
    first = [choice.trial for choice in trials.choices]
    first += [finalist.trial for finalist in trials.finalists]
    first += [record.number for record in frontier(trials.records)]
    first += [step.best for step in reversed(best_so_far(trials.records)) if step.best is not None]
    rest = sorted(known.values(), key=lambda record: (-(record.accuracy or 0.0), record.number))
    numbers = dict.fromkeys([*first, *(record.number for record in rest)])
    return [known[number] for number in numbers if number in known]


def _drawing(record: Record, trials: Trials) -> str | None:
    try:
        drawing = draw_network(architecture_of(record, trials.study))
    except BudgetnetError:
        return None
    # Inside HTML, SVG needs no namespace; without it the page names no address at all.
    return drawing.replace(' xmlns="http://www.w3.org/2000/svg"', "", 1)
