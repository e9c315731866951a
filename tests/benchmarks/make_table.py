"""Trains every network of a small space briefly and in full, so that searches can be simulated on what came out.

    python -m tests.benchmarks.make_table STUDY.yaml OUT.csv [--networks 300] [--input 3x16x16]

The study says what a brief training is (`training`) and a full one (`finalists`, with the number of seeds). Networks
are
distinct, drawn from bands of size in turn, uniformly among the derivations. Images are a stratified subset of the data
set's train images, averaged down to the input's size; validation images are others of them, test images are of the
test set. A row is written when all trainings of its network are done, and a run that was stopped goes on where it was:
the same command makes the same table. One thread, so that rows repeat bit for bit on one kind of processor.

Columns: `network` (its text), `params`, `flops`, `brief_1` … and `full_1` …, validation accuracies by seed after the
last epoch (brief ones beyond the first for every fourth network only: they say how large the noise is), `test_1` …,
test accuracies of the full trainings, `seconds` of all trainings together.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from budgetnet.explore.sample import collect
from budgetnet.files.spaces import space_of
from budgetnet.files.study import Study
from budgetnet.files.study_file import read_study
from budgetnet.network.torch.build import build
from budgetnet.space.counting.table import Table
from budgetnet.space.counting.tabulate import tabulate
from budgetnet.space.judge import Candidate
from budgetnet.space.sampling import strata
from budgetnet.space.space import Space
from budgetnet.space.within_budget import Weighting
from budgetnet.training.data.images import Images
from budgetnet.training.data.load import load
from budgetnet.training.data.split import split_validation
from budgetnet.training.evaluate import evaluate
from budgetnet.training.fit import fit
from budgetnet.training.recipe.recipe import Recipe
from tests.benchmarks.simulated import input_shape, text_of

BANDS = 8
"""Into how many bands of size the space is cut."""


def main() -> None:
    """Make a table, or go on with one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--networks", type=int, default=300)
    parser.add_argument("--weighting", choices=("prior", "uniform"), default="uniform", help="of draws within a band")
    parser.add_argument("--input", type=input_shape, default=(3, 16, 16), help="channels, height and width of images")
    parser.add_argument("--train", type=int, default=1000, help="train images")
    parser.add_argument("--validation", type=int, default=2000, help="validation images")
    parser.add_argument("--test", type=int, default=2000, help="test images")
    parser.add_argument("--brief-seeds", type=int, default=2)
    parser.add_argument("--repeat-brief", type=int, default=4, help="further brief seeds for every n-th network only")
    parser.add_argument("--seed", type=int, default=0, help="of the draw, the images and the first training")
    parser.add_argument("--limit", type=int, default=None, help="stop after so many new rows")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    study = read_study(asked.study)
    space = replace(space_of(study), input_shape=asked.input)
    columns = columns_of(study, asked.brief_seeds)
    done = rows_of(asked.out, columns)
    drawn = draw(space, asked.networks, asked.seed, asked.weighting)
    todo = [(place, found) for place, found in enumerate(drawn) if text_of(found.expansion.network) not in done]
    print(f"{len(done)} networks are done, {len(todo)} to do", flush=True)
    bench = Bench(study, space, asked)
    for place, candidate in todo[: asked.limit]:
        again = place % asked.repeat_brief == 0
        append(asked.out, bench.row(candidate, asked.brief_seeds if again else 1), columns)


class Bench:
    """Images, and how networks are trained on them."""

    def __init__(self, study: Study, space: Space, asked: argparse.Namespace) -> None:
        dataset = load(study.dataset)
        _, chosen = split_validation(dataset.train, size=asked.train + asked.validation, seed=asked.seed)
        train, validation = split_validation(chosen, size=asked.validation, seed=asked.seed)
        _, test = split_validation(dataset.test(), size=asked.test, seed=asked.seed)
        self.train, self.validation, self.test = (small(part, space.input_shape) for part in (train, validation, test))
        self.study, self.space, self.first = study, space, asked.seed

    def row(self, candidate: Candidate, brief_seeds: int) -> dict[str, object]:
        """Train a network as often as the table wants."""
        row: dict[str, object] = {
            "network": text_of(candidate.expansion.network),
            "params": candidate.cost.params,
            "flops": candidate.cost.flops,
        }
        seconds = 0.0
        for run in range(1, brief_seeds + 1):
            model, spent = self.trained(candidate, self.study.training, self.first + run - 1)
            row[f"brief_{run}"] = evaluate(model, self.validation, device="cpu").accuracy
            seconds += spent
        for run in range(1, self.study.finalists.seeds + 1):
            model, spent = self.trained(candidate, self.study.finalists.training, self.first + 1000 + run - 1)
            row[f"full_{run}"] = evaluate(model, self.validation, device="cpu").accuracy
            row[f"test_{run}"] = evaluate(model, self.test, device="cpu").accuracy
            seconds += spent
        return {**row, "seconds": round(seconds, 2)}

    def trained(self, candidate: Candidate, recipe: Recipe, seed: int) -> tuple[nn.Module, float]:
        """Train once; return the network and the seconds."""
        torch.manual_seed(seed)
        model = build(candidate.expansion.network, self.space.input_shape)
        return model, fit(model, self.train, None, recipe, seed=seed, device="cpu").seconds


def draw(space: Space, count: int, seed: int, weighting: Weighting = "uniform") -> tuple[Candidate, ...]:
    """Draw distinct networks, in turn from bands of size."""
    table = tabulate(space)
    if not isinstance(table, Table):
        raise SystemExit(f"the space is too large for a table: {table.text}")
    return collect(
        space, table, count, seed=seed, weighting=weighting, bands=strata(table, BANDS), distinct=True
    ).candidates


def small(images: Images, shape: tuple[int, ...]) -> Images:
    """Average images down to a shape."""
    pixels: Tensor = nn.functional.adaptive_avg_pool2d(images.images.float(), shape[1:])
    return Images(pixels.round().to(torch.uint8), images.labels, None, images.normalisation)


def columns_of(study: Study, brief_seeds: int) -> list[str]:
    """Return the names of a table's columns."""
    full = range(1, study.finalists.seeds + 1)
    brief = [f"brief_{run}" for run in range(1, brief_seeds + 1)]
    return [
        "network", "params", "flops", *brief, *(f"full_{run}" for run in full), *(f"test_{run}" for run in full),
        "seconds",
    ]  # fmt: skip


def rows_of(path: Path, columns: list[str]) -> dict[str, dict[str, str]]:
    """Read the rows that are whole, by network; begin the file if there is none."""
    if not path.exists():
        path.write_text(_line(columns), encoding="utf-8")
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(_whole(csv.DictReader(lines)))
    return {row["network"]: row for row in rows}


def append(path: Path, row: dict[str, object], columns: list[str]) -> None:
    """Add a row in one write."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(handle, _line([_text(row.get(column, "")) for column in columns]).encode())
    finally:
        os.close(handle)
    print(*(_text(row.get(column, "")) for column in columns[1:]), flush=True)


def _whole(rows: Iterator[dict[str, str]]) -> Iterator[dict[str, str]]:
    return (row for row in rows if row["seconds"])


def _line(values: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def _text(value: object) -> str:
    return f"{value:.5f}".rstrip("0") if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
