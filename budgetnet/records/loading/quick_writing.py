"""Rows of a new trial, written with one statement a table.

Optuna looks every parameter and attribute of a new trial up before it writes it, and looks for an earlier trial with
the same parameter among all of them: some hundred statements a trial, which take longer the more trials there are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from optuna.distributions import distribution_to_json
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial
from sqlalchemy import insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

__all__ = ["overwrite_attributes", "write_rows"]


def write_rows(session: Session, trial_id: int, template: FrozenTrial) -> None:
    """Write what a trial that has no rows yet consists of, its state aside."""
    values = [template.value] if template.values is None else template.values
    _write(session, models.TrialValueModel, trial_id, (_value(*each) for each in enumerate(values)))
    _write(session, models.TrialParamModel, trial_id, (_parameter(template, name) for name in template.params))
    _write(session, models.TrialUserAttributeModel, trial_id, _attributes(template.user_attrs))
    _write(session, models.TrialSystemAttributeModel, trial_id, _attributes(template.system_attrs))
    steps = template.intermediate_values.items()
    _write(session, models.TrialIntermediateValueModel, trial_id, (_step(*each) for each in steps))


def overwrite_attributes(session: Session, database: str, trial_id: int, attributes: Mapping[str, Any]) -> bool:
    """Write attributes that a trial may have already; return False if the kind of database has no way to do it."""
    insert_of: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}.get(database)
    if insert_of is None:
        return False
    statement = insert_of(models.TrialUserAttributeModel.__table__)
    statement = statement.on_conflict_do_update(
        index_elements=["trial_id", "key"], set_={"value_json": statement.excluded.value_json}
    )
    session.execute(statement, [{"trial_id": trial_id, **row} for row in _attributes(attributes)])
    return True


def _write(session: Session, model: Any, trial_id: int, rows: Iterable[dict[str, Any] | None]) -> None:
    found = [{"trial_id": trial_id, **row} for row in rows if row is not None]
    if found:
        session.execute(insert(model.__table__), found)


def _value(objective: int, value: float | None) -> dict[str, Any] | None:
    if value is None:
        return None
    stored, kind = models.TrialValueModel.value_to_stored_repr(value)
    return {"objective": objective, "value": stored, "value_type": kind}


def _parameter(template: FrozenTrial, name: str) -> dict[str, Any]:
    kind = template.distributions[name]
    value = kind.to_internal_repr(template.params[name])
    return {"param_name": name, "param_value": value, "distribution_json": distribution_to_json(kind)}


def _attributes(attributes: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    return ({"key": key, "value_json": json.dumps(value)} for key, value in attributes.items())


def _step(step: int, value: float) -> dict[str, Any]:
    stored, kind = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(value)
    return {"step": step, "intermediate_value": stored, "intermediate_value_type": kind}
