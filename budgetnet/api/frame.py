"""A study's trials as a pandas frame."""

from __future__ import annotations

import warnings
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from budgetnet.api.studies import as_study
from budgetnet.files.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from budgetnet.records.lookup import Trials
    from budgetnet.records.trial import Record

__all__ = ["load_trials"]

_FIRST = (
    "number", "outcome", "reason", "params", "flops", "activations", "peak_activation_bytes", "depth",
    "receptive_field", "flash", "ram", "latency", "latency_on", "accuracy", "curve", "epochs", "seconds", "decisions",
    "network",
)  # fmt: skip
"""Columns that come first; a record's other fields follow."""
_WHOLE = (
    "number",
    "params",
    "flops",
    "activations",
    "peak_activation_bytes",
    "depth",
    "receptive_field",
    "flash",
    "ram",
    "epochs",
)
"""Columns of whole numbers, of which some may be missing."""


def load_trials(
    study: Study | str | Path, *, storage: str | None = None, run: str | Path | None = None, features: bool = False
) -> pd.DataFrame:
    """Return a study's trials as a pandas frame: one row a trial, by number.

    Args:
        study: a study, or the path of its file.
        storage: address of the database; ``study.db`` in the run folder if None.
        run: the run folder; ``runs/NAME`` in the working directory or beside the study file if None.
        features: add a column for each feature and decision that the sampler ``model`` learns from, named as
            `budgetnet.search.model.features` says; ``frame.attrs["features_version"]`` is their version.

    Returns:
        Columns ``number``, ``outcome``, ``reason``, costs (``params``, ``flops`` with one multiply-add = one FLOP,
        ``activations``, ``peak_activation_bytes``, ``depth``, ``receptive_field``, ``flash``, ``ram``), ``latency``
        (measured seconds for one image, on the processor ``latency_on``), ``accuracy`` (a fraction of the validation
        images after the last epoch) and ``curve`` (a list, after each epoch), ``epochs``, ``seconds``, ``decisions`` (a
        dict), ``network`` (its text), and everything else that is recorded. Missing numbers are NA. Of a damaged
        database the readable trials, with a `UserWarning` for each record left out.

    Raises:
        RequestError: no search has run for this study yet, or its settings have changed since.
        SearchError: the database cannot be used.

    >>> import budgetnet as bn
    >>> bn.load_trials("studies/quickstart.yaml", run="nowhere")
    Traceback (most recent call last):
        ...
    budgetnet.errors.RequestError: there are no trials of quickstart yet: nowhere/study.db does not exist;
        first run: budgetnet search studies/quickstart.yaml --out nowhere
    """
    import pandas as pd

    from budgetnet.records.lookup import open_trials
    from budgetnet.records.trial import Record

    trials = open_trials(as_study(study), storage=storage, out=None if run is None else Path(run))
    for line in trials.warnings:
        warnings.warn(line, UserWarning, stacklevel=2)
    names = list(dict.fromkeys((*_FIRST, *(entry.name for entry in fields(Record) if entry.name != "parameters"))))
    frame = pd.DataFrame([_row(record, names) for record in trials.records], columns=names)
    whole = dict.fromkeys(_WHOLE, "Int64")
    frame = frame.astype({**whole, "accuracy": "float64", "seconds": "float64"})
    return _with_features(frame, trials) if features else frame


def _with_features(frame: pd.DataFrame, trials: Trials) -> pd.DataFrame:
    """Add the features of each trial's network; those of trials without a network are NA."""
    import pandas as pd

    from budgetnet.files.spaces import space_of
    from budgetnet.search.model.features import FEATURES_VERSION
    from budgetnet.search.study_model import StudyModel

    model = StudyModel(trials.study, space_of(trials.study))
    model.add(trials.records)
    known = [(place, record.hash) for place, record in enumerate(trials.records) if record.hash in model.matrix]
    values = pd.DataFrame(
        model.matrix.take([digest for _, digest in known]),
        columns=model.matrix.names,
        index=[place for place, _ in known],
    )
    found = pd.concat([frame, values.reindex(frame.index)], axis=1)
    found.attrs["features_version"] = FEATURES_VERSION
    return found


def _row(record: Record, names: list[str]) -> list[Any]:
    """Return a record's fields, mappings as dictionaries and tuples as lists."""
    values = (getattr(record, name) for name in names)
    return [dict(v) if hasattr(v, "keys") else list(v) if isinstance(v, tuple) else v for v in values]
