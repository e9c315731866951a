"""Optuna's TPE over a grammar: it answers the decisions of a derivation, in memory.

The recorded trials are mirrored in a study in memory, and TPE is asked there. So a candidate that does not fit costs
nothing, is told to TPE as infeasible (with how far it was off), and nothing half-sampled ever reaches the database. Of
very many trials only some are mirrored, since TPE's time grows with their number.
"""

from __future__ import annotations

import copy
import random
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import optuna
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from budgetnet.derivation.decision import Decision
from budgetnet.files.study import Goal
from budgetnet.records.objective import directions, shortfall, values_of, violation
from budgetnet.records.parameters import option_index, parameter_distribution
from budgetnet.records.ranking import ranked
from budgetnet.records.trial import Record
from budgetnet.search.samplers.base import STARTUP
from budgetnet.space.choosers import prior
from budgetnet.space.judge import Draw, Rejection
from budgetnet.space.proposer import Proposer

__all__ = ["TpeSampler"]

LIMIT_PROPOSALS = 30
"""Unsuccessful proposals after which TPE is stuck; the rest are drawn from the prior."""
LIMIT_MIRRORED = 500
"""Trials that TPE is told of: of more, the best `LIMIT_BEST` and the latest others. Its own rule counts at most 25 as
good, so these are always among them, and the others only say where the rest lies."""
LIMIT_BEST = 100


class _Shared(FrozenTrial):
    """A trial that is not copied in depth into a storage: nobody changes what it holds."""

    def __deepcopy__(self, memo: dict[int, object]) -> FrozenTrial:
        return copy.copy(self)


@dataclass(frozen=True)
class TpeSampler:
    """See `budgetnet.search.samplers.base.Sampler`."""

    proposer: Proposer
    goal: Goal = "accuracy"
    target: float | None = None
    startup: int = STARTUP
    _seen: dict[tuple[object, ...], FrozenTrial] = field(default_factory=dict, compare=False, repr=False)
    """Mirrored trials that will not change any more: a memory that only saves time."""

    def draws(self, records: Sequence[Record], rng: random.Random) -> Iterator[Draw]:
        """Yield draws from the prior until enough is known, then TPE's."""
        if sum(record.trained or record.scored for record in records) >= self.startup:
            study = self._mirror(records, rng)
            for _ in range(LIMIT_PROPOSALS):
                yield self._ask(study, rng)
        while True:
            yield self.proposer.draw(rng)

    def _mirror(self, records: Sequence[Record], rng: random.Random) -> optuna.Study:
        """Return a study in memory that holds what is known."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        # The prior draws of `startup` are this sampler's own, so Optuna's may be none.
        sampler = optuna.samplers.TPESampler(seed=rng.getrandbits(31), n_startup_trials=1)
        study = optuna.create_study(directions=directions(self.goal), sampler=sampler)
        for record in self._telling(records):
            mirrored = self._remembered(record)
            if mirrored is not None:
                # Not `add_trial`, which would check again what was checked when the trial was made.
                study._storage.create_new_trial(study._study_id, template_trial=mirrored)
        return study

    def _telling(self, records: Sequence[Record]) -> Sequence[Record]:
        """Return the trials to mirror, in their order."""
        if len(records) <= LIMIT_MIRRORED:
            return records
        best = {record.number for record in ranked(records, self.goal, self.target)[:LIMIT_BEST]}
        others = [record.number for record in records if record.number not in best]
        kept = best.union(others[len(best) - LIMIT_MIRRORED :])
        return [record for record in records if record.number in kept]

    def _remembered(self, record: Record) -> FrozenTrial | None:
        """Return a trial as TPE should see it, from memory if it was seen before in its final state."""
        key = (record.number, record.outcome, record.hash, record.accuracy, record.curve)
        found = self._seen.get(key)
        if found is None:
            found = self._mirrored(record)
            if found is not None:
                found.__class__ = _Shared
                if record.final:
                    self._seen[key] = found
        return found

    def _mirrored(self, record: Record) -> FrozenTrial | None:
        """One trial as TPE should see it; None for those that say nothing about their network."""
        if not record.decisions:
            return None
        state = TrialState.PRUNED
        values: tuple[float, ...] | None = None
        curve: dict[int, float] = {}
        constraints = dict(record.constraints)
        match record.outcome:
            case "completed" | "duplicate" if record.accuracy is not None:
                state = TrialState.COMPLETE
                values = values_of(self.goal, record.accuracy, record.params or 0)
                constraints = shortfall(self.goal, self.target, record.accuracy)
            case "running":
                state = TrialState.RUNNING  # TPE keeps away from what is being tried
            case "stopped_early" | "diverged" if self.goal == "accuracy":
                curve = dict(enumerate(record.curve, start=1))
            case "diverged" | "over_budget":
                pass
            case _:
                return None
        assert record.parameters is not None  # a search reads its records through Optuna
        return create_trial(
            state=state,
            values=values,
            params=dict(record.parameters.values),
            distributions=dict(record.parameters.distributions),
            intermediate_values=curve,
            constraints=constraints,
        )

    def _ask(self, study: optuna.Study, rng: random.Random) -> Draw:
        trial = study.ask()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # categorical labels of mixed types are meant
            found = self.proposer.derive(lambda decision: _answer(trial, decision, rng))
        if isinstance(found, Rejection):
            broken = violation(self.proposer.space.budget, found)
            for name, value in broken.items():
                trial.set_constraint(name, value)
            study.tell(trial, state=TrialState.PRUNED if broken else TrialState.FAIL)
        return found


def _answer(trial: Trial, decision: Decision, rng: random.Random) -> int:
    """Ask TPE; where its answer is not allowed here, draw by the grammar's weights."""
    kind = parameter_distribution(decision)
    if isinstance(kind, CategoricalDistribution):
        index = option_index(decision, trial.suggest_categorical(decision.name, kind.choices))  # type: ignore[arg-type]
    else:
        assert isinstance(kind, IntDistribution)
        index = option_index(decision, trial.suggest_int(decision.name, kind.low, kind.high))
    return index if index is not None and decision.allowed[index] else prior(rng)(decision)
