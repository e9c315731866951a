"""Begin a new generation of a study whose grammar or budget has changed.

Every earlier trial that the new grammar still derives, and the new budget still allows, is taken over with its number,
its scores and its full trainings; the others leave their number behind, without a score. The new generation is
written beside the old one, and the names are exchanged in one transaction: a process that is killed on the way leaves
the study as it was.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import optuna
import sqlalchemy
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from budgetnet.errors import BudgetnetError, RequestError
from budgetnet.files.settings import ATTRIBUTE, DATA_PART, NewGenerationError, begins_generation, settings_of
from budgetnet.files.study import Study
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.records.checks.contents import check_whole
from budgetnet.records.checks.data import require_same_data
from budgetnet.records.finals.finalist import trial_of_attribute
from budgetnet.records.generations.generation import GENERATION, Generation, earlier_name
from budgetnet.records.ledger import Ledger
from budgetnet.records.lookup import architecture_of
from budgetnet.records.objective import directions
from budgetnet.records.open import name_objectives, open_study
from budgetnet.records.parameters import parameters
from budgetnet.records.sharing.claims import Claims
from budgetnet.records.sharing.weights import copy_weights
from budgetnet.records.storage import backend_of, open_storage, shown, storage_errors
from budgetnet.records.trial import TRAINED, Record, read_record
from budgetnet.search.preparation.latency import Latency, LatencyJudge, latency_judge
from budgetnet.space.choosers import replay, unanswered
from budgetnet.space.judge import Candidate, Draw, derive
from budgetnet.space.recognise import Parting, recognise
from budgetnet.space.space import Space
from budgetnet.training.data.identity import DataIdentity

__all__ = ["begin_generation", "open_current"]

_CLAIM = "generation"
_KEPT_OF_LEFT_OUT = ("arch", "network", "params", "flops", "origin", "note", "seconds")
"""Attributes that a left-out trial keeps; without decisions, hash and accuracy nothing goes on from it."""


def open_current(
    study: Study, space: Space, url: str, images: Callable[[], DataIdentity | None], *, joining: bool
) -> tuple[optuna.Study, BaseStorage, Generation | None]:
    """Open a study's trials, and begin a new generation first if its grammar or budget has changed.

    Args:
        study: see `begin_generation`.
        space: see `begin_generation`.
        url: address of the database; it is made where there is none.
        images: see `begin_generation`.
        joining: True for one more process of a study that others search: it begins nothing.

    Returns:
        The study, its storage, and the generation if one has begun.

    Raises:
        NewGenerationError: the study has changed for a process that joins.
        RequestError, StudyError, SearchError: see `begin_generation` and `budgetnet.records.open.open_study`.
    """
    try:
        return *open_study(study, url), None
    except NewGenerationError:
        if joining:
            raise
    begun = begin_generation(study, space, url, images)
    return *open_study(study, url), begun


def begin_generation(
    study: Study, space: Space, url: str, images: Callable[[], DataIdentity | None]
) -> Generation | None:
    """Begin a new generation if nothing but the grammar and the budget has changed since the last search.

    Args:
        study: the study, as its file says it now.
        space: its space.
        url: address of the database, which exists.
        images: opens the images and returns their identity, which must be that of the study's scores.

    Returns:
        The new generation; None if another process was faster, or the study changed in more than that, which is
        refused elsewhere.

    Raises:
        RequestError: other processes are at work on the study.
        StudyError: the study's images are not those that its scores are of.
        SearchError: the database is damaged or cannot be used.
    """
    storage = open_storage(url, create=False)
    with storage_errors(url):
        recorded = optuna.load_study(study_name=study.name, storage=storage)
        key, attributes = recorded._study_id, recorded.user_attrs
        if not begins_generation(attributes.get(ATTRIBUTE), study) or not isinstance(backend_of(storage), RDBStorage):
            return None
        check_whole(recorded, shown(url))
        identity = images() if DATA_PART in attributes[ATTRIBUTE] else None
        if identity is not None:
            way = "give the study another name (study: …)"
            require_same_data(attributes[ATTRIBUTE][DATA_PART], identity, shown(url), way)
        claims = Claims(storage, key)
        if not claims.take(_CLAIM):
            raise RequestError(
                f"another process begins a new generation of {study.name} at this moment; start again when it trains"
            )
        try:
            if storage.get_study_id_from_name(study.name) != key:
                return None
            _refuse_company(study, recorded, storage, claims)
            return _Change(study, space, storage, recorded).make()
        finally:
            claims.release(_CLAIM)


def _refuse_company(study: Study, recorded: optuna.Study, storage: BaseStorage, claims: Claims) -> None:
    """Refuse to change a study while others train for it.

    Raises:
        RequestError: they do.
    """
    ledger = Ledger(recorded, storage, goal=study.goal, target=study.target, seed=study.search.seed)
    ledger.recover()
    if ledger.others_running() or claims.others():
        raise RequestError(
            f"a new generation of {study.name} must begin alone, but other processes train for the last one; end them "
            "first, or let them finish"
        )


@dataclass
class _Change:
    """One change from a generation to the next."""

    study: Study
    space: Space
    storage: BaseStorage
    recorded: optuna.Study
    """The generation that ends."""
    kept: dict[int, str] = field(default_factory=dict)
    """Trials that are taken over: the name of the generation that each comes from, by number."""
    taken_over: int = 0
    left_out: int = 0

    def __post_init__(self) -> None:
        self._latency: LatencyJudge | None = latency_judge(self.study, self.space)

    def make(self) -> Generation:
        """Write the new generation, and let it take the study's name."""
        attributes = self.recorded.user_attrs
        number = Generation.of(attributes).number + 1
        sources = self._sources(number - 1)
        study_id = self._fresh(earlier_name(self.study.name, number))
        trials = {name: study.get_trials(deepcopy=False) for name, study in sources.items()}
        for trial in trials[self.study.name]:
            self.storage.create_new_trial(study_id, template_trial=self._next(trial, trials))
        full = self._full_trainings(sources)
        for name, value in full.items():
            self.storage.set_study_user_attr(study_id, name, value)
        for source in sources.values():
            copy_weights(self.storage, source._study_id, study_id)
        begun = Generation(
            number=number,
            begun=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            changes=tuple(begins_generation(attributes[ATTRIBUTE], self.study)),
            taken_over=self.taken_over,
            left_out=self.left_out,
            full=len(full),
        )
        images = attributes[ATTRIBUTE].get(DATA_PART)
        settings = settings_of(self.study) | ({} if images is None else {DATA_PART: images})
        self.storage.set_study_user_attr(study_id, ATTRIBUTE, settings)
        self.storage.set_study_user_attr(study_id, GENERATION, begun.document())
        self._exchange(study_id, number - 1)
        return begun

    def _sources(self, last: int) -> dict[str, optuna.Study]:
        """Return the generations so far by name in the database, the newest first."""
        names = {known.study_name for known in self.storage.get_all_studies()}
        found = {self.study.name: self.recorded}
        for number in range(last - 1, 0, -1):
            name = earlier_name(self.study.name, number)
            if name in names:
                found[name] = optuna.load_study(study_name=name, storage=self.storage)
        return found

    def _fresh(self, name: str) -> int:
        """Make an empty study; one that a killed process left half made is thrown away."""
        if name in {known.study_name for known in self.storage.get_all_studies()}:
            self.storage.delete_study(self.storage.get_study_id_from_name(name))
        made = optuna.create_study(study_name=name, storage=self.storage, directions=directions(self.study.goal))
        name_objectives(made, self.study.goal)
        return made._study_id

    def _full_trainings(self, sources: Mapping[str, optuna.Study]) -> dict[str, Any]:
        """Return the attributes of full trainings that are taken over, each from where its trial comes from."""
        return {
            name: value
            for source, study in sources.items()
            for name, value in study.user_attrs.items()
            if (trial := trial_of_attribute(name)) is not None and self.kept.get(trial) == source
        }

    def _next(self, trial: FrozenTrial, trials: Mapping[str, list[FrozenTrial]]) -> FrozenTrial:
        """Return what the new generation has under a trial's number."""
        source, found = self.study.name, trial
        for name, earlier in trials.items():
            if trial.number < len(earlier) and earlier[trial.number].user_attrs.get("outcome") != "left_out":
                source, found = name, earlier[trial.number]
                break
        record = read_record(found)
        trained = record.outcome in TRAINED
        answer = self._derived(record)
        if isinstance(answer, str):
            self.left_out += trained
            return _left_out(found, answer)
        self.kept[trial.number] = source
        self.taken_over += trained
        return _taken_over(found, *answer)

    def _derived(self, record: Record) -> tuple[Candidate, dict[str, Any]] | str:
        """Return a trial's network in the new space, and attributes that are new; or why it is not taken over."""
        if record.outcome == "left_out" or not record.network or not record.hash:
            return record.reason or "it has no network"
        if record.outcome == "over_budget":
            return "it was over an earlier budget, and never trained"
        if record.duplicate_of is not None and record.duplicate_of not in self.kept:
            return f"trial {record.duplicate_of}, whose score it has, is not taken over"
        drawn = self._replayed(record)
        if drawn is None:
            try:
                found = recognise(architecture_of(record, self.study).network, self.space)
                if isinstance(found, Parting):
                    return f"the grammar does not derive it any more: {found.text}"
                drawn = derive(self.space, replay(found.decisions, unanswered))
            except BudgetnetError as error:
                return str(error)
        if not isinstance(drawn, Candidate):
            return f"over the new budget: {drawn.text}"
        if self._latency is None:
            return drawn, {}
        measured = self._measured(record, drawn, self._latency)
        slow = measured.excess(self._latency.limit)
        return (drawn, measured.attributes()) if slow is None else f"over the new budget: {slow}"

    def _replayed(self, record: Record) -> Draw | None:
        """Return what a trial's own decisions derive now; None if that is not its network."""
        try:
            drawn = derive(self.space, replay(record.decisions, unanswered))
        except BudgetnetError:
            return None  # the grammar asks other questions now, which may have answers nevertheless
        if drawn.expansion is None or canonical_hash(drawn.expansion.network) != record.hash:
            return None
        return drawn

    @staticmethod
    def _measured(record: Record, drawn: Candidate, judge: LatencyJudge) -> Latency:
        if record.latency is None:
            return judge.measure(drawn.expansion.network)
        return Latency(seconds=record.latency, looks=1, processor=record.latency_on)

    def _exchange(self, study_id: int, number: int) -> None:
        """Give the new generation the study's name, and the old one a name of its own, both or neither."""
        backend = backend_of(self.storage)
        assert isinstance(backend, RDBStorage)
        rename = sqlalchemy.text("UPDATE studies SET study_name = :name WHERE study_id = :id")
        with backend.engine.begin() as connection:
            old = {"name": earlier_name(self.study.name, number), "id": self.recorded._study_id}
            connection.execute(rename, old)
            connection.execute(rename, {"name": self.study.name, "id": study_id})


def _taken_over(trial: FrozenTrial, candidate: Candidate, more: Mapping[str, Any]) -> FrozenTrial:
    """Return a trial with the decisions by which the new grammar derives its network."""
    found = parameters(candidate.expansion.answers)
    cost, network = candidate.cost, candidate.expansion.network
    new = {"flash": cost.flash, "ram": cost.ram, "hash": canonical_hash(network), **more}
    made = create_trial(
        state=trial.state,
        params=dict(found.values),
        distributions=dict(found.distributions),
        user_attrs={**trial.user_attrs, **new, "decisions": candidate.expansion.decisions},
        constraints=dict(trial.constraints) or None,
        values=trial.values,
        intermediate_values=dict(trial.intermediate_values),
    )
    return _at_its_time(made, trial)


def _left_out(trial: FrozenTrial, reason: str) -> FrozenTrial:
    kept = {name: trial.user_attrs[name] for name in _KEPT_OF_LEFT_OUT if name in trial.user_attrs}
    told = {**kept, "outcome": "left_out", "reason": reason}
    return _at_its_time(create_trial(state=TrialState.FAIL, user_attrs=told), trial)


def _at_its_time(made: FrozenTrial, trial: FrozenTrial) -> FrozenTrial:
    """Give a copy of a trial its times."""
    made.datetime_start, made.datetime_complete = trial.datetime_start, trial.datetime_complete
    return made
