"""Draws a full training from its record: loss and accuracy by epoch, and test accuracy by class.

Part of ``python -m tools.pictures``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from statistics import fmean
from typing import Any, NamedTuple

__all__ = ["draw_held_out", "draw_training"]

_WIDTH, _HEIGHT, _TOP, _BOTTOM = 900, 340, 44, 46
_PANELS = ((58, 250), (364, 250), (708, 168))
"""Left edge and width of each panel."""
_HALVES = ((58, 370), (500, 370))
"""The same where there are two."""
_INK, _GREY, _BLUE, _ORANGE, _RED = "#24292f", "#8c959f", "#0969da", "#bc4c00", "#cf222e"


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
    loss = [_Curves("train", _BLUE, losses)]
    accuracy = [_Curves("train", _BLUE, accuracies)]
    parts = [
        *_panel(_PANELS[0], "train loss", loss, max(max(each) for each in losses)),
        *_panel(_PANELS[1], "accuracy %: train, test at the end", accuracy, 100.0, mark=test),
        *_classes(names, rates),
    ]
    return _picture(words, parts)


def draw_held_out(run: Mapping[str, Any], of: str) -> str:
    """Draw a training that held images out: loss and accuracy of train and held-out images by epoch.

    Args:
        run: losses (in nats) and accuracies (fractions) of both, by epoch; those of test images are drawn and marked
            where they were asked for (`--test-curve`).
        of: the network that was trained, in words.

    Returns:
        An SVG.
    """
    tested = bool(run.get("test_accuracies"))
    kinds = {"train": ("train" if tested else "train, augmented", _BLUE), "validation": ("held out", _ORANGE)}
    kinds |= {"test": ("test (chooses nothing)", _RED)} if tested else {}
    losses = [_Curves(words, colour, [run[f"{which}_losses"]]) for which, (words, colour) in kinds.items()]
    accuracies = [
        _Curves(words, colour, [[100 * value for value in run[f"{which}_accuracies"]]])
        for which, (words, colour) in kinds.items()
    ]
    highest = max(value for which in kinds for value in run[f"{which}_losses"])
    parts = [
        *_panel(_HALVES[0], "loss", losses, highest, legend=True),
        *_panel(_HALVES[1], "accuracy %", accuracies, 100.0, legend=True),
    ]
    images = "train, held-out and test images" if tested else "train and held-out images"
    return _picture(f"{of}: loss and accuracy of {images} over {run['epochs']} epochs", parts)


def _picture(words: str, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" font-family="system-ui, sans-serif" font-size="12">',
        f"<title>{escape(words)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
    )
    return "\n".join([*head, *parts, "</svg>", ""])


def _class_rates(reading: dict[str, Any]) -> list[float]:
    return [row[at] / sum(row) for at, row in enumerate(reading["confusion"])]


class _Curves(NamedTuple):
    """Curves of one kind, one for each run."""

    words: str
    colour: str
    lines: Sequence[Sequence[float]]


def _panel(
    place: tuple[float, float],
    title: str,
    kinds: Sequence[_Curves],
    high: float,
    *,
    mark: float | None = None,
    legend: bool = False,
) -> Iterator[str]:
    left, width = place
    bottom = _HEIGHT - _BOTTOM

    def y(value: float) -> float:
        return bottom - (bottom - _TOP) * value / high

    yield _text(left, 24, title)
    for step in range(5):
        value = high * step / 4
        yield f'<line x1="{left}" y1="{y(value):.1f}" x2="{left + width}" y2="{y(value):.1f}" stroke="#e4e7eb"/>'
        yield _text(left - 6, y(value) + 4, f"{value:.3g}", anchor="end", colour=_GREY)
    epochs = len(kinds[0].lines[0])
    for kind in kinds:
        for each in kind.lines:
            places = " ".join(
                f"{left + width * (at + 0.5) / epochs:.1f},{y(value):.1f}" for at, value in enumerate(each)
            )
            yield f'<polyline points="{places}" fill="none" stroke="{kind.colour}" stroke-width="1.6"/>'
    x = left + width
    for kind in reversed(kinds) if legend else ():
        yield _text(x, 24, kind.words, anchor="end", colour=kind.colour)
        x -= 7 * len(kind.words) + 12
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
