"""Optuna's importance of each decision, from trials read without Optuna's database."""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Iterable

import optuna
from optuna.distributions import CategoricalDistribution

from budgetnet.records.trial import Record

__all__ = ["optuna_importance"]


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
    several = {name: CategoricalDistribution(tuple(sorted(found))) for name, found in labels.items() if len(found) > 1}
    if len(scored) < 2 or not several:
        return {}
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            study = optuna.create_study(direction="maximize")
            study.add_trials(
                [
                    optuna.trial.create_trial(
                        value=accuracy,
                        params={name: repr(label) for name, label in record.decisions.items() if name in several},
                        distributions={name: several[name] for name in record.decisions if name in several},
                    )
                    for record, accuracy in scored
                ]
            )
            found = optuna.importance.get_param_importances(study)
    except (ValueError, RuntimeError):  # too few trials, or all equal
        return {}
    finally:
        optuna.logging.set_verbosity(level)
    merged: dict[str, float] = defaultdict(float)
    for name, value in found.items():
        merged[re.sub(r"\[\d+\]", "", name)] += value
    return dict(merged)
