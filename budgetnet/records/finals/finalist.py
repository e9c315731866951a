"""Finalists as a study's database holds them: one attribute of the study for each training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from budgetnet.records.training_run import Score, TrainingRun, score_of

if TYPE_CHECKING:
    import optuna

    from budgetnet.records.read_only import StoredStudy

__all__ = ["Finalist", "final_run", "final_run_attribute", "final_run_document", "read_finalists"]

_PREFIX = "finalist"


def final_run_attribute(trial: int, repeat: int) -> str:
    """Return the name of the study's attribute that holds a training."""
    return f"{_PREFIX}:{trial}:{repeat}"


def final_run_document(trial: int, run: TrainingRun) -> dict[str, Any]:
    """Return what the attribute holds of a training of a trial's network."""
    return run.document() | {"trial": trial, "run": run.repeat, "workers": run.workers}


def final_run(document: Mapping[str, Any]) -> TrainingRun:
    """Return the training that an attribute holds.

    Raises:
        KeyError, TypeError: it is not one.
    """
    return TrainingRun.of(document, repeat=document["run"], workers=document["workers"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalist:
    """All trainings of one finalist."""

    trial: int
    """The trial that proposed the network."""
    runs: tuple[TrainingRun, ...]

    @property
    def score(self) -> Score:
        """Test accuracy over the runs."""
        return score_of(self.runs)


def read_finalists(study: optuna.Study | StoredStudy) -> list[Finalist]:
    """Return what is recorded of finalists, by the number of the trial.

    Not by test accuracy: choosing by it would be selection on test data.
    """
    runs: dict[int, list[TrainingRun]] = {}
    for name, value in study.user_attrs.items():
        if name.startswith(f"{_PREFIX}:"):
            runs.setdefault(int(value["trial"]), []).append(final_run(value))
    return [
        Finalist(trial=trial, runs=tuple(sorted(its, key=lambda run: run.repeat)))
        for trial, its in sorted(runs.items())
    ]
