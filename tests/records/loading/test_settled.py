"""Tests of `budgetnet.records.loading.settled`: what counting all trials anew gives is the measure."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

from budgetnet.records.loading.settled import SettledTrials, TrialTally
from budgetnet.records.ranking import best
from budgetnet.records.trial import TRAINED, Record

ENDS = ("completed", "stopped_early", "failed", "duplicate", "over_budget", "diverged")


def _steps(seed: int) -> list[list[Record]]:
    """Return a study's trials as they come and end, not in the order in which they began."""
    rng = random.Random(seed)
    records: list[Record] = []
    steps = []
    for _ in range(60):
        open_ones = [record.number for record in records if not record.final]
        if open_ones and rng.random() < 0.5:
            number = rng.choice(open_ones)
            end = rng.choice(ENDS)
            records[number] = replace(records[number], outcome=end, accuracy=rng.choice([None, 0.25, 0.5, 0.5]))  # type: ignore[arg-type]
        else:
            begun = "waiting" if rng.random() < 0.2 else "running"
            records.append(Record(number=len(records), outcome=begun, params=rng.randrange(3)))  # type: ignore[arg-type]
        steps.append(list(records))
    return steps


def test_tally_is_that_of_all_trials() -> None:
    """After every step, the best, the trained and the running trials are those that counting anew finds."""
    for seed in range(5):
        tally = TrialTally("accuracy", None)
        for records in _steps(seed):
            tally.update(records)
            assert tally.trained == sum(record.outcome in TRAINED for record in records)
            assert tally.running == sum(record.outcome == "running" for record in records)
            assert tally.best is best(records, "accuracy")


def test_ended_trials_are_given_once_and_others_each_time() -> None:
    """All trials that were given as ended, and those that are later, are always the whole study."""
    settled, ended = SettledTrials(), []
    for records in _steps(7):
        seen = settled.look(records)
        assert not seen.again
        ended += seen.ended
        assert [*ended, *seen.later] == records
    assert all(record.final for record in ended)


def test_other_trials_are_noticed() -> None:
    """Trials of another study, or fewer than before, begin anew."""
    one, other = ([Record(number=number, outcome="failed") for number in range(3)] for _ in range(2))
    settled = SettledTrials()
    assert [settled.look(records).again for records in (one, one, other, other[:1])] == [False, False, True, True]
    tally = TrialTally("accuracy", None)
    for records, trained in itertools.product((one, [replace(one[0], outcome="completed")]), (0,)):
        tally.update(records)
        assert tally.trained == trained + (records is not one)
