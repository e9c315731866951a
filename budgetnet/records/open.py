"""Opening a study's trials, for searching or listing. Loads optuna, but not torch."""

from __future__ import annotations

import warnings

import optuna
from optuna.storages import BaseStorage

from budgetnet.errors import RequestError, SearchError, nearest
from budgetnet.files.settings import ATTRIBUTE, check_settings, readable_settings, settings_of
from budgetnet.files.study import Goal, Study
from budgetnet.records.checks.contents import damaged_study
from budgetnet.records.objective import directions, metric_names
from budgetnet.records.pruning import make_pruner
from budgetnet.records.sharing.queue import queue_again
from budgetnet.records.storage import open_storage, shown, storage_errors

__all__ = ["name_objectives", "open_study"]


def open_study(study: Study, url: str, *, create: bool = True) -> tuple[optuna.Study, BaseStorage]:
    """Open a study's trials; create the study where there is none.

    Args:
        study: the study.
        url: the database's address.
        create: False refuses to make a database or a study in it (for commands that only read).

    Raises:
        RequestError: the address is wrong, or there is no such study.
        NewGenerationError: its grammar or budget changed, and nothing else.
        StudyError: other settings changed.
        SearchError: the database cannot be used.
    """

    def stale(optuna_study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        queue_again(database, database.get_study_id_from_name(optuna_study.study_name), trial, died=True)

    database = open_storage(url, stale=stale, create=create)
    with storage_errors(url):
        try:
            return _load(study, database, shown(url), create=create), database
        except (ValueError, LookupError, TypeError) as error:
            raise damaged_study(study.name, shown(url), error) from error


def _load(study: Study, database: BaseStorage, place: str, *, create: bool) -> optuna.Study:
    """Return Optuna's study, and write what it lacks if it is new."""
    names = {known.study_name for known in database.get_all_studies()}
    if study.name not in names and not create:
        held = ", ".join(sorted(names)) or "none"
        raise RequestError(
            f"the database has no study {study.name!r} (it has: {held}){nearest(study.name, names)}; run the search "
            "first"
        )
    recorded = optuna.create_study(
        study_name=study.name,
        storage=database,
        directions=directions(study.goal) if study.name not in names else None,
        load_if_exists=True,
        pruner=make_pruner(study.search.pruner, study.training.epochs),
        sampler=optuna.samplers.RandomSampler(seed=0),  # never asked: proposals come from budgetnet's samplers
    )
    attributes = recorded.user_attrs
    if ATTRIBUTE in attributes:
        if not readable_settings(attributes[ATTRIBUTE]):
            raise SearchError(
                f"{place} is damaged: the settings of the study {study.name} cannot be read; restore it from a copy, "
                "or start over with --fresh, which keeps the old folder under another name"
            )
        check_settings(attributes[ATTRIBUTE], study, place)
    elif create:
        if any("decisions" in trial.user_attrs for trial in recorded.get_trials(deepcopy=False)):
            raise SearchError(
                f"{place} is damaged: the settings of the study {study.name} are missing, so what its scores depend on "
                "is unknown; restore it from a copy, or start over with --fresh, which keeps the old folder under "
                "another name"
            )
        name_objectives(recorded, study.goal)
        recorded.set_user_attr(ATTRIBUTE, settings_of(study))
    return recorded


def name_objectives(recorded: optuna.Study, goal: Goal) -> None:
    """Name a new study's objectives, for other tools that show it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        recorded.set_metric_names(metric_names(goal))
