"""A trial as it was recorded: what `search` writes, and what `results` reads."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from budgetnet.derivation.decision import Label
from budgetnet.numbers import time_text
from budgetnet.records.checks.rules import TRIAL_RULES, DamagedRecordError, Unreadable, broken
from budgetnet.records.training_run import TrainingRun

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from budgetnet.records.parameters import Parameters
    from budgetnet.records.read_only import StoredStudy, StoredTrial

__all__ = [
    "ATTRIBUTES",
    "OUTCOMES",
    "TRAINED",
    "Outcome",
    "Record",
    "read_record",
    "read_records",
    "readable_records",
    "training_attributes",
]

Outcome = Literal[
    "completed",
    "stopped_early",
    "diverged",
    "failed",
    "over_budget",
    "duplicate",
    "interrupted",
    "left_out",
    "running",
    "waiting",
]
"""Outcome of a trial: how it ended, or that it has not yet.

completed: trained by the whole recipe. stopped_early: the pruner ended it. diverged: training broke down.
failed: out of memory, or an error of budgetnet's own. over_budget: never trained.
duplicate: the same network was completed before, in this study or in a comparable one of the same database, and its
score was taken over. interrupted: the process ended before the training did; it is redone. left_out: a trial of an
earlier generation whose network this one's grammar or budget excludes (`budgetnet.records.generations.generation`).
"""

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

TRAINED: tuple[Outcome, ...] = ("completed", "stopped_early", "diverged")
"""Outcomes that count towards a study's number of trials."""

_STATES = ("RUNNING", "WAITING", "COMPLETE", "PRUNED", "FAIL")
"""Optuna's names of states."""

ATTRIBUTES = (
    "outcome", "reason", "arch", "network", "decisions", "hash",
    "params", "flops", "activations", "peak_activation_bytes", "depth", "receptive_field", "flash", "ram",
    "latency", "latency_on", "accuracy", "curve", "epochs", "seconds", "seed", "worker", "owner",
    "duplicate_of", "copied_from", "redo_of",
    "rejected_before", "origin", "note", "training",
)  # fmt: skip
"""The names of a trial's user attributes; `outcome` is written last, so a trial that has one is complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One trial."""

    number: int
    outcome: Outcome
    reason: str = ""
    """Why it ended so, in words; empty for completed trials."""
    arch: str = ""
    """The network in one short line."""
    network: str = ""
    """The network as grammar text; what can be built again."""
    decisions: Mapping[str, Label] = field(default_factory=dict)
    """The derivation: what was chosen, by name, in order."""
    hash: str = ""
    """Equal for networks that are the same, however they were derived."""
    params: int | None = None
    flops: int | None = None
    """Multiply-adds by fvcore's count, eval mode, batch 1; one multiply-add counts as one."""
    activations: int | None = None
    peak_activation_bytes: int | None = None
    depth: int | None = None
    receptive_field: int | None = None
    flash: int | None = None
    """Bytes of flash in int8; None in records of before."""
    ram: int | None = None
    """Bytes of RAM in int8; None where the budget does not bound it."""
    latency: float | None = None
    """Measured time of one image in seconds, on one thread; None where the budget does not bound it."""
    latency_on: str = ""
    """The processor that it was measured on."""
    accuracy: float | None = None
    """Validation accuracy after the last epoch trained, as a fraction. Never the best epoch's."""
    curve: tuple[float, ...] = ()
    """Validation accuracy after each epoch, as fractions."""
    epochs: int = 0
    """Epochs trained."""
    seconds: float | None = None
    """Time of training and validation."""
    seed: int | None = None
    """Seeds initial weights, order, augmentation and dropout."""
    worker: str = ""
    """The worker process that trained it, ``host/0``."""
    owner: str = ""
    """The process that is responsible for a running trial, ``host/pid/start``."""
    duplicate_of: int | None = None
    """The trial of this study whose score was taken over."""
    copied_from: str = ""
    """The trial of another study whose score was taken over, ``STUDY:NUMBER``; see
    `budgetnet.records.other_studies`."""
    redo_of: int | None = None
    """The interrupted trial that this one repeats."""
    rejected_before: Mapping[str, int] = field(default_factory=dict)
    """Draws dropped since the trial before, without a record of their own, by reason."""
    origin: str = ""
    """The file of a known network that the study was started from; empty for what was drawn."""
    note: str = ""
    """Caveat for counts that rest on own primitives; empty for most."""
    parameters: Parameters | None = None
    """The decisions as Optuna's parameters; None if the database was read without Optuna."""
    training: TrainingRun | None = None
    """The training itself; None if it was not trained, or not to an end."""
    constraints: Mapping[str, float] = field(default_factory=dict)
    """Violated where positive."""
    started: datetime.datetime | None = None
    finished: datetime.datetime | None = None

    @property
    def trained(self) -> bool:
        """True if it counts towards a study's number of trials."""
        return self.outcome in TRAINED

    @property
    def latency_text(self) -> str:
        """``4.2 ms for one image on AMD EPYC 7B13 (measured)``; empty if it was not measured."""
        if self.latency is None:
            return ""
        return f"{time_text(self.latency)} for one image on {self.latency_on} (measured)"

    @property
    def scored(self) -> bool:
        """True if its accuracy is that of the whole recipe: completed, or completed in another study."""
        return self.outcome == "completed" or bool(self.copied_from)

    @property
    def final(self) -> bool:
        """True if nothing about it will change any more."""
        return self.outcome not in ("running", "waiting")


def read_records(study: optuna.Study | StoredStudy) -> tuple[Record, ...]:
    """Return every trial of a study, in the order of their numbers.

    Raises:
        DamagedRecordError: a trial cannot be read.
    """
    return tuple(read_record(trial) for trial in study.get_trials(deepcopy=False))


def readable_records(
    study: optuna.Study | StoredStudy, read: Callable[[Any], Record] | None = None
) -> tuple[tuple[Record, ...], tuple[str, ...]]:
    """Return the trials of a study that can be read, by number, and a line for each of the others.

    Args:
        study: the study.
        read: reads a trial, perhaps from memory; `read_record` if None.
    """
    found: dict[int, Record] = {}
    damage: list[str] = []
    for trial in study.get_trials(deepcopy=False):
        try:
            record = (read or read_record)(trial)
            if record.number in found:
                raise DamagedRecordError(f"trial {record.number}: there are two of this number")
            found[record.number] = record
        except DamagedRecordError as error:
            damage.append(str(error))
    return tuple(found.values()), tuple(damage)


def read_record(trial: FrozenTrial | StoredTrial) -> Record:
    """Return what a trial's attributes say; trials made by other tools become records without a network.

    Raises:
        DamagedRecordError: an attribute, the number, a time or the state cannot be what it is.
    """
    attributes = trial.user_attrs
    _check(trial)
    values: dict[str, Any] = {name: attributes[name] for name in ATTRIBUTES if name in attributes}
    values["outcome"] = _outcome(trial, attributes.get("outcome"))
    values["curve"] = tuple(attributes.get("curve") or _reported(trial))
    if "epochs" not in values:
        values["epochs"] = len(values["curve"])
    if "accuracy" not in values and values["curve"] and values["outcome"] in TRAINED:
        values["accuracy"] = values["curve"][-1]
    if values["outcome"] == "interrupted" and "reason" not in values:
        values["reason"] = "its process stopped reporting"
    written = values.pop("training", {})
    if values["outcome"] in TRAINED:
        values["training"] = _training(values, written)
    return Record(
        number=trial.number,
        parameters=_parameters(trial),
        constraints=trial.constraints,
        started=trial.datetime_start,
        finished=trial.datetime_complete,
        **values,
    )


def _check(trial: FrozenTrial | StoredTrial) -> None:
    """Refuse a trial that cannot be read."""
    number: object = trial.number
    if not isinstance(number, int):
        raise DamagedRecordError("a trial has no number")
    reason = broken(trial.user_attrs, TRIAL_RULES)
    outcome = trial.user_attrs.get("outcome")
    state = trial.state.name
    if reason is None and outcome is not None and outcome not in OUTCOMES:
        reason = f"its outcome {outcome!r} is unknown; a later version of budgetnet may have written it"
    if reason is None and state not in _STATES:
        reason = f"its state {state!r} is unknown; a later version of Optuna may have written it"
    times: dict[Any, Any] = {"its start": trial.datetime_start, "its end": trial.datetime_complete}
    times |= {f"the kind of its value at step {step}": value for step, value in trial.intermediate_values.items()}
    for name, value in times.items():
        if reason is None and isinstance(value, Unreadable):
            reason = f"{name} cannot be {value.text!r}"
    if reason is not None:
        raise DamagedRecordError(f"trial {trial.number}: {reason}")


def _parameters(trial: FrozenTrial | StoredTrial) -> Parameters | None:
    from budgetnet.records.read_only import StoredTrial

    if isinstance(trial, StoredTrial):
        return None
    from budgetnet.records.parameters import Parameters  # which loads optuna

    return Parameters(trial.params, trial.distributions)


def training_attributes(run: TrainingRun) -> dict[str, Any]:
    """Return the attributes by which a trial keeps its training; its seed was written when it started."""
    curve = list(run.validation_accuracies)
    written = {"curve": curve, "epochs": run.epochs, "seconds": run.seconds, "training": run.trial_document()}
    return written | {"accuracy": curve[-1]} if curve else written


def _training(values: Mapping[str, Any], written: Mapping[str, Any]) -> TrainingRun:
    """The training that `training_attributes` keeps; trials of version 0.1 have *written* nothing of its conditions."""
    return TrainingRun.of_trial(
        written,
        seed=values.get("seed") or 0,
        epochs=values["epochs"],
        validation_accuracies=values["curve"],
        seconds=values.get("seconds", 0.0),
        stopped=values["outcome"] == "stopped_early",
        diverged=values.get("reason", "") if values["outcome"] == "diverged" else None,
    )


def _reported(trial: FrozenTrial | StoredTrial) -> tuple[float, ...]:
    return tuple(trial.intermediate_values[step] for step in sorted(trial.intermediate_values))


def _outcome(trial: FrozenTrial | StoredTrial, written: object) -> Outcome:
    """The recorded outcome; without one the state decides (another tool, or a machine that stopped reporting)."""
    match trial.state.name:
        case "RUNNING":
            return "running"
        case "WAITING":
            return "waiting"
        case _ if written in OUTCOMES:
            return written
        case "COMPLETE":
            return "completed"
        case "PRUNED":
            return "stopped_early"
        case _:
            return "interrupted"
