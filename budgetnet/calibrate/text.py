"""A calibration in tables and words. Text says percents and points; JSON says fractions."""

from __future__ import annotations

from collections.abc import Sequence

from budgetnet.calibrate.judge import Judgement, Length
from budgetnet.calibrate.plan import LEAST
from budgetnet.calibrate.pruner_replay import PrunerReplay
from budgetnet.calibrate.replay_choice import LOSS_TOLERANCE, best_replay
from budgetnet.calibrate.statistics import Agreement
from budgetnet.records.pruning import pruner_text
from budgetnet.text import NOTHING, count_text, duration, joined_table, percent, short_count

__all__ = ["advice", "calibration_text", "pruner_advice"]

_AGREEMENT = ("Spearman", "90 % interval", "Kendall", "top 3", "regret", "of top 3", "n")


def calibration_text(judged: Judgement) -> list[str]:
    """Return the tables and what they mean."""
    lines = _head(judged)
    if not judged.brief:
        return [*lines, "", f"Too little is trained yet: {LEAST} networks must be trained both briefly and in full."]
    full = judged.calibrated.plan.full
    lines += ["", f"Brief trainings, each to the end of its own schedule, against {full} epochs:", ""]
    lines += _lengths(judged)
    for schedule in dict.fromkeys(length.schedule for length in judged.checkpoints):
        end = "their own end" if schedule == full else f"{full} epochs"
        lines += ["", f"Checkpoints of trainings of {schedule} epochs, which a pruner would see, against {end}:", ""]
        lines += _checkpoints([length for length in judged.checkpoints if length.schedule == schedule])
    lines += ["", *_explained(judged)]
    for epochs in dict.fromkeys(found.epochs for found in judged.replays):
        lines += ["", *_replays([found for found in judged.replays if found.epochs == epochs], full)]
    return [*lines, "", *advice(judged), *pruner_advice(judged)]


def _head(judged: Judgement) -> list[str]:
    found = judged.calibrated
    plan, study = found.plan, found.study
    repeats = f", {plan.repeats} seeds each" if plan.repeats > 1 else ""
    lines = [
        f"{study.name}: {len(found.networks)} networks within {study.budget}, drawn by the grammar's own weights "
        f"(seed {plan.seed}){repeats}",
    ]
    if judged.full:
        means = [sum(values) / len(values) for values in judged.full.values()]
        spread = f", standard deviation {percent(judged.spread)} points" if judged.spread is not None else ""
        lines.append(
            f"In full: {plan.full} epochs, {duration(judged.full_seconds)} (median of {len(means)}), "
            f"{percent(min(means))} to {percent(max(means))} % on validation images{spread}"
        )
    if judged.noise is not None:
        lines.append(f"Between seeds of one network: standard deviation {percent(judged.noise)} points")
    machines = dict.fromkeys(
        f"{run.device}, {run.precision}, {run.threads} thread{'s' if run.threads > 1 else ''} each, "
        f"{run.workers} at once"
        for run in found.runs
    )
    if machines:
        lines.append(f"Trained on {'; '.join(machines)}; the test images were not read")
    if len(machines) > 1:
        lines.append("Times were taken under different conditions and compare only roughly.")
    if found.missing:
        lines.append(f"{found.missing} trainings are missing; the same command without --only-table goes on")
    if found.fuller:
        lines.append(f"Some recorded trainings are left out by these options; run {found.fuller}")
    lines += [
        f"network {run.index}, {run.schedule} epochs: training was given up: {run.diverged}"
        for run in found.runs
        if run.diverged
    ]
    return lines


def _lengths(judged: Judgement) -> list[str]:
    header = ("epochs", *_AGREEMENT, "time", "of full", "per hour", "")
    rows = []
    for length in judged.brief:
        mark = "← take this" if judged.chosen is not None and length.epochs == judged.chosen.epochs else ""
        cost = (duration(length.seconds), f"{percent(length.share, 0)} %", short_count(length.per_hour), mark)
        rows.append((str(length.epochs), *_cells(length.agreement), *cost))
    for name, found in judged.by_size.items():
        rows.append((name, *_cells(found), "0.0 s", "0 %", NOTHING, "no training"))
    if judged.ceiling is not None:
        cells = (duration(judged.full_seconds), "100 %", NOTHING, "another seed: the ceiling")
        rows.append((str(judged.calibrated.plan.full), *_cells(judged.ceiling), *cells))
    return joined_table(header, rows, left=(len(header) - 1,))


def _checkpoints(lengths: Sequence[Length]) -> list[str]:
    rows = [
        (f"{length.epochs} of {length.schedule}", *_cells(length.agreement), f"{percent(length.share, 0)} %")
        for length in lengths
    ]
    return joined_table(("epoch", *_AGREEMENT, "of full"), rows)


def _cells(found: Agreement) -> tuple[str, ...]:
    return (
        _correlation(found.spearman),
        NOTHING if found.low is None else f"{_correlation(found.low)} to {_correlation(found.high)}",
        _correlation(found.kendall),
        f"{percent(found.overlap, 0)} %",
        percent(found.regret),
        percent(found.regret_top),
        str(found.n),
    )


def _correlation(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"


def _explained(judged: Judgement) -> list[str]:
    top = judged.brief[0].agreement.top
    return [
        f"top 3: share of the best {top} in full that are among the best {top} by the score. regret: points of",
        f"accuracy in full lost by taking the best by the score; of top 3: by training its best {top} in full and",
        "taking the best of those. Interval: bootstrap over networks. per hour: networks that one worker judges.",
    ]


def _replays(replays: Sequence[PrunerReplay], full: int) -> list[str]:
    first = replays[0]
    best = best_replay(replays)
    head = (
        f"Pruners on trainings of {first.epochs} epochs, replayed in {count_text(first.orders)} random orders of the "
        f"{first.n} networks, {first.workers} at once:"
    )
    header = ("pruner", "time saved", "90 % interval", "stopped", "lost", "90 % interval", "same choice", "")
    rows = [
        (
            pruner_text(found.pruner),
            f"{percent(found.saved, 0)} %",
            f"{percent(found.saved_interval[0], 0)} to {percent(found.saved_interval[1], 0)} %",
            f"{percent(found.stopped, 0)} %",
            percent(found.loss),
            f"{percent(found.loss_interval[0])} to {percent(found.loss_interval[1])}",
            f"{percent(found.kept, 0)} %",
            "← take this" if best is not None and found.pruner == best.pruner else "",
        )
        for found in replays
    ]
    return [
        head,
        "",
        *joined_table(header, rows, left=(0, len(header) - 1)),
        "",
        f"lost: points of accuracy after {full} epochs by which the network chosen without a pruner is better",
        f"than the one chosen with it; without, it has {percent(first.quality_without)} % on average.",
    ]


def advice(judged: Judgement) -> list[str]:
    """Return what to do about the brief training, in sentences."""
    chosen = judged.chosen
    if chosen is None or chosen.agreement.spearman is None:
        return ["No brief length ranks the networks better than chance; train longer, or more networks."]
    own = judged.calibrated.study.training.epochs
    best = max(judged.brief, key=lambda length: length.agreement.spearman or -1.0)
    lines = [
        f"Train briefly for {_epochs(chosen.epochs)}: the cheapest length whose rank correlation "
        f"({_correlation(chosen.agreement.spearman)}) cannot be told apart from the best "
        f"({_correlation(best.agreement.spearman)} at {_epochs(best.epochs)}): it is below it by no more than the "
        "difference's standard error."
    ]
    if chosen.epochs == own:
        lines.append("That is what the study does.")
    else:
        there = next((length for length in judged.brief if length.epochs == own), None)
        score = "" if there is None else f" ({_correlation(there.agreement.spearman)})"
        lines.append(f"The study trains for {_epochs(own)}{score}: set training.epochs to {chosen.epochs}.")
    if not judged.beats_size:
        name, found = max(judged.by_size.items(), key=lambda item: item[1].spearman or -1.0)
        lines.append(
            f"But ranking by {name} alone ({_correlation(found.spearman)}) is as good and costs nothing: train longer, "
            "or let the finalists be the largest that fit."
        )
    if chosen.agreement.n < 12:
        lines.append(f"With {chosen.agreement.n} networks all of this is uncertain; the intervals say how much.")
    return lines


def pruner_advice(judged: Judgement) -> list[str]:
    """Return what to do about pruning, in sentences."""
    lines: list[str] = []
    points = f"{100 * LOSS_TOLERANCE:g} points"
    for epochs in dict.fromkeys(found.epochs for found in judged.replays):
        found = best_replay([one for one in judged.replays if one.epochs == epochs])
        if found is None:
            lines.append(f"Trainings of {epochs} epochs: every pruner that saves time loses more than {points}: none.")
        else:
            lines.append(
                f"Trainings of {epochs} epochs: pruner: {pruner_text(found.pruner)} saves most "
                f"({percent(found.saved, 0)} %) of those that lose at most {points}."
            )
    return lines


def _epochs(number: int) -> str:
    return "1 epoch" if number == 1 else f"{number} epochs"
