"""Compares searches on a table of networks that were all trained (see `make_table`), at equal epochs.

    python -m tests.benchmarks.search_table TABLE.csv STUDY.yaml --trials 20,40,80 --runs 200 [--input 3x16x16]

For T trials every contender may spend the epochs of T brief trainings and `--finalists` × `--seeds` full ones, by the
study's recipes; it divides them as it likes. Regret is how many points of accuracy in full training (the mean over
the table's seeds) the exported network is below the table's best. Run r of every contender has the same seed, so the
differences are paired. *raw*: a training gives one of the table's own scores. *fresh*: it gives the network's mean and
new noise, as large as the seeds' in the table.

Any table will do: its columns are found by name, cells may be empty, a single seed is enough (`read_table` in
`simulated` says which rows are left out); networks trained on other images than the study's need ``--input``.

Another sampler joins by adding a function to `rivals.CONTENDERS`, or by `--contender MODULE:FUNCTION`.

Samplers that draw from the space (evolution, tpe, local, Optuna, NePS) draw until they hit a network of the table.
Where it holds a small part of its space they take seconds a run and the others milliseconds: ask for them by
``--contenders`` with fewer ``--runs``. NePS needs an environment of its own (`rivals_neps` says how).

How far it is, and how long a run of each contender takes, goes to stderr; ``--json`` is written after every contender.
Runs are independent: to spread them over processes, start several with ``--runs 50 --first 0``, ``--first 50`` …, each
with a ``--json`` of its own, and put them together by `regrets`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from pathlib import Path

import numpy as np

from budgetnet.errors import BudgetnetError, RequestError
from tests.benchmarks.rivals import CONTENDERS, Contender
from tests.benchmarks.rivals_neps import MISSING, installed
from tests.benchmarks.simulated import Simulation, Table, input_shape, read_table
from tests.benchmarks.tables import table as text_table


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("study", type=Path)
    parser.add_argument("--trials", default="20,40,80")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="number of the first run, to add runs to earlier ones")
    parser.add_argument("--input", type=input_shape, default=None, help="where the images are not the study's")
    parser.add_argument("--finalists", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--noise", choices=("raw", "fresh", "both"), default="both")
    parser.add_argument("--contenders", default="", help=f"names, with commas; all without: {', '.join(CONTENDERS)}")
    parser.add_argument("--contender", action="append", default=[], help="MODULE:FUNCTION, another one")
    parser.add_argument("--json", type=Path, default=None, help="write every regret here")
    asked = parser.parse_args()
    try:
        chosen = chosen_contenders(asked.contenders, asked.contender)
        print(f"reading {asked.table} …", file=sys.stderr, flush=True)
        table = read_table(asked.table, asked.study, asked.input)
    except BudgetnetError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    print("estimating how often the grammar draws each network …", file=sys.stderr, flush=True)
    _ = table.chances  # of the table, and not a contender's time
    print(_about(table), flush=True)
    document: list[dict[str, object]] = []
    for fresh in {"raw": (False,), "fresh": (True,), "both": (False, True)}[asked.noise]:
        for trials in map(int, asked.trials.split(",")):
            epochs = budget(table, trials, asked.finalists, asked.seeds)
            kind = "fresh noise" if fresh else "raw scores"
            regrets: dict[str, np.ndarray] = {}
            seconds: dict[str, float] = {}
            for name, contender in chosen.items():
                found, took = compare(
                    table, {name: contender}, trials=trials, runs=asked.runs, top=asked.finalists, seeds=asked.seeds,
                    fresh=fresh, first=asked.first,
                )  # fmt: skip
                regrets |= found
                seconds |= took
                told = f"{kind}, {trials} trials: {name}, {asked.runs} runs, {took[name]:.2f} s of processor time each"
                print(told, file=sys.stderr, flush=True)
                document.append({
                    "table": asked.table.stem, "noise": "fresh" if fresh else "raw", "trials": trials,
                    "epochs": epochs, "contender": name, "first": asked.first,
                    "regrets": [round(float(one), 4) for one in found[name]], "seconds": round(took[name], 3),
                })  # fmt: skip
                if asked.json:
                    asked.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
            print(f"\n{kind}, {trials} trials, {epochs:g} epochs in all, {asked.runs} runs")
            print(lines(regrets, seconds), flush=True)


def budget(table: Table, trials: int, top: int, seeds: int) -> float:
    """Return the epochs that T trials and their finalists cost."""
    return trials * table.price_brief + top * seeds * table.price_full


def compare(
    table: Table,
    chosen: dict[str, Contender],
    *,
    trials: int,
    runs: int,
    top: int,
    seeds: int,
    fresh: bool,
    first: int = 0,
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Return regrets, (runs,) by contender, and each one's seconds a run."""
    regrets: dict[str, np.ndarray] = {}
    seconds: dict[str, float] = {}
    for name, contender in chosen.items():
        begun = time.process_time()
        found = np.zeros(runs)
        for run in range(runs):
            simulation = Simulation(
                table, budget(table, trials, top, seeds), np.random.default_rng([7, first + run]), fresh
            )
            found[run] = simulation.regret(contender(simulation, trials, top, seeds))
            if simulation.left < 0:
                raise RuntimeError(f"{name} spent {-simulation.left:g} epochs too many")
        regrets[name], seconds[name] = found, (time.process_time() - begun) / runs
    return regrets, seconds


def lines(regrets: dict[str, np.ndarray], seconds: dict[str, float]) -> str:
    """Return the comparison as a table: each contender's regret, and how it differs from the first one's."""
    first = next(iter(regrets.values()))
    rows = []
    for name, found in regrets.items():
        apart = found - first
        ratio = first.mean() / found.mean() if found.mean() > 0 else float("nan")
        rows.append([
            name, f"{found.mean():.2f} ± {_error(found):.2f}",
            "" if found is first else f"{apart.mean():+.2f} ± {_error(apart):.2f}",
            "" if found is first else f"{ratio:.2f}", f"{seconds[name]:.2f}",
        ])  # fmt: skip
    heads = ["contender", "regret", "paired difference to the first", "first's share of it", "s a run"]
    return text_table(heads, rows)


def _error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def _about(table: Table) -> str:
    brief, full = table.noise
    left_out = f" ({table.left_out} rows cannot be used)" if table.left_out else ""
    if not brief or not full:
        kinds = " and ".join(kind for kind, noise in (("brief", brief), ("full", full)) if not noise)
        print(f"no network has two {kinds} trainings: their fresh noise is 0", file=sys.stderr)
    return (
        f"{len(table)} networks{left_out}; brief {table.price_brief} epochs, full {table.price_full}; noise of a seed: "
        f"brief {100 * brief:.2f}, full {100 * full:.2f} points; spread of networks in full "
        f"{100 * np.nanmean(table.full, axis=1).std():.2f}"
    )


def chosen_contenders(names: str, further: list[str]) -> dict[str, Contender]:
    """Return contenders by name; those that are not installed are left out, with a message.

    Args:
        names: of `CONTENDERS`, with commas; all if empty.
        further: others, each as ``MODULE:FUNCTION``.

    Raises:
        RequestError: there is no such contender.
    """
    asked = [name.strip() for name in names.split(",")] if names else list(CONTENDERS)
    for name in asked:
        if name not in CONTENDERS:
            raise RequestError(f"a contender must be one of {', '.join(CONTENDERS)}, but got {name!r}")
    chosen = {name: CONTENDERS[name] for name in asked}
    if "neps" in chosen and not installed():
        print(MISSING, file=sys.stderr)
        del chosen["neps"]
    for place in further:
        module, _, function = place.partition(":")
        try:
            chosen[function] = getattr(importlib.import_module(module), function)
        except (ImportError, AttributeError, ValueError) as error:
            raise RequestError(
                f"--contender must be MODULE:FUNCTION of a module that can be imported, but got {place!r} ({error})"
            ) from None
    return chosen


if __name__ == "__main__":
    main()
