"""Rank correlation of what picks finalists with full training, on a calibration's record (`budgetnet calibrate`).

    python -m tests.benchmarks.finalist_ranking CALIBRATION.jsonl STUDY.yaml [--others 3,5,8,15] [--draws 20]

Every network in turn is judged by a model that has seen all brief trainings, its own included, and full trainings of
others only: of all of them, or of as many as `--others` says, drawn at random `--draws` times, as in the course of a
search. What the model says of each, without its own full training, is ranked against that training.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from budgetnet.calibrate.record import CalibrationRun, Recorded, read_calibration
from budgetnet.errors import BudgetnetError
from budgetnet.files.spaces import space_of
from budgetnet.files.study_file import load_study
from budgetnet.search.model.features import features_of
from budgetnet.search.model.matrix import FeatureScale, Matrix
from budgetnet.search.model.surrogate import Observation, fit_surrogate
from budgetnet.space.space import Space
from tests.benchmarks.simulated import network_of
from tests.benchmarks.tables import table

__all__ = ["left_out"]


def main() -> None:
    """Rank and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("calibration", type=Path)
    parser.add_argument("study", type=Path)
    parser.add_argument("--others", default="3,5,8", help="numbers of other networks trained in full")
    parser.add_argument("--draws", type=int, default=10, help="of so many others")
    asked = parser.parse_args()
    try:
        recorded, space = read_calibration(asked.calibration), space_of(load_study(asked.study))
    except BudgetnetError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    print("\n\n".join(_report(recorded, space, asked.others, asked.draws)))


def _report(recorded: Recorded, space: Space, others: str, draws: int) -> list[str]:
    matrix = Matrix()
    for one in recorded.networks:
        matrix.add(one.hash, features_of(network_of(one.network, space), space.input_shape, decisions=one.decisions))
    full = {run.hash: accuracy for run, accuracy in _accuracies(recorded.runs, "full")}
    keys = [one.hash for one in recorded.networks if one.hash in full]
    truth = np.array([full[key] for key in keys])
    parts = []
    for epochs in sorted({run.schedule for run in recorded.runs if run.role == "brief"}):
        brief = {run.hash: accuracy for run, accuracy in _accuracies(recorded.runs, "brief") if run.schedule == epochs}
        mine = [place for place, key in enumerate(keys) if key in brief]
        known, worth = [keys[place] for place in mine], truth[mine]
        sizes = matrix.take(known)[:, matrix.names.index("size.params")]
        rows = [
            ["brief accuracy alone", "", _spearman([brief[key] for key in known], worth)],
            ["parameters alone", "", _spearman(sizes, worth)],
            ["model, brief trainings alone", "0", _spearman(left_out(matrix, known, brief, full, 0, 0), worth)],
        ]
        for count in [int(one) for one in others.split(",")]:
            if count < len(known) - 1:
                found = [_rank(left_out(matrix, known, brief, full, count, seed), worth) for seed in range(draws)]
                rows.append(["model", str(count), f"{np.mean(found):.2f} ± {np.std(found):.2f} over {draws} draws"])
        everything = left_out(matrix, known, brief, full, len(known) - 1, 0)
        rows.append(["model", str(len(known) - 1), _spearman(everything, worth)])
        parts.append(
            f"{len(known)} networks, brief trainings of {epochs} epochs\n"
            + table(["finalists ranked by", "full trainings of others", "Spearman"], rows)
        )
    return parts


def left_out(
    matrix: Matrix, keys: Sequence[str], brief: dict[str, float], full: dict[str, float], others: int, seed: int
) -> list[float]:
    """Return what a model says of each network, without its own full training.

    Args:
        matrix: holds the networks.
        keys: the networks.
        brief: accuracies by network.
        full: accuracies by network.
        others: how many of the others' full trainings the model has seen.
        seed: of their draw.
    """
    scale = FeatureScale.of(matrix.names, matrix.take(keys))
    rng = np.random.default_rng(seed)
    said = []
    for key in keys:
        rest = [one for one in keys if one != key]
        shown = [rest[int(place)] for place in rng.permutation(len(rest))[:others]]
        seen = [Observation(one, brief[one], brief=True) for one in keys]
        seen += [Observation(one, full[one], brief=False) for one in shown]
        said.append(float(fit_surrogate(matrix, scale, seen).moments([key])[0][0]))
    return said


def _accuracies(runs: Sequence[CalibrationRun], role: str) -> list[tuple[CalibrationRun, float]]:
    """Return the first training of each network that came to its end, with its accuracy."""
    kept: dict[tuple[str, int], tuple[CalibrationRun, float]] = {}
    for run in runs:
        if run.role == role and not run.diverged and run.validation_accuracies:
            kept.setdefault((run.hash, run.schedule), (run, run.validation_accuracies[-1]))
    return list(kept.values())


def _rank(said: Sequence[float] | np.ndarray, truth: np.ndarray) -> float:
    return float(spearmanr(said, truth).statistic)


def _spearman(said: Sequence[float] | np.ndarray, truth: np.ndarray) -> str:
    return f"{_rank(said, truth):.2f}"


if __name__ == "__main__":
    main()
