"""Optuna's importance of each decision, from trials read without Optuna's database."""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from budgetnet.records.trial import Record

__all__ = ["optuna_importance"]


class _Given(InMemoryStorage):
    """Storage that gives trials as they are: adding thousands of them one by one copies each and checks it."""

    def __init__(self, trials: list[FrozenTrial]) -> None:
        super().__init__()
        self._trials = trials

    def get_all_trials(self, study_id: int, deepcopy: bool = True, states: Any = None) -> list[FrozenTrial]:  # noqa: ARG002
        """Return all trials; all are complete."""
        return list(self._trials)


def optuna_importance(records: Iterable[Record]) -> dict[str, float]:
    """Return Optuna's importance by decision, in sum 1; nothing where Optuna cannot tell.

    Optuna's default judges: PED-ANOVA, which compares the best tenth of the trials with all of them. Decisions that
    differ in a repetition's index only are added up.
    """
    scored = [(record, record.accuracy) for record in records if record.scored and record.accuracy is not None]
    labels: dict[str, dict[str, None]] = defaultdict(dict)
    for record, _ in scored:
        for name, label in record.decisions.items():
            labels[name][repr(label)] = None
    several: dict[str, BaseDistribution] = {
        name: CategoricalDistribution(tuple(sorted(found))) for name, found in labels.items() if len(found) > 1
    }
    if len(scored) < 2 or not several:
        return {}
    merged: dict[str, float] = defaultdict(float)
    for name, value in _asked([_trial(record, accuracy, several) for record, accuracy in scored]).items():
        merged[re.sub(r"\[\d+\]", "", name)] += value
    return dict(merged)


def _trial(record: Record, accuracy: float, several: dict[str, BaseDistribution]) -> FrozenTrial:
    return FrozenTrial(
        number=record.number,
        state=TrialState.COMPLETE,
        value=accuracy,
        datetime_start=record.started,
        datetime_complete=record.finished,
        params={name: repr(label) for name, label in record.decisions.items() if name in several},
        distributions={name: several[name] for name in record.decisions if name in several},
        user_attrs={},
        system_attrs={},
        intermediate_values={},
        trial_id=record.number,
    )


def _asked(trials: Sequence[FrozenTrial]) -> dict[str, float]:
    """Ask Optuna, without its messages."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            study = optuna.create_study(direction="maximize", storage=_Given(list(trials)))
            return optuna.importance.get_param_importances(study)
    except (ValueError, RuntimeError):  # too few trials, or all equal
        return {}
    finally:
        optuna.logging.set_verbosity(level)
