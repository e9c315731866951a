"""The networks that a study has chosen, and by what: what ``STUDY:best``, listings and exports name.

A search writes its choice into the attribute ``choice`` of the study when it ends. Where none is written (an older
version, or a search that was interrupted), it follows from the records: by the mean validation accuracy of full
trainings where there are some, else by brief training. Test images choose nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from budgetnet.files.study import Goal
from budgetnet.records.checks.rules import DamagedRecordError
from budgetnet.records.finals.finalist import Finalist
from budgetnet.records.ranking import best, ranked
from budgetnet.records.training_run import Score
from budgetnet.records.trial import Record
from budgetnet.text import counted, percent

if TYPE_CHECKING:
    import optuna

    from budgetnet.records.read_only import StoredStudy

__all__ = [
    "BY_BRIEF",
    "BY_MEAN",
    "CHOICE",
    "StudyChoice",
    "Winner",
    "choice_document",
    "choose_from_records",
    "read_choice",
    "settled_trials",
]

CHOICE = "choice"
"""Name of the study's attribute."""
BY_BRIEF = "brief training"
"""Rule of a winner without full trainings."""
BY_MEAN = "their mean"
"""Rule of a winner by the mean accuracy of its full trainings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Winner:
    """One network that was chosen."""

    trial: int
    rule: str = BY_BRIEF
    """Measure that full trainings were judged by: ``their mean`` or the model's posterior; `BY_BRIEF` without any."""
    bounds: dict[str, int] | None = None
    """Bounds of the budget for which it is the answer, where a study has several; None: for its only one."""

    @property
    def limit(self) -> int | None:
        """Return the number of parameters within which it is the answer; None for a study's only budget."""
        return (self.bounds or {}).get("params")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyChoice:
    """A winner, and the accuracies that speak for it."""

    trial: int
    rule: str
    validation: Score
    """Validation accuracy of its full trainings on the train split."""
    brief: float | None
    """Validation accuracy after brief training, a fraction."""
    bounds: dict[str, int] | None = None
    """See `Winner`."""

    @property
    def limit(self) -> int | None:
        """See `Winner.limit`."""
        return (self.bounds or {}).get("params")

    @property
    def text(self) -> str:
        """``chosen by 3 full trainings, validation 86.10 ± 0.21 %``."""
        chosen = "chosen" if self.limit is None else f"chosen within {self.limit:,} parameters"
        if not self.validation.n:
            return f"{chosen} by brief training, validation {percent(self.brief)} %"
        by = "" if self.rule == BY_MEAN else f", judged by {self.rule}"
        return f"{chosen} by {counted(self.validation.n, 'full training')}, validation {self.validation.spread} %{by}"

    def document(self) -> dict[str, Any]:
        """Return it for `--json`; accuracies are fractions."""
        return {
            "trial": self.trial,
            "why": self.text,
            "rule": self.rule,
            "validation_accuracy": self.validation.document(),
            "brief_accuracy": self.brief,
            "bounds": self.bounds,
        }


def choice_document(winners: Sequence[Winner], trials: int) -> dict[str, Any]:
    """Return a choice as the study's attribute holds it.

    Args:
        winners: the main one first.
        trials: number of trials that they were chosen from.
    """
    return {"trials": trials, "winners": [asdict(winner) for winner in winners]}


def read_choice(study: optuna.Study | StoredStudy) -> tuple[Winner, ...]:
    """Return the choice that a search has written down; none where it has not.

    Raises:
        DamagedRecordError: it cannot be read.
    """
    return _choice(study.user_attrs)[0]


def settled_trials(attributes: Mapping[str, Any]) -> int:
    """Return the number of trials that a study's choice was made from; 0 before there is one.

    Raises:
        DamagedRecordError: the choice cannot be read.
    """
    return _choice(attributes)[1]


def _choice(attributes: Mapping[str, Any]) -> tuple[tuple[Winner, ...], int]:
    """Return the winners, and the number of trials that they were chosen from."""
    if CHOICE not in attributes:
        return (), 0
    try:
        held = attributes[CHOICE]
        return tuple(_winner(one) for one in held["winners"]), int(held["trials"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"its key {error} is missing" if isinstance(error, KeyError) else "it is not a choice"
        raise DamagedRecordError(f"the study's choice cannot be read: {what}") from error


def _winner(document: Mapping[str, Any]) -> Winner:
    bounds = document["bounds"]
    return Winner(
        trial=int(document["trial"]), rule=str(document["rule"]), bounds=None if bounds is None else dict(bounds)
    )


def choose_from_records(
    records: Sequence[Record],
    finalists: Sequence[Finalist],
    written: Sequence[Winner],
    *,
    goal: Goal,
    target: float | None,
    limits: Sequence[int] = (),
) -> tuple[StudyChoice, ...]:
    """Return the networks that a study has chosen, the main one first; none where no training was completed.

    Of a study of several budgets each has its choice: the one that is written down, or else what the records say.

    Args:
        records: every trial.
        finalists: every network trained in full.
        written: the recorded choice.
        goal: the study's.
        target: the study's target accuracy, if it has one.
        limits: numbers of parameters of the study's budgets, where it has several, the largest first.
    """
    by_number = {record.number: record for record in records}
    full = {finalist.trial: finalist.validation for finalist in finalists}
    winners = [winner for winner in written if winner.trial in by_number]
    if limits:
        answered = {winner.limit or limits[0]: winner for winner in reversed(winners)}
        winners = []
        for limit in limits:
            fitting = {number: one for number, one in by_number.items() if (one.params or 0) <= limit}
            found = answered.get(limit) or next(_leader(fitting, full, goal, target), None)
            winners += [] if found is None else [replace(found, bounds={"params": limit})]
    elif not winners:
        winners = list(_leader(by_number, full, goal, target))
    return tuple(
        StudyChoice(
            trial=winner.trial,
            rule=winner.rule,
            validation=full.get(winner.trial, Score(())),
            brief=by_number[winner.trial].accuracy,
            bounds=winner.bounds,
        )
        for winner in winners
    )


def _leader(
    records: Mapping[int, Record], full: Mapping[int, Score], goal: Goal, target: float | None
) -> Iterator[Winner]:
    """Yield the best network, if there is one."""
    judged = [
        replace(records[number], outcome="completed", accuracy=score.mean)
        for number, score in full.items()
        if score.n and number in records
    ]
    if judged:
        yield Winner(trial=ranked(judged, "accuracy" if goal == "pareto" else goal, target)[0].number, rule=BY_MEAN)
        return
    leader = best(records.values(), goal, target)
    if leader is not None:
        yield Winner(trial=leader.number, rule=BY_BRIEF)
