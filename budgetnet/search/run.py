"""`search`: run a study, or continue it, up to its finalists."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from sqlalchemy.exc import SQLAlchemyError

from budgetnet.errors import RequestError, SearchError
from budgetnet.files.places import check_utf8_place
from budgetnet.files.settings import ATTRIBUTE, DATA_PART
from budgetnet.files.spaces import space_of
from budgetnet.files.study import SearchOptions, Study
from budgetnet.records.checks.contents import LEARNED, check_whole
from budgetnet.records.checks.data import check_data
from budgetnet.records.checks.presence import Presence
from budgetnet.records.finals.choice import StudyChoice, Winner, choose_from_records, read_choice
from budgetnet.records.finals.finalist import Finalist, read_finalists
from budgetnet.records.generations.generation import Generation
from budgetnet.records.ledger import Ledger
from budgetnet.records.other_studies import OtherStudies
from budgetnet.records.process import this_process
from budgetnet.records.ranking import reaches
from budgetnet.records.sharing.network_disk import network_disk
from budgetnet.records.sharing.travel import leave_study
from budgetnet.records.sharing.weights import bring_weights
from budgetnet.records.storage import default_url, shown, storage_errors
from budgetnet.records.trial import Record
from budgetnet.search.candidates import CandidateSource
from budgetnet.search.director import Director
from budgetnet.search.events import (
    EndReason,
    GenerationBegun,
    Packing,
    SearchListener,
    SearchStarted,
    SpaceNote,
    silent,
)
from budgetnet.search.finals.contest import Contest
from budgetnet.search.finals.finalists import FinalRound, chosen_in_search, missing_finals
from budgetnet.search.finals.full_runs import FullRuns
from budgetnet.search.known_networks import read_known_networks
from budgetnet.search.learned import learn
from budgetnet.search.loop import SearchLoop
from budgetnet.search.preparation.data import StudyImages
from budgetnet.search.preparation.generations import open_current
from budgetnet.search.preparation.latency import latency_judge
from budgetnet.search.propose import make_sampler
from budgetnet.search.rungs.judge import RungJudge
from budgetnet.search.study_model import StudyModel
from budgetnet.search.time_budget import TimeBudget
from budgetnet.space.ticker import telling
from budgetnet.training.data.identity import DataIdentity
from budgetnet.training.device import choose_device
from budgetnet.workers.interruption import Interruption
from budgetnet.workers.messages import Setup
from budgetnet.workers.pool import Pool

__all__ = ["SearchSummary", "crew", "run_search"]


@dataclass(frozen=True, kw_only=True)
class SearchSummary:
    """Everything that a call of `search` leaves behind."""

    study: Study
    folder: Path
    """Holds weights, and the database unless it is elsewhere."""
    storage: str
    """The database's address."""
    ended: EndReason
    records: tuple[Record, ...]
    best: Record | None
    """The trial whose network the study has chosen."""
    choices: tuple[StudyChoice, ...]
    """All networks that were chosen, the main one first, and by what."""
    target_reached: bool | None
    """True if a completed trial reaches the target on validation images; None without a target."""
    finalists: tuple[Finalist, ...]
    """Networks trained in full: the chosen ones first, then by validation accuracy in full training."""
    finalists_complete: bool
    """True if nothing is left to train in full."""

    data: Mapping[str, Any] | None = None
    """Identity of the images (`budgetnet.training.data.identity`)."""

    generation: Generation = field(default_factory=Generation)
    """The generation of the study that all of this belongs to."""

    learned: Mapping[str, Any] | None = None
    """Knowledge of the study's model; a document of `budgetnet.search.learned.Learned`."""

    @property
    def winners(self) -> tuple[Winner, ...]:
        """The choice without the accuracies that speak for it."""
        return tuple(Winner(trial=one.trial, rule=one.rule, bounds=one.bounds) for one in self.choices)


def run_search(
    study: Study,
    *,
    storage: str | None = None,
    out: Path | None = None,
    workers: int | None = None,
    device: str = "auto",
    stop_at_target: bool | None = None,
    fresh: bool = False,
    finalists: bool = True,
    joining: bool = False,
    grace: float = 0.0,
    listen: SearchListener = silent,
) -> SearchSummary:
    """Run a study, or continue it; then let full trainings choose, and train and test what they chose.

    Ctrl-C (or SIGTERM) ends it cleanly: what runs is queued for the next start. A second one ends it at once,
    and even then nothing that was recorded is lost.

    Args:
        study: what to do (`budgetnet.files.study_file.load_study`).
        storage: address of the database; ``study.db`` in the run folder if None.
        out: the run folder; ``runs/NAME`` if None.
        workers: overrides the study's number of processes; see `crew`.
        device: ``auto``, ``cpu``, ``cuda`` …
        stop_at_target: overrides the study's choice.
        fresh: move an old run folder aside first.
        finalists: False leaves the final round to another process (one more worker of a shared study).
        joining: True for one more process of a study that others work on: it proposes with a randomness of its own,
            and leaves the study's files in the database as they are.
        grace: seconds that what runs may take to its end after a clean end was asked for.
        listen: told everything that happens; `budgetnet search` shows it.

    Raises:
        RequestError: the study, the storage's address or the device is wrong, or the study changed.
        StudyError: the study's images are not those that its scores are of.
        SearchError: the database cannot be used, nothing fits, or workers keep failing.
    """
    folder = study.run_folder(out)
    check_utf8_place(folder)
    url = storage or default_url(folder)
    where = choose_device(device)
    space = space_of(study)
    starts = read_known_networks(study.start_from, study, space)
    if fresh:
        _move_aside(folder, storage)
    count, devices = crew(workers or study.search.workers, where, torch.cuda.device_count())
    with (
        storage_errors(url),
        Interruption() as asked,
        telling(lambda text: listen(SpaceNote(text)), stopped=lambda: asked.given),
    ):
        recorded, database, begun = open_current(study, space, url, lambda: _identity(study, listen), joining=joining)
        presence = Presence(url, folder, study.name)

        def stopped() -> bool:
            presence.check()
            return asked.given

        ledger = Ledger(recorded, database, goal=study.goal, target=study.target, seed=study.search.seed)
        check_whole(recorded, shown(url), ledger.memory.read)
        claims = ledger.claims
        latency = latency_judge(study, space)
        disk = network_disk(url)
        if disk is not None:
            listen(
                SpaceNote(
                    f"{shown(url)} is on a network disk ({disk}), where SQLite's locks fail: search from this machine "
                    "alone, or use a server (--storage postgresql+psycopg://…)"
                )
            )
        lost = tuple(ledger.recover())
        listen(
            SearchStarted(
                study.name, str(folder), study.goal, study.target, study.search.trials, count, ledger.records(), lost
            )
        )
        if begun is not None:
            listen(GenerationBegun(begun))
        for note in () if latency is None else latency.notes(ledger.records()):
            listen(SpaceNote(note))
        images = StudyImages(study, listen)
        identity = images.identity
        if identity is not None:
            note = check_data(recorded, identity, shown(url), trials=len(ledger.records()))
            if note:
                listen(SpaceNote(note))
        if not joining:
            leave_study(recorded, study)
        setup = Setup.of(study, device=device, digests=None if identity is None else identity.digests)
        pool = Pool(setup, count, devices=devices, prepare=images.require)
        runs = FullRuns(study, space, database, folder, workers=count, claims=claims, travel=url != default_url(folder))
        model = StudyModel(study, space)
        contest = Contest(study, model)
        salt = "" if finalists and not joining else this_process()
        directed = study.search.sampler == "model"
        minutes = study.search.minutes
        clock = None if minutes is None else TimeBudget(study, minutes, count)
        try:
            ended = SearchLoop(
                study=study,
                ledger=ledger,
                candidates=CandidateSource(
                    space=space,
                    ledger=ledger,
                    sampler=make_sampler(study, space),
                    seed=study.search.seed,
                    salt=salt,
                    plugins=study.plugins,
                    starts=starts,
                    other_studies=OtherStudies(
                        database,
                        study,
                        say=lambda text: listen(SpaceNote(text)),
                        data=None if identity is None else identity.document(),
                    ),
                    claims=claims,
                    latency=latency,
                ),
                pool=pool,
                listen=listen,
                stopped=stopped,
                stop_at_target=study.search.stop_at_target if stop_at_target is None else stop_at_target,
                last=finalists,
                director=Director(study, model, runs, salt, full=finalists, time=clock) if directed else None,
                time=clock,
                grace=grace,
                rung=RungJudge(study, model) if study.search.pruner.kind == "model" else None,
            ).run()
            if finalists and ended != "interrupted":
                FinalRound(study, ledger, runs, contest, pool, listen, stopped, clock, grace).run()
            presence.check()
        except Exception:
            presence.check()  # what was taken away explains every other error
            raise
        finally:
            pool.stop()
            with suppress(SQLAlchemyError):  # the database may be what failed
                claims.release_all()
        if not asked.given:
            _write_learned(study, ledger, runs)
            bring_weights(database, claims.study_id, folder, runs.read())
        end: EndReason = "interrupted" if asked.given else ended
        return _summary(study, ledger, runs, contest, folder=folder, url=url, ended=end)


def _identity(study: Study, listen: SearchListener) -> DataIdentity | None:
    """Open a study's images before the search begins, and tell of nothing but their packing."""
    return StudyImages(study, lambda event: listen(event) if isinstance(event, Packing) else None).identity


def crew(asked: int | None, where: torch.device, cards: int) -> tuple[int, list[str]]:
    """Return how many workers there are, and on which devices they are dealt out (none: all on the same).

    Args:
        asked: a number, or None for one worker per core on a processor and one per card on GPUs.
        where: the device that was chosen.
        cards: GPUs of this machine; a device without a number means all of them.
    """
    if where.type == "cpu":
        return asked or SearchOptions().worker_count(), []
    devices: list[str] = (
        [f"cuda:{card}" for card in range(cards)] if where.type == "cuda" and where.index is None else []
    )
    return asked or max(1, len(devices)), devices


def _write_learned(study: Study, ledger: Ledger, runs: FullRuns) -> None:
    """Write down what the model has learned; where it is too little, what an earlier start wrote stays."""
    found = learn(study, ledger.records(), runs.read())
    if found is not None:
        ledger.study.set_user_attr(LEARNED, found.document())


def _summary(
    study: Study, ledger: Ledger, runs: FullRuns, contest: Contest, *, folder: Path, url: str, ended: EndReason
) -> SearchSummary:
    records = ledger.records()
    finalists = read_finalists(ledger.study)
    winners = read_choice(ledger.study)
    choices = choose_from_records(
        records, finalists, winners, goal=study.goal, target=study.target, limits=study.limits
    )
    places = {choice.trial: place for place, choice in reversed(list(enumerate(choices)))}
    own = runs.read()
    complete = not study.finalists.top or (
        bool(winners)
        and not missing_finals(winners, study, records, own)
        and (chosen_in_search(study, own) or contest.next(records, own, settled=runs.settled) is None)
    )
    return SearchSummary(
        study=study,
        folder=folder,
        storage=url,
        ended=ended,
        records=records,
        best=next((record for choice in choices[:1] for record in records if record.number == choice.trial), None),
        choices=choices,
        target_reached=None if study.target is None else any(reaches(record, study.target) for record in records),
        finalists=tuple(
            sorted(
                finalists,
                key=lambda one: (places.get(one.trial, len(places)), -(one.validation.mean or 0.0), one.trial),
            )
        ),
        finalists_complete=complete,
        data=ledger.study.user_attrs[ATTRIBUTE].get(DATA_PART),
        generation=Generation.of(ledger.study.user_attrs),
        learned=ledger.study.user_attrs.get(LEARNED),
    )


def _move_aside(folder: Path, storage: str | None) -> None:
    """Give an old run folder another name, so that nothing is lost."""
    if storage is not None:
        raise RequestError(
            "--fresh moves a run folder aside, which a database elsewhere does not have; give the study another name"
        )
    if not folder.exists():
        return
    number = 1
    while (old := folder.with_name(f"{folder.name}.old-{number}")).exists():
        number += 1
    try:
        folder.rename(old)
    except OSError as error:
        raise SearchError(f"{folder} cannot be renamed to {old.name} ({error.strerror}); move it by hand") from error
