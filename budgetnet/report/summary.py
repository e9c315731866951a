"""A study in words: what was searched, what was found, what it cost, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence

from budgetnet.files.study import Study
from budgetnet.records.lookup import Trials
from budgetnet.records.trial import Record
from budgetnet.report.analysis.progress import best_so_far, working_seconds
from budgetnet.report.analysis.rejections import rejections
from budgetnet.report.finals import rank_agreement
from budgetnet.report.study import best_trial
from budgetnet.report.target import target_text
from budgetnet.report.trials import tally
from budgetnet.text import count_text, counted, duration, percent, short_count
from budgetnet.training.data.known import DATASETS

__all__ = ["generation_text", "study_summary", "validation_error"]


def study_summary(trials: Trials) -> tuple[tuple[str, str], ...]:
    """Return four paragraphs, each behind its heading: Searched, Found, Cost, How sure."""
    return (
        ("Searched", _searched(trials)),
        ("Found", _found(trials)),
        ("Cost", _cost(trials)),
        ("How sure", _sure(trials)),
    )


def validation_error(study: Study, accuracy: float) -> float | None:
    """Return the binomial standard error of an accuracy on the validation images; None if their number is unknown."""
    entry = DATASETS.get(study.dataset) if isinstance(study.dataset, str) else None
    if entry is None:
        return None
    images = max(1, round(entry.train * study.validation))
    return math.sqrt(accuracy * (1 - accuracy) / images)


def generation_text(trials: Trials) -> list[str]:
    """Return which generation of the study this is, as sentences, if it has had several."""
    found = trials.generation
    if found.number == 1:
        return []
    return [f"This is {found.text}; changed: {'; '.join(found.changes)}."]


def _searched(trials: Trials) -> str:
    study = trials.study
    images = study.dataset if isinstance(study.dataset, str) else study.dataset.path.name
    goals = {
        "accuracy": "the highest accuracy",
        "smallest": "the fewest parameters that reach the target",
        "pareto": "accuracy and few parameters at once",
    }
    dropped = sum(rejections(trials.records).values())
    parts = [
        f"Networks for {images} within {study.budget_text}, for {goals[study.goal]}, by the sampler "
        f"{study.search.sampler} (seed {study.search.seed}).",
        f"{counted(len(trials.records), 'attempt')}: {tally(trials.records) or 'none'}.",
        *generation_text(trials),
        f"Each network trains for {counted(study.training.epochs, 'epoch')}; {percent(study.validation, 0)} % of the "
        "train images are held out for validation and judge it.",
    ]
    if dropped:
        parts.append(f"{count_text(dropped)} proposals were not trained to the end, for the reasons shown below.")
    return " ".join(parts)


def _found(trials: Trials) -> str:
    leader = best_trial(trials)
    if leader is None:
        return "No network has been trained to the end yet."
    parts = [
        f"The best network is trial {leader.number}, {trials.choices[0].text}: {count_text(leader.params)} parameters, "
        f"{short_count(leader.flops)} FLOPs (one multiply-add = one FLOP), {percent(leader.accuracy)} % on validation "
        f"images after {counted(leader.epochs, 'epoch')} in the search."
    ]
    if leader.latency_text:
        parts.append(f"It took {leader.latency_text}, one thread; this time belongs to that machine.")
    finalist = trials.finalist(leader.number)
    if finalist is not None and finalist.score.n:
        run = next(run for run in finalist.runs if run.test_accuracy is not None)
        parts.append(
            f"Trained on all train images, {counted(run.epochs, 'epoch')}, it reaches {finalist.score} on "
            f"{count_text(run.test_images)} test images."
        )
    elif not trials.finalists:
        parts.append("No finalist has been trained in full, so nothing is known of the test images.")
    return " ".join([*parts, *target_text(trials)])


def _cost(trials: Trials) -> str:
    trained = [record for record in trials.records if record.trained]
    training = sum(record.seconds or 0.0 for record in trained)
    work = working_seconds(trials.records)
    parts = []
    if trained:
        parts.append(f"{counted(len(trained), 'brief training')} took {duration(training)} of training")
        parts[-1] += f", {duration(work)} on the clock with pauses left out." if work else "."
    runs = [run for finalist in trials.finalists for run in (*finalist.full, *finalist.runs)]
    if runs:
        full = sum(run.seconds for run in runs)
        parts.append(f"{counted(len(runs), 'full training')} took {duration(full)} of training.")
    return " ".join(parts) or "Nothing has been trained yet."


def _sure(trials: Trials) -> str:
    leader = best_trial(trials)
    if leader is None or leader.accuracy is None:
        return "Nothing can be said yet."
    parts = []
    error = validation_error(trials.study, leader.accuracy)
    scored = [record for record in trials.records if record.scored and record.accuracy is not None]
    if error is not None:
        close = _close(scored, leader, error)
        parts.append(
            f"The validation images alone make an accuracy uncertain by ± {percent(error)} points (one standard error)"
        )
        parts[-1] += (
            f": {counted(close, 'other network')} cannot be told from the best by it."
            if close
            else ": no other network comes within two of them."
        )
    if len(scored) > 1:
        parts.append(
            f"The best of {count_text(len(scored))} noisy accuracies is flattered by the choice; the finalists' test "
            "accuracy is not, since nothing was chosen by it."
        )
    several = [f for f in trials.finalists if f.score.n > 1]
    if several:
        shown = "; ".join(f"trial {finalist.trial} {finalist.score}" for finalist in several)
        parts.append(f"Seeds differ by the ± of the finalists: {shown}.")
    tau = rank_agreement(trials.finalists, trials.records)
    if tau is not None:
        parts.append(f"Brief training ranked the finalists like full training with Kendall's tau-b = {tau:+.2f}.")
    steps = best_so_far(trials.records)
    last = next((step for step in steps if step.best == leader.number), None)
    if last is not None and len(steps) > 1:
        parts.append(
            f"The best came with network {last.trials} of {steps[-1].trials}"
            + (", so a longer search may find more." if last.trials > 0.8 * steps[-1].trials else ".")
        )
    return " ".join(parts)


def _close(scored: Sequence[Record], leader: Record, error: float) -> int:
    """Networks within two standard errors of a difference of the best; both accuracies are on the same images."""
    assert leader.accuracy is not None
    edge = leader.accuracy - 2 * error
    equal = {record.hash for record in scored if (record.accuracy or 0.0) >= edge} - {leader.hash}
    return len(equal)
