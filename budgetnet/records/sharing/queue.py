"""The queue of a study: trials that were cut off and are trained again, each once."""

from __future__ import annotations

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

__all__ = ["MOST_DEATHS", "queue_again"]

DEATHS = "deaths"
"""Attribute of a repeated trial: how many processes have ended while they trained it."""
MOST_DEATHS = 5
"""Processes in a row that may die while they train a trial before it counts as failed: it may be what kills them,
for example by using up the machine's memory."""
_NOT_REPEATED = (
    "outcome", "reason", "accuracy", "curve", "epochs", "seconds", "worker", "owner", "rejected_before", "training",
)  # fmt: skip
"""Attributes that a repetition of an interrupted trial does not inherit."""


def queue_again(storage: BaseStorage, study_id: int, trial: FrozenTrial, *, died: bool = False) -> bool:
    """Queue a trial again, with its own seed, unless that was done before.

    Args:
        storage: the database.
        study_id: its key of the study.
        trial: the trial.
        died: its process ended without a message, which is counted.

    Returns:
        False if as many processes have died of the trial as are allowed to.
    """
    deaths = int(trial.user_attrs.get(DEATHS) or 0) + died
    if deaths >= MOST_DEATHS:
        return False
    for other in storage.get_all_trials(study_id, deepcopy=False):
        if other.user_attrs.get("redo_of") == trial.number:
            return True
    if "decisions" not in trial.user_attrs:
        return True
    attributes = {name: value for name, value in trial.user_attrs.items() if name not in _NOT_REPEATED}
    attributes["redo_of"] = trial.number
    if deaths:
        attributes[DEATHS] = deaths
    storage.create_new_trial(
        study_id,
        template_trial=create_trial(
            state=TrialState.WAITING,
            params=dict(trial.params),
            distributions=dict(trial.distributions),
            user_attrs=attributes,
        ),
    )
    return True
