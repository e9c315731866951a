"""Full trainings as a study's database holds them: one attribute of the study for each training.

There are two kinds. ``full:TRIAL:RUN`` is a training on the train split, judged by validation images: these choose.
``finalist:TRIAL:RUN`` is one on train and validation images together, which read the test images once in the end: a
study of this version has it for the network that was chosen, an older one for all finalists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from budgetnet.records.checks.rules import FULL_TRAINING_RULES, DamagedRecordError, Unreadable, broken
from budgetnet.records.training_run import Score, TrainingRun, score_of

if TYPE_CHECKING:
    import optuna

    from budgetnet.records.read_only import StoredStudy

__all__ = [
    "Finalist",
    "final_run",
    "final_run_attribute",
    "final_run_document",
    "finalists_of",
    "full_run_attribute",
    "read_finalists",
    "readable_finalists",
    "trial_of_attribute",
]

_FINAL = "finalist"
_FULL = "full"


def final_run_attribute(trial: int, repeat: int) -> str:
    """Return the name of the study's attribute that holds a training on all train images."""
    return f"{_FINAL}:{trial}:{repeat}"


def full_run_attribute(trial: int, repeat: int) -> str:
    """Return the name of the study's attribute that holds a full training on the train split."""
    return f"{_FULL}:{trial}:{repeat}"


def trial_of_attribute(name: str) -> int | None:
    """Return the trial that an attribute of the study holds a full training of; None for other attributes."""
    kind, _, rest = name.partition(":")
    number = rest.partition(":")[0]
    return int(number) if kind in (_FINAL, _FULL) and number.isdecimal() else None


def final_run_document(trial: int, run: TrainingRun) -> dict[str, Any]:
    """Return what the attribute holds for a training of a trial's network."""
    placed = {} if run.after is None else {"after": run.after}
    return run.document() | {"trial": trial, "run": run.repeat, "workers": run.workers} | placed


def final_run(document: Mapping[str, Any]) -> TrainingRun:
    """Return the training that an attribute holds.

    Raises:
        KeyError, TypeError: it is not one.
    """
    return TrainingRun.of(document, repeat=document["run"], workers=document["workers"], after=document.get("after"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalist:
    """All full trainings of one network."""

    trial: int
    """The trial that proposed the network."""
    runs: tuple[TrainingRun, ...]
    """On all train images, tested; none for a network that was trained in full but not chosen."""
    full: tuple[TrainingRun, ...] = ()
    """On the train split, judged by validation images; none in records of version 0.1."""

    @property
    def score(self) -> Score:
        """Test accuracy over the runs."""
        return score_of(self.runs)

    @property
    def validation(self) -> Score:
        """Validation accuracy over the full trainings that were completed."""
        return Score.of(run.accuracy for run in self.full if run.outcome == "completed")


def read_finalists(study: optuna.Study | StoredStudy) -> list[Finalist]:
    """Return what is recorded of networks trained in full, by the number of the trial.

    Not by test accuracy: choosing by it would be selection on test data.

    Raises:
        DamagedRecordError: a full training cannot be read.
    """
    return finalists_of(study.user_attrs)


def finalists_of(attributes: Mapping[str, Any]) -> list[Finalist]:
    """Return what a study's attributes say about networks trained in full, by the number of the trial.

    Raises:
        DamagedRecordError: a full training cannot be read.
    """
    found, damage = readable_finalists(attributes)
    if damage:
        raise DamagedRecordError(damage[0])
    return found


def readable_finalists(attributes: Mapping[str, Any]) -> tuple[list[Finalist], tuple[str, ...]]:
    """Return the full trainings that can be read, by network, and a line for each of the others."""
    found: dict[str, dict[int, list[TrainingRun]]] = {_FINAL: {}, _FULL: {}}
    damage: list[str] = []
    for name, value in attributes.items():
        kind = name.partition(":")[0]
        if kind in found and ":" in name:
            try:
                found[kind].setdefault(int(_checked(name, value)["trial"]), []).append(final_run(value))
            except DamagedRecordError as error:
                damage.append(str(error))
    finalists = [
        Finalist(
            trial=trial,
            runs=_by_repeat(found[_FINAL].get(trial, [])),
            full=_by_repeat(found[_FULL].get(trial, [])),
        )
        for trial in sorted({*found[_FINAL], *found[_FULL]})
    ]
    return finalists, tuple(damage)


def _checked(name: str, value: object) -> Mapping[str, Any]:
    """Return the document of a full training if it is one.

    Raises:
        DamagedRecordError: it is not.
    """
    if isinstance(value, Unreadable):
        reason: str | None = "it is not JSON"
    elif not isinstance(value, Mapping):
        reason = f"it must be a mapping, but is {value!r}"
    else:
        reason = broken(value, FULL_TRAINING_RULES)
        if reason is None:
            try:
                final_run(value)
                return value
            except KeyError as error:
                reason = f"its key {error} is missing"
            except (TypeError, ValueError, AttributeError) as error:
                reason = f"it is not a training ({error})"
    raise DamagedRecordError(f"the full training {name}: {reason}")


def _by_repeat(runs: list[TrainingRun]) -> tuple[TrainingRun, ...]:
    return tuple(sorted(runs, key=lambda run: run.repeat))
