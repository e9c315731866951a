"""Figures of trainings: loss and accuracy by epoch. Pure functions of records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from budgetnet.pages.figure import COLOURS, Figure, axis, figure_label, layout
from budgetnet.records.training_run import TrainingRun

__all__ = ["training_figures"]


class _Line(NamedTuple):
    field: str
    words: str
    colour: str
    dash: str


_LOSS = (
    _Line("train_losses", "train", "fits", "solid"),
    _Line("validation_losses", "validation, held out", "second", "solid"),
    _Line("test_losses", "test: looked at, nothing is chosen by it", "bound", "dot"),
)
_ACCURACY = (
    _Line("train_accuracies", "train, augmented", "fits", "solid"),
    _Line("validation_accuracies", "validation, held out", "second", "solid"),
    _Line("test_accuracies", "test: looked at, nothing is chosen by it", "bound", "dot"),
)


def training_figures(runs: Sequence[TrainingRun], title: str) -> list[Figure]:
    """Return loss and accuracy by epoch of the runs of one network; nothing where no curve was recorded.

    Args:
        runs: trainings by one recipe.
        title: what is trained, in words.
    """
    loss = _figure(runs, _LOSS, f"Loss: {title}", axis("mean loss of an image (nats)", rangemode="tozero"))
    accuracy = _figure(runs, _ACCURACY, f"Accuracy: {title}", axis("accuracy", tickformat=".0%"))
    return [figure for figure in (loss, accuracy) if figure is not None]


def _figure(runs: Sequence[TrainingRun], lines: Sequence[_Line], title: str, side: dict[str, Any]) -> Figure | None:
    data: list[dict[str, Any]] = []
    for line in lines:
        first = True
        for run in runs:
            values = list(getattr(run, line.field, ()))
            if not values:
                continue
            style = {"color": COLOURS[line.colour], "width": 1.8, "dash": line.dash}
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines+markers" if len(values) <= 3 else "lines",
                    "name": line.words,
                    "legendgroup": line.words,
                    "showlegend": first,
                    "x": list(range(1, len(values) + 1)),
                    "y": values,
                    "line": style,
                    "hovertemplate": f"{line.words}, seed {run.seed}, epoch %{{x}}: %{{y}}<extra></extra>",
                }
            )
            first = False
    if not data:
        return None
    most = max(len(trace["x"]) for trace in data)
    look = layout(
        figure_label(title),
        360,
        hovermode="closest",
        xaxis=axis("epoch", **({"dtick": 1} if most <= 10 else {})),
        yaxis=side,
    )
    return {"data": data, "layout": look}
