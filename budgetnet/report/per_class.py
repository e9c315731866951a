"""Full trainings class by class: accuracy of each class, and the most frequent confusions."""

from __future__ import annotations

from collections.abc import Sequence

from budgetnet.records.training_run import Score, TrainingRun
from budgetnet.text import NOTHING, count_text, counted, joined_table, percent
from budgetnet.training.test_report import BINS, Reading, confused, summed

__all__ = ["PAIRS", "classes_text"]

PAIRS = 3
"""Pairs of classes that are named as confused most often."""
MOST_CLASSES = 20
"""Largest number of classes that are all listed; of more, only the `WORST` are."""
WORST = 10


def classes_text(runs: Sequence[TrainingRun]) -> list[str]:
    """Return a table of classes, the most confused pairs, loss and calibration; nothing where none was recorded.

    Accuracies are means over the runs (± their standard deviation), in percent; confusions are counted over all runs.
    """
    readings = [run.reading for run in runs if run.reading is not None]
    if not readings:
        return []
    names = readings[0].classes
    total = summed([reading.confusion for reading in readings])
    scores = [Score.of(reading.per_class[place] for reading in readings) for place in range(len(names))]
    chosen = list(range(len(names)))
    lines = []
    if len(names) > MOST_CLASSES:
        chosen = sorted((place for place in chosen if scores[place].n), key=lambda place: scores[place].mean or 0.0)
        chosen = chosen[:WORST]
        lines = [f"The {len(chosen)} least recognised of {len(names)} classes:"]
    rows = [
        [
            names[place],
            count_text(sum(readings[0].confusion[place])),
            scores[place].spread,
            _taken_for(total, place, names),
        ]
        for place in chosen
    ]
    lines += joined_table(["class", "test images", "accuracy %", "most often taken for"], rows, left=(0, 3))
    pairs = [
        f"{names[pair.true]} for {names[pair.predicted]} {counted(pair.count, 'time')} ({percent(pair.share, 1)} %)"
        for pair in confused(total, PAIRS)
    ]
    lines += ["", f"Most frequent confusions: {'; '.join(pairs) or 'none'}."]
    return [*lines, *_sure(runs, readings)]


def _taken_for(total: Sequence[Sequence[int]], place: int, names: Sequence[str]) -> str:
    """Return the class that a class is confused with most often, with the share of its images."""
    row = [0 if other == place else cell for other, cell in enumerate(total[place])]
    most = max(row)
    return f"{names[row.index(most)]} ({percent(most / sum(total[place]), 1)} %)" if most else NOTHING


def _sure(runs: Sequence[TrainingRun], readings: Sequence[Reading]) -> list[str]:
    """One line on loss and calibration, and one on the most confident mistake of the first run that has one."""
    losses = [run.test_loss for run in runs if run.test_loss is not None]
    errors = Score.of(reading.calibration_error for reading in readings)
    parts = []
    if losses:
        parts.append(f"negative log-likelihood {sum(losses) / len(losses):.4f} nats")
    if errors.n:
        parts.append(f"expected calibration error {errors.spread} % ({BINS} bins)")
    lines = [f"On average: {', '.join(parts)}."] if parts else []
    first = next((reading for reading in readings if reading.mistakes), None)
    if first is not None:
        worst = first.mistakes[0]
        which = worst.file or f"test image {worst.image:,}"
        lines.append(
            f"Most confident mistake: {which}, {first.classes[worst.true]} taken for {first.classes[worst.predicted]} "
            f"with {percent(worst.confidence, 1)} %."
        )
    return lines
