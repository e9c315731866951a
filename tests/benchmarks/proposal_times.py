"""Time that each sampler needs to propose a network, after none, 200, 1,000 and 3,000 trials.

    python -m tests.benchmarks.proposal_times [STUDY] [--trials 0,200,1000,3000]

Trials are made up: networks drawn from the study's space, with accuracies that rise with depth. Processor time of the
proposal alone, in milliseconds: the median of a few, after one that fills memories, as in a search that goes on. For
the sampler ``model`` it is a whole decision, where one in eight trials was trained in full.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import optuna

from budgetnet.files.spaces import space_of
from budgetnet.files.study import Study
from budgetnet.files.study_file import load_study
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.records.finals.finalist import final_run_document, full_run_attribute
from budgetnet.records.parameters import parameters
from budgetnet.records.training_run import TrainingRun
from budgetnet.records.trial import Record
from budgetnet.search.director import Director
from budgetnet.search.finals.full_runs import FullRuns
from budgetnet.search.propose import make_sampler
from budgetnet.search.study_model import StudyModel
from budgetnet.space.judge import Candidate
from budgetnet.space.proposer import Proposer
from budgetnet.space.space import Space

__all__ = ["main"]

REPEATS = 5
EACH_IN_FULL = 8


def history(space: Space, count: int) -> list[Record]:
    """Make trials up, each of another network if the space has as many."""
    rng = random.Random(0)
    proposer = Proposer(space)
    records: list[Record] = []
    while len(records) < count:
        drawn = proposer.draw(rng)
        if isinstance(drawn, Candidate):
            accuracy = 0.4 + 0.02 * drawn.cost.depth + rng.gauss(0, 0.02)
            records.append(
                Record(
                    number=len(records), outcome="completed", hash=canonical_hash(drawn.expansion.network),
                    decisions=drawn.expansion.decisions, parameters=parameters(drawn.expansion.answers),
                    params=drawn.cost.params, accuracy=accuracy, curve=(accuracy,), epochs=1,
                )
            )  # fmt: skip
    return records


def _seconds(propose: Callable[[int], object]) -> float:
    propose(0)
    times = []
    for number in range(1, REPEATS + 1):
        begun = time.process_time()
        propose(number)
        times.append(time.process_time() - begun)
    return statistics.median(times)


def _sampler(study: Study, space: Space, name: str, records: Sequence[Record]) -> float:
    sampler = make_sampler(replace(study, search=replace(study.search, sampler=name)), space)  # type: ignore[arg-type]
    return _seconds(lambda number: next(sampler.draws(records, random.Random(number))))


def _model(study: Study, space: Space, records: Sequence[Record]) -> float:
    study = replace(study, search=replace(study.search, trials=2 * len(records) + 100))
    storage = optuna.storages.InMemoryStorage()
    optuna.create_study(study_name=study.name, storage=storage)
    key = storage.get_study_id_from_name(study.name)
    for record in records[::EACH_IN_FULL]:
        run = TrainingRun(
            seed=0, recipe=study.finalists.training.to_mapping(), after=record.number + 1,
            validation_accuracies=((record.accuracy or 0.0) + 0.2,),
        )  # fmt: skip
        document = final_run_document(record.number, run)
        storage.set_study_user_attr(key, full_run_attribute(record.number, 0), document)
    director = Director(study, StudyModel(study, space), FullRuns(study, space, storage, Path(), workers=1))
    grown = [*records, *(replace(one, number=len(records) + one.number) for one in records[: REPEATS + 1])]
    return _seconds(lambda number: director.next(grown[: len(records) + number]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path, nargs="?", default=Path("studies/cifar10-200k.yaml"))
    parser.add_argument("--trials", default="0,200,1000,3000")
    asked = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = load_study(asked.study)
    space = space_of(study)
    counts = [int(count) for count in asked.trials.split(",")]
    trials = history(space, max(counts))
    print(f"{'trials':>8} {'random':>10} {'tpe':>10} {'evolution':>10} {'model':>10}   ms of processor time")
    for count in counts:
        records = trials[:count]
        times = [_sampler(study, space, name, records) for name in ("random", "tpe", "evolution")]
        times.append(_model(study, space, records))
        print(f"{count:>8,}" + "".join(f" {1000 * seconds:>10.1f}" for seconds in times), flush=True)


if __name__ == "__main__":
    main()
