"""Draws a full training from its record: loss and accuracy by epoch, and test accuracy by class.

Part of ``python -m tools.pictures``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from statistics import fmean
from typing import Any

__all__ = ["draw_training"]

_WIDTH, _HEIGHT, _TOP, _BOTTOM = 900, 340, 44, 46
_PANELS = ((58, 250), (364, 250), (708, 168))
"""Left edge and width of each panel."""
_INK, _GREY, _BLUE, _ORANGE = "#24292f", "#8c959f", "#0969da", "#bc4c00"


def draw_training(record: dict[str, Any]) -> str:
    """Draw a training.

    Args:
        record: what ``budgetnet train`` wrote: runs, each with losses, train accuracies and a reading of the test
            images.

    Returns:
        An SVG with the train loss and the train accuracy of each run by epoch, the mean test accuracy, and the test
        accuracy of each class, mean over the runs.
    """
    runs = record["runs"]
    losses = [run["losses"] for run in runs]
    accuracies = [[100 * value for value in run["train_accuracies"]] for run in runs]
    test = 100 * record["test_accuracy"]["mean"]
    names = runs[0]["reading"]["classes"]
    rates = [100 * fmean(_class_rates(run["reading"])[at] for run in runs) for at in range(len(names))]
    words = f"{record['name']}: {record['params']:,} parameters, {len(runs)} runs of {runs[0]['epochs']} epochs"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" font-family="system-ui, sans-serif" font-size="12">',
        f"<title>{escape(words)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        *_panel(0, "train loss", losses, 0.0, max(max(each) for each in losses)),
        *_panel(1, "accuracy %: train, test at the end", accuracies, 0.0, 100.0, mark=test),
        *_classes(names, rates),
        "</svg>",
        "",
    ]
    return "\n".join(parts)


def _class_rates(reading: dict[str, Any]) -> list[float]:
    return [row[at] / sum(row) for at, row in enumerate(reading["confusion"])]


def _panel(
    panel: int, title: str, lines: Sequence[Sequence[float]], low: float, high: float, mark: float | None = None
) -> Iterator[str]:
    left, width = _PANELS[panel]
    bottom = _HEIGHT - _BOTTOM

    def y(value: float) -> float:
        return bottom - (bottom - _TOP) * (value - low) / (high - low)

    yield _text(left, 24, title)
    for step in range(5):
        value = low + (high - low) * step / 4
        yield f'<line x1="{left}" y1="{y(value):.1f}" x2="{left + width}" y2="{y(value):.1f}" stroke="#e4e7eb"/>'
        yield _text(left - 6, y(value) + 4, f"{value:.3g}", anchor="end", colour=_GREY)
    epochs = len(lines[0])
    for each in lines:
        places = " ".join(f"{left + width * (at + 0.5) / epochs:.1f},{y(value):.1f}" for at, value in enumerate(each))
        yield f'<polyline points="{places}" fill="none" stroke="{_BLUE}" stroke-width="1.6"/>'
    if mark is not None:
        x = left + width * (epochs - 0.5) / epochs
        yield f'<path d="M {x:.1f} {y(mark) - 6:.1f} l 6 6 l -6 6 l -6 -6 z" fill="{_ORANGE}"/>'
        yield _text(x - 10, y(mark) + 18, f"test {mark:.1f}", anchor="end", colour=_ORANGE)
    yield _text(left, bottom + 18, "1", colour=_GREY)
    yield _text(left + width, bottom + 18, str(epochs), anchor="end", colour=_GREY)
    yield _text(left + width / 2, bottom + 18, "epoch", anchor="middle", colour=_GREY)


def _classes(names: Sequence[str], rates: Sequence[float]) -> Iterator[str]:
    left, width = _PANELS[2]
    yield _text(left - 70, 24, "test accuracy by class, %")
    height = (_HEIGHT - _TOP - _BOTTOM) / len(names)
    for at, (name, rate) in enumerate(zip(names, rates, strict=True)):
        top = _TOP + at * height
        long = width * rate / 100
        yield f'<rect x="{left}" y="{top + 3:.1f}" width="{long:.1f}" height="{height - 6:.1f}" fill="{_BLUE}"/>'
        yield _text(left - 6, top + height / 2 + 4, name, anchor="end")
        yield _text(left + long - 5, top + height / 2 + 4, f"{rate:.0f}", anchor="end", colour="#ffffff")


def _text(x: float, y: float, words: str, *, anchor: str = "start", colour: str = _INK) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'
