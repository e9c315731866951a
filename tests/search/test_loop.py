"""The search loop with real trainings in threads: outcomes, limits, repetitions."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from budgetnet.errors import SearchError
from budgetnet.files.spaces import space_of
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.records.ledger import trial_seed
from budgetnet.search.candidates import CandidateSource
from budgetnet.search.events import EpochDone, SearchEnded, TargetReached, TrialDone, TrialStarted, Waiting, WorkerLost
from budgetnet.search.loop import LIMIT_FAILED_TRIALS, SearchLoop
from budgetnet.search.propose import make_sampler
from budgetnet.search.rungs.judge import RungVerdict
from budgetnet.search.samplers.random import RandomSampler
from budgetnet.search.time_budget import TimeBudget
from budgetnet.space.proposer import Proposer
from budgetnet.workers.loop import TRIES
from budgetnet.workers.messages import Bug, EpochReport, Failed, Lost
from tests.search.helpers import Threads, open_ledger

TWO_NETWORKS = "network = conv(3, 8) (identity | conv(1, 8){0..0} | conv(1, 8)) gap linear(classes)"
QUICK = "{epochs: 2, batch: 256, shift: 0, flip: none, precision: float32}"


class Run:
    """One search loop, with all that happens in it."""

    def __init__(self, study, folder, *, workers=None, sampler=None, stopped=None, **options) -> None:
        self.study = study
        self.events: list = []
        self.ledger = open_ledger(study, folder)
        self.workers = workers or Threads(study, 2)
        space = space_of(study)
        self.loop = SearchLoop(
            study=study,
            ledger=self.ledger,
            candidates=CandidateSource(space, self.ledger, sampler or make_sampler(study, space), study.search.seed),
            pool=self.workers,
            listen=self.events.append,
            stopped=stopped or (lambda: False),
            **options,
        )

    def __call__(self):
        """Run the search loop."""
        return self.loop.run()

    def of(self, kind) -> list:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


def test_every_network_is_trained_recorded_and_told(make_study, tmp_path):
    """A search trains as many networks as asked for; records, events and counts agree."""
    study = make_study(search="{trials: 4, pruner: none, workers: 2}", training=QUICK)
    run = Run(study, tmp_path)
    assert run() == "trials"
    records = run.ledger.records()
    assert [record.outcome for record in records] == ["completed"] * 4
    for record in records:
        assert len(record.curve) == record.epochs == 2
        assert record.accuracy == record.curve[-1]
        assert record.params <= 6000
        assert record.seed == trial_seed(0, "trial", record.number)
        assert record.seconds > 0
        assert record.worker
    assert len(run.of(TrialStarted)) == len(run.of(TrialDone)) == 4
    assert len(run.of(EpochDone)) == 8
    (end,) = run.of(SearchEnded)
    assert end.trained == 4
    assert end.best.accuracy == max(record.accuracy for record in records)
    assert Run(study, tmp_path, workers=run.workers)() == "trials"
    assert len(run.workers.jobs) == 4


def test_one_worker_gives_the_same_trials_twice(make_study, tmp_path):
    """With one worker the same study gives the same networks and, bit for bit, the same curves."""
    study = make_study(search="{trials: 4, workers: 1}", training=QUICK)
    runs = [Run(study, tmp_path / name, workers=Threads(study)) for name in "ab"]
    for run in runs:
        run()
    one, two = ([(r.network, r.curve, r.seed, r.outcome) for r in run.ledger.records()] for run in runs)
    assert one == two


def test_interrupted_and_resumed_equals_uninterrupted(make_study, tmp_path):
    """A search that is stopped in the middle goes on to the same networks and scores."""
    study = make_study(search="{trials: 4, workers: 1}", training=QUICK)
    whole = Run(study, tmp_path / "whole", workers=Threads(study))
    whole()
    asked = []
    cut = Run(study, tmp_path / "cut", workers=Threads(study), stopped=lambda: bool(asked))
    cut.loop.listen = lambda event: asked.append(1) if isinstance(event, TrialStarted) and event.number == 2 else None
    assert cut() == "interrupted"
    assert [record.outcome for record in cut.ledger.records()] == ["completed", "completed", "interrupted", "waiting"]
    rest = Run(study, tmp_path / "cut", workers=Threads(study))
    assert rest() == "trials"
    trained = [record for record in rest.ledger.records() if record.trained]
    expected = whole.ledger.records()
    assert trained[2].redo_of == 2
    assert [(r.network, r.curve, r.seed) for r in trained] == [(r.network, r.curve, r.seed) for r in expected]


def test_pruner_stops_trials_early(make_study, tmp_path):
    """A trial below the median of the completed ones is stopped, with the numbers in its reason."""
    search = "{trials: 8, workers: 1, sampler: random, pruner: {kind: median, startup: 3, warmup: 1}}"
    study = make_study(search=search, training="{epochs: 3, batch: 256, shift: 0, flip: none, precision: float32}")
    run = Run(study, tmp_path, workers=Threads(study))
    run()
    stopped = [record for record in run.ledger.records() if record.outcome == "stopped_early"]
    assert stopped
    assert all(record.epochs == 2 for record in stopped)
    percent = f"{100 * stopped[0].curve[-1]:.2f} % after epoch 2 of 3: below the median"
    assert stopped[0].reason == percent
    assert run.ledger.study.trials[stopped[0].number].value == stopped[0].curve[-1]


def test_the_model_stops_what_cannot_win(make_study, tmp_path):
    """Its judge is asked after each epoch but the last, with the train loss, and gives the reason."""
    search = "{trials: 2, workers: 1, sampler: random, pruner: model}"
    study = make_study(search=search, training="{epochs: 3, batch: 256, shift: 0, flip: none, precision: float32}")
    asked = []

    class Judge:
        def verdict(self, _records, _finalists, number, epoch, accuracy, train_loss):
            asked.append((number, epoch, accuracy, train_loss))
            chance = 0.04 if (number, epoch) == (1, 2) else 0.5
            return RungVerdict(chance, by_model=True, by_loss=True)

    run = Run(study, tmp_path, workers=Threads(study), rung=Judge())
    run()
    first, second = run.ledger.records()
    assert (first.outcome, first.epochs) == ("completed", 3)
    assert (second.outcome, second.epochs) == ("stopped_early", 2)
    rule = "4 % likely to be among the best 1/2, by the model"
    assert second.reason == f"{100 * second.curve[-1]:.2f} % after epoch 2 of 3: {rule}"
    assert [one[:2] for one in asked] == [(0, 1), (0, 2), (1, 1), (1, 2)]
    assert [one[2] for one in asked] == [*first.curve[:2], *second.curve]
    assert [one[3] for one in asked] == [*first.training.train_losses[:2], *second.training.train_losses]


def test_diverged_trials_have_a_reason(make_study, tmp_path):
    """A learning rate that breaks training gives diverged trials, which count as trained."""
    training = "{epochs: 2, batch: 128, lr: 1e30, momentum: 0, shift: 0, flip: none, precision: float32}"
    study = make_study(search="{trials: 2, pruner: none, workers: 1}", training=training)
    run = Run(study, tmp_path, workers=Threads(study))
    assert run() == "trials"
    assert [record.outcome for record in run.ledger.records()] == ["diverged", "diverged"]
    assert "no longer finite" in run.ledger.records()[0].reason


def test_small_space_is_exhausted(make_study, tmp_path):
    """When every network is trained the search ends, and another derivation of one takes over its score."""
    study = make_study(TWO_NETWORKS, search="{trials: 9, workers: 1, sampler: random, pruner: none}", training=QUICK)
    run = Run(study, tmp_path, workers=Threads(study))
    assert run() == "exhausted"
    records = run.ledger.records()
    assert sum(record.outcome == "completed" for record in records) == 2
    (duplicate,) = [record for record in records if record.outcome == "duplicate"]
    earlier = records[duplicate.duplicate_of]
    assert (duplicate.accuracy, duplicate.curve, duplicate.hash) == (earlier.accuracy, earlier.curve, earlier.hash)
    assert duplicate.reason == f"the same network as trial {earlier.number}"
    assert run.ledger.study.trials[duplicate.number].value == earlier.accuracy
    assert len(run.workers.jobs) == 2


def test_rejections_are_recorded_with_constraint_and_reason(make_study, tmp_path):
    """Without a table, what breaks the budget is recorded as pruned, infeasible, untrained, and counted."""
    study = make_study(budget="{params: 900}", search="{trials: 2, workers: 1, pruner: none}", training=QUICK)
    sampler = RandomSampler(Proposer(space_of(study), aware=False))
    run = Run(study, tmp_path, workers=Threads(study), sampler=sampler)
    run()
    records = run.ledger.records()
    rejected = [record for record in records if record.outcome == "over_budget"]
    assert 1 <= len(rejected) <= 6
    for record in rejected:
        assert record.constraints["params"] > 0
        assert "% over 900" in record.reason
        assert record.params > 900
        assert record.curve == ()
        assert record.decisions
    trained = [record for record in records if record.trained]
    assert any(record.rejected_before.get("params") for record in trained)
    assert run.ledger.study.best_trial.number in [record.number for record in trained]


def test_target_ends_the_search_if_asked(make_study, tmp_path):
    """The first network that reaches the target is told once, and ends the search where the study says so."""
    changes = {"target": "{accuracy: 1%}", "training": QUICK}
    study = make_study(search="{trials: 4, workers: 1, pruner: none}", **changes)
    on, off = Run(study, tmp_path / "a", stop_at_target=True, workers=Threads(study)), Run(study, tmp_path / "b")
    assert on() == "target"
    assert len(on.ledger.records()) == 1
    assert off() == "trials"
    assert len(off.of(TargetReached)) == 1
    assert Run(study, tmp_path / "a", stop_at_target=True)() == "target"


def test_time_limit_starts_nothing_more(make_study, tmp_path):
    """After the study's minutes no trial is started, and those that run come to their end."""
    study = make_study(search="{trials: 500, workers: 1, pruner: none}", training=QUICK)
    run = Run(study, tmp_path, workers=Threads(study), time=TimeBudget(study, 0.01, 1))
    begin = time.monotonic()
    assert run() == "minutes"
    assert time.monotonic() - begin < 60  # five hundred trials would take minutes
    assert all(record.outcome == "completed" for record in run.ledger.records())


class Failing(Threads):
    """Workers that answer every job with the same message."""

    def __init__(self, study, message, epochs=0) -> None:
        super().__init__(study)
        self.message, self.epochs = message, epochs

    def _train(self, worker, job) -> None:  # noqa: ARG002
        for epoch in range(self.epochs):
            self._pipes[worker][1].send(EpochReport(worker, epoch + 1, 0.5))
        self._pipes[worker][1].send(self.message)


@pytest.mark.parametrize("message", [Failed(0, "Memory ran out"), Lost(0, "the worker process was killed")])
def test_failed_trials_are_recorded_and_too_many_end_the_search(study, tmp_path, message):
    """A failure is one trial's affair; ten in a row are the machine's."""
    run = Run(study, tmp_path, workers=Failing(study, message, epochs=0))
    with pytest.raises(
        SearchError, match=rf"{LIMIT_FAILED_TRIALS} trials in a row failed, the last with: {message.reason}"
    ):
        run()
    assert [record.outcome for record in run.ledger.records()] == ["failed"] * LIMIT_FAILED_TRIALS
    assert run.ledger.records()[0].reason.startswith(message.reason)
    assert len(run.of(WorkerLost)) == (0 if isinstance(message, Failed) else LIMIT_FAILED_TRIALS * (TRIES - 1))


def test_error_of_the_program_is_not_swallowed(study, tmp_path):
    """A bug is recorded with its trial and raised with the worker's traceback."""
    run = Run(study, tmp_path, workers=Failing(study, Bug(0, "Traceback …\nZeroDivisionError: by zero")))
    with pytest.raises(RuntimeError, match=r"(?s)a worker met an error of the program.*ZeroDivisionError: by zero"):
        run()
    assert run.ledger.records()[0].outcome == "failed"
    assert run.ledger.records()[0].reason == "an error of the program: ZeroDivisionError: by zero"


def test_disagreeing_counts_are_an_error_of_the_trial(study, tmp_path, monkeypatch):
    """The count of record is fvcore's: a closed form that says otherwise is recorded as failed, untrained."""
    from budgetnet.search import candidates as module

    honest = module.measure_nodes
    calls: list[int] = []

    def off_by_one(network, input_shape, **options):
        calls.append(1)
        counted = honest(network, input_shape, **options)
        return replace(counted, params=counted.params + 1) if len(calls) == 1 else counted

    monkeypatch.setattr(module, "measure_nodes", off_by_one)
    run = Run(replace(study, search=replace(study.search, trials=1)), tmp_path)
    run()
    first, second = run.ledger.records()
    assert first.outcome == "failed"
    assert f"the closed form counts {first.params:,} parameters, fvcore {first.params + 1:,}" in first.reason
    assert second.trained


@pytest.mark.parametrize("trials", [1, 2])
def test_trials_of_other_processes_count_and_are_waited_for(make_study, tmp_path, trials):
    """A search does not end, nor start its finalists or one too many, while another process trains for the study."""
    study = make_study(search=f"{{trials: {trials}, workers: 1, pruner: none}}", training=QUICK)
    run = Run(study, tmp_path, workers=Threads(study))
    other = run.loop.candidates.new((), print)[0]
    run.ledger.storage.set_trial_user_attr(other.id, "owner", "elsewhere/1/then")

    def finish(event) -> None:
        run.events.append(event)
        if isinstance(event, Waiting):
            run.ledger.finish(other, "completed", accuracy=0.5, curve=[0.5])

    run.loop.listen = finish
    run.loop._looked -= 100  # look around at once instead of in five seconds
    assert run() == "trials"
    assert len(run.of(Waiting)) == 1
    helper = Run(study, tmp_path, workers=run.workers, last=False)
    assert helper() == "trials"
    assert [record.outcome for record in run.ledger.records()] == ["completed"] * trials


def test_what_was_given_back_is_repeated_after_the_last_trial(make_study, tmp_path):
    """One process began the last network while another one gave its own back; that waited for ever."""
    study = make_study(search="{trials: 1, workers: 1, pruner: none}", training=QUICK)
    run = Run(study, tmp_path, workers=Threads(study))
    given_back = run.loop.candidates.new((), print)[0]
    last = run.loop.candidates.new(run.ledger.records(), print)[0]
    run.ledger.interrupt(given_back, "stopped")
    run.ledger.finish(last, "completed", accuracy=0.5, curve=[0.5])
    again = Run(study, tmp_path, workers=run.workers)
    assert again() == "trials"
    assert [record.outcome for record in run.ledger.records()] == ["interrupted", "completed", "completed"]


def test_what_is_given_back_at_this_moment_comes_before_anything_new(make_study, tmp_path, monkeypatch):
    """It was queued after this process looked for it, and before it proposed a network."""
    study = make_study(search="{trials: 1, workers: 1, pruner: none}", training=QUICK)
    run = Run(study, tmp_path, workers=Threads(study))
    run.ledger.interrupt(run.loop.candidates.new((), print)[0], "stopped")
    claim = run.ledger.claim
    looks = iter([None])
    monkeypatch.setattr(run.ledger, "claim", lambda: next(looks, claim) and claim())
    assert run() == "trials"
    assert [record.outcome for record in run.ledger.records()] == ["interrupted", "completed"]


def test_recorded_networks_are_what_was_trained(make_study, tmp_path):
    """Text, hash and decisions of a record belong to the network that the worker got."""
    study = make_study(search="{trials: 3, workers: 1, pruner: none}", training=QUICK)
    run = Run(study, tmp_path, workers=Threads(study))
    run()
    for record, job in zip(run.ledger.records(), run.workers.jobs, strict=True):
        assert record.hash == canonical_hash(job.network)
        assert record.seed == job.seed
        assert record.network.startswith("network = ")
        assert record.arch.endswith("linear-10")
