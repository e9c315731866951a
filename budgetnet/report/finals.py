"""The finalists as a table and as JSON, and whether brief training had ranked them as full training does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from budgetnet.records.finals.choice import StudyChoice
from budgetnet.records.finals.finalist import Finalist, final_run_document
from budgetnet.records.training_run import Score, TrainingRun
from budgetnet.records.trial import Record
from budgetnet.text import count_text, counted, joined_table, percent, short_count

__all__ = [
    "break_reason",
    "breakdowns_text",
    "broken_runs",
    "finalist_document",
    "finalists_text",
    "finalists_title",
    "rank_agreement",
]


TITLE = (
    "Networks trained in full: validation accuracies of trainings on the train images choose, the network chosen is "
    "trained on all train images and tested; mean ± standard deviation:"
)
OLDER_TITLE = "Finalists, trained in full on all train images, mean ± standard deviation on the test images:"


def finalists_title(finalists: Sequence[Finalist]) -> str:
    """Return what the table of finalists shows, in one line; older records have test accuracies only."""
    return TITLE if any(finalist.full for finalist in finalists) else OLDER_TITLE


def finalists_text(
    finalists: Sequence[Finalist], records: Sequence[Record], choices: Sequence[StudyChoice] = ()
) -> list[str]:
    """Return the finalists' table; nothing where there are none.

    Args:
        finalists: what is recorded of them.
        records: all trials of their study.
        choices: the networks that the study has chosen; they come first, then the others by validation accuracy in
            full training.
    """
    if not finalists:
        return []
    known = {record.number: record for record in records}
    places = {choice.trial: place for place, choice in reversed(list(enumerate(choices)))}
    rows = []
    for finalist in sorted(
        finalists, key=lambda one: (places.get(one.trial, len(places)), -(one.validation.mean or 0.0), one.trial)
    ):
        record = known.get(finalist.trial)
        flips = Score.of(run.test_accuracy_flip for run in finalist.runs)
        rows.append(
            [
                str(finalist.trial),
                finalist.validation.spread,
                str(finalist.validation.n),
                finalist.score.spread,
                str(finalist.score.n),
                flips.spread,
                percent(record.accuracy if record else None),
                count_text(record.params if record else None),
                short_count(record.flops if record else None),
                record.arch if record else "",
            ]
        )
    header = [
        "finalist", "val % in full", "trainings", "test %", "seeds", "flip-averaged %", "val % in search",
        "parameters", "FLOPs", "network",
    ]  # fmt: skip
    left_out: set[str] = set()
    if not any(finalist.full for finalist in finalists):
        left_out |= {"val % in full", "trainings"}
    if not any(run.test_accuracy_flip is not None for finalist in finalists for run in finalist.runs):
        left_out.add("flip-averaged %")
    kept = [place for place, name in enumerate(header) if name not in left_out]
    header, rows = [header[place] for place in kept], [[row[place] for place in kept] for row in rows]
    lines = joined_table(header, rows, left=(len(header) - 1,))
    tau = rank_agreement(finalists, records)
    if tau is not None:
        lines += [
            "",
            f"Brief training ranked these {len(finalists)} networks like full training with Kendall's tau-b = "
            f"{tau:+.2f} (1 equal order, 0 none in common, -1 reversed).",
        ]
    return lines


def breakdowns_text(finalists: Sequence[Finalist]) -> list[str]:
    """Return a line for each network and kind of training of which some diverged or failed; nothing where none did.

    A diverged training keeps its accuracy on test images in the mean, since leaving it out would flatter the network.
    """
    lines = []
    for finalist in finalists:
        for runs, kind, effect in (
            (finalist.full, "full training", "does not speak for the network"),
            (finalist.runs, "training on all train images", "counts in the mean with the test accuracy that it has"),
        ):
            broken = broken_runs(runs)
            if broken:
                what = counted(len(runs), kind, kind.replace("training", "trainings", 1))
                one = "" if len(broken) == len(runs) == 1 else f"{len(broken)} of "
                lines.append(f"Trial {finalist.trial}: {one}{what} {_ends(broken)}. What diverged {effect}.")
    return lines


def broken_runs(runs: Sequence[TrainingRun]) -> list[TrainingRun]:
    """Return the trainings that diverged or failed."""
    return [run for run in runs if run.outcome in ("diverged", "failed")]


def _ends(broken: Sequence[TrainingRun]) -> str:
    """Return ``diverged (seed 3: the train loss was no longer finite in epoch 1)``."""
    words = " or ".join(sorted({run.outcome for run in broken}))
    return f"{words} ({'; '.join(f'seed {run.seed}: {break_reason(run)}' for run in broken)})"


def break_reason(run: TrainingRun) -> str:
    """Return why a training diverged or failed, as a part of a sentence."""
    reason = " ".join((run.failed or run.diverged or "").split()).rstrip(".")
    return reason[:1].lower() + reason[1:]


def rank_agreement(finalists: Sequence[Finalist], records: Sequence[Record]) -> float | None:
    """Return Kendall's tau-b between validation accuracy in the search and mean accuracy after full training.

    The latter is of the validation images; in older records, which lack it, of the test images. None below three
    networks, where it says nothing, and where all are equal.
    """
    brief = {record.number: record.accuracy for record in records}
    full = {one.trial: (one.validation if one.full else one.score).mean for one in finalists}
    pairs = [
        (accuracy, mean)
        for trial, mean in full.items()
        if mean is not None and (accuracy := brief.get(trial)) is not None
    ]
    if len(pairs) < 3:
        return None
    from budgetnet.records.rank_correlation import kendall  # loads numpy

    return kendall(*zip(*pairs, strict=True))


def finalist_document(finalist: Finalist) -> dict[str, Any]:
    """Return a finalist for `--json`; accuracies are fractions."""
    return {
        "trial": finalist.trial,
        "validation_accuracy": finalist.validation.document(),
        "full_trainings": [final_run_document(finalist.trial, run) for run in finalist.full],
        "test_accuracy": finalist.score.document(),
        "runs": [final_run_document(finalist.trial, run) for run in finalist.runs],
    }
