"""The ledger: everything that is written about a study's trials, in an order that survives being killed anywhere.

A candidate is recorded whole and at once, as a running trial with all its parameters and counts. When it ends, its
attributes are written first, the attribute ``outcome`` last of them, then Optuna's state. So a trial that is found
running with an outcome only lacks its last step, and one without an outcome is to be trained again. Queueing a trial
again, and taking one from the queue, are several writes, so one process at a time does that to a trial: it claims it
first.
"""

from __future__ import annotations

import datetime
import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from budgetnet.errors import SearchError
from budgetnet.files.study import Goal
from budgetnet.records.loading.memory import RecordMemory
from budgetnet.records.objective import shortfall, values_of
from budgetnet.records.parameters import Parameters
from budgetnet.records.process import life_of, this_process
from budgetnet.records.sharing.claims import Claims
from budgetnet.records.sharing.queue import MOST_DEATHS, queue_again
from budgetnet.records.storage import GRACE
from budgetnet.records.trial import Outcome, Record

__all__ = ["Ledger", "Running", "trial_seed"]

_STATES: dict[Outcome, TrialState] = {
    "completed": TrialState.COMPLETE,
    "duplicate": TrialState.COMPLETE,
    "stopped_early": TrialState.PRUNED,
    "diverged": TrialState.PRUNED,
    "over_budget": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    "interrupted": TrialState.FAIL,
    "left_out": TrialState.FAIL,
}
"""Optuna's state for each outcome. Failed and interrupted trials are invisible to its samplers and plots."""


@dataclass(frozen=True, slots=True)
class Running:
    """A trial that this process is responsible for."""

    id: int
    """The storage's key."""
    number: int
    seed: int
    attributes: Mapping[str, Any]
    """The trial's attributes as recorded when it started."""


def trial_seed(study_seed: int, *what: object) -> int:
    """Return a seed that follows from the study's seed and a name, the same on every machine and version."""
    return random.Random(":".join(map(str, (study_seed, *what)))).getrandbits(31)  # noqa: S311


class Ledger:
    """Reads and writes one study's trials."""

    def __init__(
        self, study: optuna.Study, storage: BaseStorage, *, goal: Goal, target: float | None, seed: int
    ) -> None:
        self.study = study
        self.storage = storage
        self.goal = goal
        self.target = target
        self.seed = seed
        self.memory = RecordMemory()
        self._name = study.study_name
        self._id = storage.get_study_id_from_name(self._name)
        self._owner = this_process()
        self.claims = Claims(storage, self._id, owner=self._owner)

    # --- reading ------------------------------------------------------------------------------------

    def records(self) -> tuple[Record, ...]:
        """Every trial, in the order of their numbers; those that have ended are read once."""
        return self.memory.records(self.storage.get_all_trials(self._id, deepcopy=False))

    def record(self, trial: Running) -> Record:
        """One trial."""
        return self.memory.read(self.storage.get_trial(trial.id))

    # --- candidates ---------------------------------------------------------------------------------

    def start(self, found: Parameters, attributes: Mapping[str, Any]) -> Running:
        """Record a candidate as a running trial of this process."""
        written = {**attributes, "owner": self._owner}
        trial_id = self._create(TrialState.RUNNING, found, written)
        number = self.storage.get_trial_number_from_id(trial_id)
        seed = self._seed_of(number)
        self.beat([trial_id])
        self.storage.set_trial_user_attr(trial_id, "seed", seed)  # after the first heartbeat, see `_life`
        return Running(trial_id, number, seed, written)

    def _seed_of(self, number: int) -> int:
        """A new trial's seed: by its number, not counting repetitions, so an interruption changes no later seed."""
        trials = self.storage.get_all_trials(self._id, deepcopy=False)
        repeated = sum(trial.number < number and "redo_of" in trial.user_attrs for trial in trials)
        return trial_seed(self.seed, "trial", number - repeated)

    def add(
        self,
        outcome: Outcome,
        found: Parameters,
        attributes: Mapping[str, Any],
        *,
        constraints: dict[str, float] | None = None,
        accuracy: float | None = None,
    ) -> Record:
        """Record a trial that trains nothing: over budget, a duplicate, or failed before training."""
        state = _STATES[outcome]
        values = None
        if accuracy is not None:
            attributes = {**attributes, "accuracy": accuracy}
            if state == TrialState.COMPLETE:
                values = values_of(self.goal, accuracy, attributes["params"])
                constraints = shortfall(self.goal, self.target, accuracy)
        written = {**attributes, "outcome": outcome}
        trial_id = self._create(state, found, written, constraints=constraints, values=values)
        return self.memory.read(self.storage.get_trial(trial_id))

    def _create(
        self,
        state: TrialState,
        found: Parameters,
        attributes: Mapping[str, Any],
        *,
        constraints: dict[str, float] | None = None,
        values: Sequence[float] | None = None,
    ) -> int:
        trial = create_trial(
            state=state,
            params=dict(found.values),
            distributions=dict(found.distributions),
            user_attrs=dict(attributes),
            constraints=constraints,
            values=values,
            # A curve from another study tells the pruner something; one of this study is known to it.
            intermediate_values=dict(enumerate(attributes["curve"], start=1)) if "copied_from" in attributes else None,
        )
        return self.storage.create_new_trial(self._id, template_trial=trial)

    # --- while it trains ----------------------------------------------------------------------------

    def report(self, trial: Running, epoch: int, accuracy: float) -> None:
        """Record the validation accuracy (a fraction) after an epoch, counted from 1, unless the trial was given up."""
        with suppress(optuna.exceptions.UpdateFinishedTrialError):  # `finish` tells
            self.storage.set_trial_intermediate_value(trial.id, epoch, accuracy)

    def should_stop(self, trial: Running) -> bool:
        """Ask the pruner."""
        return self.study.pruner.prune(self.study, self.storage.get_trial(trial.id))

    def beat(self, trial_ids: Sequence[int]) -> None:
        """Record a sign of life, for processes on other machines."""
        heart = getattr(self.storage, "record_heartbeat", None)  # databases have one, memory has none
        if heart is not None:
            for trial_id in trial_ids:
                heart(trial_id)

    def finish(self, trial: Running, outcome: Outcome, **attributes: Any) -> Record | None:
        """Record how a trial ended.

        Returns:
            The record; None if another process had given this one up in the meantime and repeats the trial.
        """
        try:
            accuracy = attributes.get("accuracy")
            if outcome == "completed" and accuracy is not None:
                for name, value in shortfall(self.goal, self.target, accuracy).items():
                    Trial(self.study, trial.id).set_constraint(name, value)
            self._set(trial.id, {**attributes, "outcome": outcome})
            self._close(trial.id, outcome)
        except optuna.exceptions.UpdateFinishedTrialError:
            return None
        return self.record(trial)

    def _set(self, trial_id: int, attributes: Mapping[str, Any]) -> None:
        """Write attributes of a running trial in their order, at once where the storage can."""
        together = getattr(self.storage, "set_trial_user_attrs", None)  # databases have one, memory has none
        if together is not None:
            together(trial_id, attributes)
            return
        for name, value in attributes.items():
            self.storage.set_trial_user_attr(trial_id, name, value)

    def interrupt(self, trial: Running, reason: str) -> None:
        """Give up a trial of this process; it is put first in the queue for the next start."""
        with self._turn(trial.number) as ours, suppress(optuna.exceptions.UpdateFinishedTrialError):
            if ours:
                self._interrupt(self.storage.get_trial(trial.id), reason)

    def _close(self, trial_id: int, outcome: Outcome) -> None:
        trial = self.storage.get_trial(trial_id)
        state = _STATES[outcome]
        values: tuple[float, ...] | None = None
        if state == TrialState.COMPLETE:
            values = values_of(self.goal, trial.user_attrs["accuracy"], trial.user_attrs["params"])
        elif state == TrialState.PRUNED and self.goal == "accuracy" and trial.intermediate_values:
            values = (trial.intermediate_values[max(trial.intermediate_values)],)  # as Optuna's own `tell` does
        self.storage.set_trial_state_values(trial_id, state=state, values=values)

    # --- after a crash ------------------------------------------------------------------------------

    def recover(self) -> list[int]:
        """Close the running trials whose process is gone and queue them again; return their numbers."""
        lost: list[int] = []
        foreign = False
        for trial in self.storage.get_all_trials(self._id, deepcopy=False, states=(TrialState.RUNNING,)):
            life = _life(trial)
            foreign = foreign or life == "unknown"
            if life == "gone" and self._bury(trial._trial_id, trial.number):
                lost.append(trial.number)
        if foreign:
            self._recover_from_other_machines()
        return lost

    def _bury(self, trial_id: int, number: int) -> bool:
        """Close a trial whose process is gone; return True if it was queued again here."""
        with self._turn(number) as ours:
            trial = self.storage.get_trial(trial_id)  # another process may have been faster
            if not ours or trial.state != TrialState.RUNNING or _life(trial) != "gone":
                return False
            if "outcome" in trial.user_attrs:
                self._close(trial_id, trial.user_attrs["outcome"])
                return False
            reason = f"its process {trial.user_attrs['owner']} ended before the training did"
            return self._interrupt(trial, reason, died=True)

    def _recover_from_other_machines(self) -> None:
        with self._turn("silent") as ours, warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            if ours:
                optuna.storages.fail_stale_trials(self.study)

    @contextmanager
    def _turn(self, what: int | str) -> Iterator[bool]:
        """Keep other processes from queueing a trial, or taking it, inside the block; yield False if one does now."""
        claim = f"again:{what}"
        if not self.claims.take(claim):
            yield False
            return
        try:
            yield True
        finally:
            self.claims.release(claim)

    def _interrupt(self, trial: FrozenTrial, reason: str, *, died: bool = False) -> bool:
        """End a trial and queue it again; return False if too many processes died of it and it has failed."""
        # First the repetition, then the end: killed in between, the repetition is found again by `redo_of`.
        again = queue_again(self.storage, self._id, trial, died=died)
        outcome: Outcome = "interrupted" if again else "failed"
        self.storage.set_trial_user_attr(
            trial._trial_id, "reason", reason if again else f"{reason}, the {MOST_DEATHS}th time in a row"
        )
        self.storage.set_trial_user_attr(trial._trial_id, "outcome", outcome)
        self._close(trial._trial_id, outcome)
        return again

    def claim(self) -> Running | None:
        """Take the first trial that is waiting to be repeated, if there is one."""
        for trial in self.storage.get_all_trials(self._id, deepcopy=False, states=(TrialState.WAITING,)):
            if "decisions" not in trial.user_attrs:
                continue  # enqueued by another tool: there is no network to train
            with self._turn(trial.number) as ours:
                if ours and self.storage.get_trial(trial._trial_id).state == TrialState.WAITING:
                    return self._take(trial._trial_id, trial.number)
        return None

    def _take(self, trial_id: int, number: int) -> Running:
        """Make a waiting trial one that this process runs."""
        # Owner and heartbeat are written before it runs, so that a killed trial always has an owner.
        self.storage.set_trial_user_attr(trial_id, "owner", self._owner)
        self.beat([trial_id])
        self.storage.set_trial_state_values(trial_id, state=TrialState.RUNNING)
        attributes = self.storage.get_trial(trial_id).user_attrs
        # Without a seed, the first one was killed right after it was recorded; its number gives the seed.
        seed = int(attributes["seed"]) if "seed" in attributes else self._seed_of(attributes["redo_of"])
        self.storage.set_trial_user_attr(trial_id, "seed", seed)
        return Running(trial_id, number, seed, attributes)

    def check_current(self) -> None:
        """Refuse to go on with a generation of the study that is over.

        Raises:
            SearchError: another process has begun a new one.
        """
        if self.storage.get_study_id_from_name(self._name) != self._id:
            raise SearchError(
                f"a new generation of {self._name} has begun with another grammar or budget; start again, with the "
                "study file as it is there now"
            )

    def others_running(self) -> int:
        """Count the trials that other processes are training right now."""
        trials = self.storage.get_all_trials(self._id, deepcopy=False, states=(TrialState.RUNNING,))
        return sum(trial.user_attrs.get("owner") != self._owner for trial in trials)


def _life(trial: FrozenTrial) -> Literal["alive", "gone", "unknown"]:
    """Tell whether the process that is responsible for a running trial is alive."""
    owner = trial.user_attrs.get("owner")
    if owner is None:
        return "unknown"  # another tool's: Optuna's heartbeat decides, if it has one
    life = life_of(str(owner))
    if life == "unknown" and "seed" not in trial.user_attrs and trial.datetime_start is not None:
        # Killed between its record and its first heartbeat, on another machine, where no heartbeat can tell.
        age = datetime.datetime.now() - trial.datetime_start
        life = "gone" if age.total_seconds() > GRACE else "unknown"
    return life
