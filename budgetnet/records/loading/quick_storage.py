"""Optuna's database storage, with one plain statement a table where Optuna reads trials or makes one.

Optuna builds an object of SQLAlchemy's mapper for every row and parses the same distributions again and again: 10,000
trials take it 15 seconds and 900 MB. The rows are the same here; what is made of them is, too.
"""

from __future__ import annotations

import datetime
import sys
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping
from functools import lru_cache
from typing import Any

import sqlalchemy
from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.orm import Session

from budgetnet.records.loading.collector import collector_held_back
from budgetnet.records.loading.quick_json import quick_json
from budgetnet.records.loading.quick_writing import overwrite_attributes, write_rows

__all__ = ["QuickStorage"]

LIMIT_NAMED = 500
"""Trials that a query may name one by one; databases limit a query's variables."""

PARTITION = 5_000
"""Rows that are fetched at once."""

_Rows = Mapping[int, list[Any]]
"""Rows of a table by the trial's key."""


class QuickStorage(RDBStorage):
    """`optuna.storages.RDBStorage`, quicker at reading trials and at making one."""

    def _get_prepared_new_trial(self, study_id: int, template_trial: FrozenTrial | None, session: Session) -> Any:
        """Make a trial in a session, as `RDBStorage` does; a parameter's kind is the same in all trials of a study."""
        if template_trial is None:
            return super()._get_prepared_new_trial(study_id, template_trial, session)
        made: Any = models.TrialModel(
            study_id=study_id,
            number=None,
            state=template_trial.state,
            datetime_start=template_trial.datetime_start,
            datetime_complete=template_trial.datetime_complete,
        )
        session.add(made)
        session.flush()  # which gives it a key
        write_rows(session, made.trial_id, template_trial)
        made.number = made.count_past_trials(session)
        return made

    def set_trial_user_attrs(self, trial_id: int, attributes: Mapping[str, Any]) -> None:
        """Set several attributes of a trial that has not ended, all or none of them.

        Raises:
            UpdateFinishedTrialError: it has ended.
        """
        with _create_scoped_session(self.scoped_session, True) as session:
            trial: Any = models.TrialModel.find_or_raise_by_id(trial_id, session)
            self.check_trial_is_updatable(trial_id, trial.state)
            if not overwrite_attributes(session, self.engine.name, trial_id, attributes):
                for name, value in attributes.items():
                    self._set_trial_attr_without_commit(session, models.TrialUserAttributeModel, trial_id, name, value)

    @collector_held_back()
    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        """Return the trials after one, and some before it, as `RDBStorage` does."""
        named = {key for key in included_trial_ids if key <= trial_id_greater_than}
        if states is not None or len(named) > LIMIT_NAMED:
            return super()._get_trials(study_id, states, included_trial_ids, trial_id_greater_than)
        trials = models.TrialModel.__table__
        asked = trials.c.study_id == study_id
        if trial_id_greater_than > -1:
            later = trials.c.trial_id > trial_id_greater_than
            asked &= sqlalchemy.or_(trials.c.trial_id.in_(sorted(named)), later) if named else later
        with self.engine.connect() as connection:
            found = connection.execute(
                sqlalchemy.select(
                    trials.c.trial_id, trials.c.number, trials.c.state, trials.c.datetime_start,
                    trials.c.datetime_complete,
                ).where(asked).order_by(trials.c.trial_id)
            ).all()  # fmt: skip
            if not found:
                self._require(connection, study_id)
                return []
            few = [row.trial_id for row in found] if len(found) <= LIMIT_NAMED else None

            def rows(model: Any, *columns: str) -> _Rows:
                return _rows(connection, model.__table__, columns, few, asked)

            parts = (
                rows(models.TrialParamModel, "param_name", "param_value", "distribution_json"),
                rows(models.TrialValueModel, "objective", "value", "value_type"),
                rows(models.TrialUserAttributeModel, "key", "value_json"),
                rows(models.TrialSystemAttributeModel, "key", "value_json"),
                rows(models.TrialIntermediateValueModel, "step", "intermediate_value", "intermediate_value_type"),
            )
        return [_trial(row, *(part.get(row.trial_id, ()) for part in parts)) for row in found]

    @staticmethod
    def _require(connection: sqlalchemy.Connection, study_id: int) -> None:
        """Raise an error, as Optuna does, if there is no such study."""
        studies = models.StudyModel.__table__
        if connection.execute(sqlalchemy.select(studies.c.study_id).where(studies.c.study_id == study_id)).first():
            return
        raise KeyError(f"there is no study with the key {study_id}")


def _rows(
    connection: sqlalchemy.Connection,
    table: Any,
    columns: Iterable[str],
    few: list[int] | None,
    asked: sqlalchemy.ColumnElement[bool],
) -> _Rows:
    """Return a table's rows of some trials: the *few*, or those that a condition asks for."""
    key = next(iter(table.primary_key.columns))
    query = sqlalchemy.select(table.c.trial_id, *(table.c[name] for name in columns)).order_by(key)
    if few is None:
        trials = models.TrialModel.__table__
        query = query.where(table.c.trial_id.in_(sqlalchemy.select(trials.c.trial_id).where(asked)))
    else:
        query = query.where(table.c.trial_id.in_(few))
    found: dict[int, list[Any]] = defaultdict(list)
    for part in connection.execute(query).partitions(PARTITION):
        for row in part:
            found[row[0]].append(row)
    return found


def _trial(
    row: Any,
    parameters: Iterable[Any],
    values: Iterable[Any],
    attributes: Iterable[Any],
    system: Iterable[Any],
    steps: Iterable[Any],
) -> FrozenTrial:
    """Return a trial from its rows."""
    reached = sorted((objective, _value(value, kind)) for _, objective, value, kind in values)
    distributions = {sys.intern(name): _distribution(text) for _, name, _, text in parameters}
    return FrozenTrial(
        number=row.number,
        state=row.state,
        value=None,
        values=[value for _, value in reached] or None,
        datetime_start=_local(row.datetime_start),
        datetime_complete=_local(row.datetime_complete),
        params={sys.intern(name): distributions[name].to_external_repr(value) for _, name, value, _ in parameters},
        distributions=distributions,
        user_attrs={sys.intern(key): quick_json(text) for _, key, text in attributes},
        system_attrs={sys.intern(key): quick_json(text) for _, key, text in system},
        intermediate_values={step: _step(value, kind) for _, step, value, kind in steps},
        trial_id=row.trial_id,
    )


def _local(time: datetime.datetime | None) -> datetime.datetime | None:
    """Return a stored time, which is UTC, as Optuna's trials have it: this machine's."""
    return None if time is None else time.replace(tzinfo=datetime.UTC).astimezone().replace(tzinfo=None)


_value: Callable[..., float] = models.TrialValueModel.stored_repr_to_value
_step: Callable[..., float] = models.TrialIntermediateValueModel.stored_repr_to_intermediate_value


@lru_cache(maxsize=4096)
def _distribution(text: str) -> BaseDistribution:
    """Parse a distribution; nobody changes one, so trials may share it."""
    return json_to_distribution(text)
