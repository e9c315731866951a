"""Draws the pictures of README and docs from recorded results: trials, networks, and a full training.

python -m tools.pictures
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any

from budgetnet.api.networks import parse_network, read_network
from budgetnet.draw.draw import draw_network
from budgetnet.files.network_file import Network
from budgetnet.records.lookup import find
from budgetnet.records.training_run import TrainingRun
from budgetnet.training.mistake_images import strip_place
from tools.assignment_pictures import draw_mistakes, draw_table
from tools.curve_picture import draw_held_out, draw_training

__all__ = ["PICTURE", "RECORD", "draw_trials", "main", "pictures"]

ROOT = Path(__file__).parents[1]

RECORD = ROOT / "studies" / "results" / "cifar10-200k" / "trials.json"
"""What ``budgetnet list --json`` printed for the search that the picture shows."""

CALIBRATION = ROOT / "studies" / "results" / "cifar10-200k-calibration" / "calibration.jsonl"
"""Trainings of the networks that ``budgetnet calibrate`` drew, brief and full."""

HELD_OUT = ROOT / "studies" / "results" / "flagship-held-out" / "training.json"
"""What ``budgetnet train --held-out --test-curve`` wrote."""

PICTURE = ROOT / "docs" / "pictures" / "trials.svg"
"""Its place; the others lie beside it."""

_WIDTH, _HEIGHT = 760, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 24, 46, 56
_INK, _GREY, _BLUE, _ORANGE, _RED = "#24292f", "#8c959f", "#0969da", "#bc4c00", "#cf222e"


@dataclass(frozen=True)
class _Axes:
    """Turns parameters and accuracies into places on the picture."""

    params: tuple[int, int]
    accuracy: tuple[float, float]

    def x(self, params: float) -> float:
        """Distance from the left edge."""
        low, high = self.params
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (params - low) / (high - low)

    def y(self, accuracy: float) -> float:
        """Distance from the upper edge."""
        low, high = self.accuracy
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * (accuracy - low) / (high - low)


def draw_trials(record: dict[str, Any]) -> str:
    """Draw the trials of a search.

    Args:
        record: what ``budgetnet list --json`` prints: budget, trials, frontier and finalists.

    Returns:
        An SVG of trials that were trained to the end and that were stopped early, the frontier of the former, the
        finalists' mean test accuracy, and the budget.
    """
    budget: int = record["budget"]["params"]
    trials = {trial["number"]: trial for trial in record["trials"] if trial["accuracy"] is not None}
    finalists = [(trials[final["trial"]]["params"], final["test_accuracy"]) for final in record["finalists"]]
    accuracies = [trial["accuracy"] for trial in trials.values()] + [test["mean"] for _, test in finalists]
    lowest = min(trial["params"] for trial in trials.values())
    axes = _Axes(
        (lowest // 20_000 * 20_000, -(-budget // 20_000) * 20_000 + 10_000),
        (int(min(accuracies) * 50) / 50, (int(max(accuracies) * 50) + 1) / 50),
    )
    frontier = [trials[number] for number in record["frontier"]]
    parts = [
        *_axes(axes),
        *_budget(axes, budget),
        _frontier(axes, [(trial["params"], trial["accuracy"]) for trial in frontier]),
        *(_trial(axes, trial) for trial in trials.values()),
        *(_finalist(axes, params, test) for params, test in finalists),
        *_legend(record),
    ]
    title = f"{record['study']}: {len(record['trials'])} networks under {budget:,} parameters"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            f'font-family="Helvetica, Arial, sans-serif" font-size="13" fill="{_INK}">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="#ffffff"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _axes(axes: _Axes) -> Iterator[str]:
    bottom = _HEIGHT - _BOTTOM
    for params in range(axes.params[0], axes.params[1] + 1, 20_000):
        x = axes.x(params)
        yield _line(x, bottom, x, bottom + 5, _GREY)
        yield _text(x, bottom + 20, f"{params // 1000}k", anchor="middle")
    for percent in range(round(100 * axes.accuracy[0]), round(100 * axes.accuracy[1]) + 1, 4):
        y = axes.y(percent / 100)
        yield _line(_LEFT, y, _WIDTH - _RIGHT, y, "#eaeef2")
        yield _text(_LEFT - 8, y + 4, f"{percent} %", anchor="end")
    yield _line(_LEFT, bottom, _WIDTH - _RIGHT, bottom, _GREY)
    yield _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 14, "parameters", anchor="middle")


def _budget(axes: _Axes, budget: int) -> Iterator[str]:
    x = axes.x(budget)
    yield _line(x, _TOP, x, _HEIGHT - _BOTTOM, _RED, dashes="5 4")
    yield _text(x - 6, _HEIGHT - _BOTTOM - 8, "budget", anchor="end", colour=_RED)


def _frontier(axes: _Axes, points: Sequence[tuple[int, float]]) -> str:
    places = " ".join(f"{axes.x(params):.1f},{axes.y(accuracy):.1f}" for params, accuracy in sorted(points))
    return f'<polyline points="{places}" fill="none" stroke="{_BLUE}" stroke-width="1.5"/>'


def _trial(axes: _Axes, trial: dict[str, Any]) -> str:
    done = trial["outcome"] == "completed"
    share = f"{100 * trial['accuracy']:.2f} % on validation images, {trial['params']:,} parameters"
    state = "completed" if done else "stopped early"
    return (
        f'<circle cx="{axes.x(trial["params"]):.1f}" cy="{axes.y(trial["accuracy"]):.1f}" r="4" '
        f'fill="{_BLUE if done else "none"}" stroke="{_BLUE if done else _GREY}">'
        f"<title>trial {trial['number']}, {state}: {share}</title></circle>"
    )


def _finalist(axes: _Axes, params: int, test: dict[str, Any]) -> str:
    x, y = axes.x(params), axes.y(test["mean"])
    words = f"{100 * test['mean']:.2f} ± {100 * test['deviation']:.2f} % on test images, n = {test['n']} seeds"
    return f'<path d="M {x:.1f} {y - 6:.1f} l 6 6 l -6 6 l -6 -6 z" fill="{_ORANGE}"><title>{words}</title></path>'


def _legend(record: dict[str, Any]) -> Iterator[str]:
    brief = max(trial["epochs"] for trial in record["trials"])
    full = max(run["recipe"]["epochs"] for final in record["finalists"] for run in final["runs"])
    seeds = max(final["test_accuracy"]["n"] for final in record["finalists"])
    entries = (
        (f'<circle cx="{{x}}" cy="22" r="4" fill="{_BLUE}"/>', f"trained for {brief} epochs, validation", 226),
        (f'<circle cx="{{x}}" cy="22" r="4" fill="none" stroke="{_GREY}"/>', "stopped early", 116),
        (
            f'<path d="M {{x}} 16 l 6 6 l -6 6 l -6 -6 z" fill="{_ORANGE}"/>',
            f"finalist after {full} epochs, test, mean of {seeds} seeds",
            0,
        ),
    )
    x = _LEFT + 6
    for mark, words, width in entries:
        yield mark.format(x=x)
        yield _text(x + 11, 26, words)
        x += width


def _line(x: float, y: float, to_x: float, to_y: float, colour: str, *, dashes: str = "") -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" stroke="{colour}"{dashed}/>'


def _text(x: float, y: float, words: str, *, anchor: str = "start", colour: str = _INK) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'


def pictures() -> dict[Path, str]:
    """Return every picture's text by its place."""
    studies = ROOT / "studies"
    best = find(f"{studies / 'cifar10-200k.yaml'}:27", out=RECORD.parent).architecture
    by_hand = parse_network(
        "network = conv(3, 16) block{2} gap linear(classes)\nblock = skip(conv(3, in))", input=(3, 32, 32), classes=10
    )
    started_from = read_network(studies / "networks" / "dilated-residual-100k.yaml")
    training = json.loads((studies / "results" / "five-minutes" / "training.json").read_text(encoding="utf-8"))
    return {
        PICTURE: draw_trials(json.loads(RECORD.read_text(encoding="utf-8"))),
        PICTURE.with_name("flagship.svg"): draw_network(best, paper="light"),
        PICTURE.with_name("hand-made.svg"): draw_network(started_from, paper="light"),
        PICTURE.with_name("notebook.svg"): draw_network(by_hand, paper="light"),
        PICTURE.with_name("five-minutes.svg"): draw_training(training),
        PICTURE.with_name("held-out-curves.svg"): draw_held_out(_held_out_run(training["params"]), training["name"]),
        **_handed_in("hand-made", studies / "results" / "seed-network" / "muon.json", started_from),
        **_handed_in("flagship", RECORD, best),
        **_watched("flagship-held-out", HELD_OUT, best),
    }


def _held_out_run(params: int) -> dict[str, Any]:
    """Return the full training of the calibration's network of that size, made with validation images held out."""
    lines = CALIBRATION.read_text(encoding="utf-8").splitlines()
    runs = [run for run in map(json.loads, lines) if run.get("role") == "full" and run["params"] == params]
    (run,) = runs
    return dict(run)


def _handed_in(name: str, file: Path, network: Network) -> dict[Path, str]:
    """Return the three pictures of an assignment: table, curves, and the misclassified images of the first run.

    Args:
        name: the pictures' names begin with it.
        file: what ``budgetnet train`` wrote, or ``budgetnet list --json`` of a study, whose first finalist is taken.
        network: the network that was trained.
    """
    record = json.loads(file.read_text(encoding="utf-8"))
    strip = file.with_suffix(".mistakes.png")
    if "finalists" in record:
        finalist = record["finalists"][0]
        trial = next(trial for trial in record["trials"] if trial["number"] == finalist["trial"])
        record = finalist | {"name": network.name, "params": trial["params"]}
        strip = strip_place(file.parent / finalist["runs"][0]["weights"])
    run = TrainingRun.of(record["runs"][0])
    return {
        PICTURE.with_name(f"{name}-table.svg"): draw_table(network),
        PICTURE.with_name(f"{name}-curves.svg"): draw_training(record),
        PICTURE.with_name(f"{name}-mistakes.svg"): draw_mistakes(network.name, run, strip),
    }


def _watched(name: str, file: Path, network: Network) -> dict[Path, str]:
    """Return the curves and the misclassified images of a training with held-out images and a test curve."""
    run = TrainingRun.of(json.loads(file.read_text(encoding="utf-8"))["runs"][0])
    return {
        PICTURE.with_name(f"{name}-curves.svg"): draw_held_out(asdict(run), network.name),
        PICTURE.with_name(f"{name}-mistakes.svg"): draw_mistakes(network.name, run, file.with_suffix(".mistakes.png")),
    }


def main() -> None:
    """Write the pictures."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    for path, text in pictures().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
