"""Searches on a table of networks that were all trained: what a training gives is looked up, not computed."""

from __future__ import annotations

import csv
import random
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from budgetnet.derivation.decision import Answer
from budgetnet.derivation.expand import expand, refuse
from budgetnet.errors import RequestError
from budgetnet.files.spaces import space_of
from budgetnet.files.study import Study
from budgetnet.files.study_file import load_study
from budgetnet.grammar.load import load_grammar
from budgetnet.network.cost.closed_form import cost
from budgetnet.network.cost.types import Cost
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.text import network_text
from budgetnet.search.model.features import features_of
from budgetnet.search.model.matrix import Matrix
from budgetnet.space.choosers import replay, unanswered
from budgetnet.space.judge import Candidate
from budgetnet.space.proposer import Proposer
from budgetnet.space.recognise import Recognition, recognise
from budgetnet.space.space import Space

__all__ = ["Simulation", "Table", "assembled", "input_shape", "network_of", "read_table", "text_of"]

DRAWS = 4000
"""Draws by the grammar's weights from which each network's chance is estimated."""

Floats = NDArray[np.float64]

_RULE = re.compile(r"^\s*network\b\s*(\(|=)", re.MULTILINE)


@dataclass
class Table:
    """Networks, what they are, and what their trainings gave."""

    study: Study
    space: Space
    texts: list[str]
    answers: list[tuple[Answer, ...]]
    """Decisions and options that derive each network, in their order."""
    params: Floats
    flops: Floats
    brief: Floats
    """(networks, seeds) validation accuracies; NaN where a seed was not trained."""
    full: Floats
    matrix: Matrix
    proposer: Proposer
    places: dict[str, int] = field(default_factory=dict)
    """By text."""
    left_out: int = 0
    """Rows of the file that cannot be used."""
    draws: int = DRAWS
    """By which `chances` are estimated."""

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def price_brief(self) -> int:
        """Return the epochs of a brief training."""
        return self.study.training.epochs

    @property
    def price_full(self) -> int:
        """Return the epochs of a full training."""
        return self.study.finalists.training.epochs

    @cached_property
    def chances(self) -> Floats:
        """(networks,) how often the grammar's weights, given the budget, draw each."""
        rng = random.Random(0)
        times = np.full(len(self), 0.5)
        for _ in range(self.draws):
            found = self.proposer.draw(rng)
            if isinstance(found, Candidate):
                place = self.places.get(text_of(found.expansion.network))
                if place is not None:
                    times[place] += 1
        return times / times.sum()

    @cached_property
    def noise(self) -> tuple[float, float]:
        """Deviation of one brief, and of one full, training about its network's mean."""
        return _pooled(self.brief), _pooled(self.full)


@dataclass
class Simulation:
    """One search on a table: trains by looking up, and keeps account of epochs."""

    table: Table
    left: float
    """Epochs."""
    rng: np.random.Generator
    fresh: bool
    """Whether every training gets new noise about its network's mean; else the table's own scores are dealt out."""
    briefs: dict[int, list[float]] = field(default_factory=dict)
    fulls: dict[int, list[float]] = field(default_factory=dict)

    @property
    def seeds(self) -> int:
        """Full trainings that a network can have."""
        return 1000 if self.fresh else self.table.full.shape[1]

    def train(self, place: int, *, brief: bool) -> float:
        """Train a network and return its validation accuracy."""
        table = self.table
        self.left -= table.price_brief if brief else table.price_full
        scores = (table.brief if brief else table.full)[place]
        scores = scores[~np.isnan(scores)]
        had = (self.briefs if brief else self.fulls).setdefault(place, [])
        if self.fresh:
            noise = table.noise[0 if brief else 1]
            had.append(float(scores.mean() + noise * self.rng.standard_normal()))
        else:
            # Seeds are dealt out in an order of this run's own, each once; after the last one they begin again.
            order = np.random.default_rng([self._salt, place, brief]).permutation(len(scores))
            had.append(float(scores[order[len(had) % len(scores)]]))
        return had[-1]

    @cached_property
    def _salt(self) -> int:
        return int(self.rng.integers(1 << 31))

    def may(self, *, brief: bool) -> bool:
        """Return whether the epochs suffice for another training."""
        return self.left >= (self.table.price_brief if brief else self.table.price_full)

    def regret(self, place: int) -> float:
        """Return how many points of mean full accuracy a network is below the best."""
        worth = np.nanmean(self.table.full, axis=1)
        return float(worth.max() - worth[place]) * 100


def read_table(path: Path, study_file: Path, shape: Shape | None = None) -> Table:
    """Read a table and the study of its space.

    Columns are found by name, in any order, and others are left alone; ``params`` and ``flops`` are counted where they
    are missing. Cells may be empty. Rows of the same network are put together. Rows without a brief or without a full
    training, and networks over the study's budget, are left out; `Table.left_out` counts them.

    Args:
        path: the CSV.
        study_file: its study.
        shape: of the images, where it is not the study's.

    Raises:
        RequestError: the table lacks a column, holds a cell that is not a number, or no row that can be used.
    """
    study = load_study(study_file)
    space = space_of(study)
    if shape is not None:
        space = replace(space, input_shape=shape)
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        columns = [name.strip() for name in reader.fieldnames or ()]
        rows = [dict(zip(columns, (cell or "" for cell in row.values()), strict=False)) for row in reader]
    seeds = {kind: _seed_columns(columns, kind, path) for kind in ("brief", "full")}
    brief: dict[str, list[float]] = {}
    full: dict[str, list[float]] = {}
    networks: dict[str, Node] = {}
    left_out = 0
    for line, row in enumerate(rows, start=2):
        if not row.get("network", "").strip():
            left_out += 1
            continue
        seen = {kind: _numbers(row, seeds[kind], path, line) for kind in seeds}
        network = network_of(row["network"], space)
        if not (seen["brief"] and seen["full"]) or space.budget.excess(_cost(network, space)):
            left_out += 1
            continue
        text = text_of(network)
        networks[text] = network
        brief.setdefault(text, []).extend(seen["brief"])
        full.setdefault(text, []).extend(seen["full"])
    if not networks:
        raise RequestError(f"a table needs rows with a brief and a full score, but {path} has none; see make_table")
    return assembled(study, space, networks, _padded(list(brief.values())), _padded(list(full.values())), left_out)


def assembled(
    study: Study, space: Space, networks: dict[str, Node], brief: Floats, full: Floats, left_out: int
) -> Table:
    """Return a table of networks, by text, with their scores, (networks, seeds) of brief and full trainings."""
    matrix = Matrix()
    derived: list[tuple[Answer, ...]] = []
    costs = []
    for text, network in networks.items():
        found = recognise(network, space)
        decisions = found.decisions if isinstance(found, Recognition) else {}
        derived.append(tuple(space.expand(replay(decisions, unanswered)).answers) if decisions else ())
        costs.append(_cost(network, space))
        matrix.add(
            text, features_of(network, space.input_shape, decisions=decisions, custom=space.custom, counted=costs[-1])
        )
    return Table(
        study=study, space=space, texts=list(networks), answers=derived,
        params=np.array([float(one.params) for one in costs]), flops=np.array([float(one.flops) for one in costs]),
        brief=brief, full=full, matrix=matrix, proposer=Proposer(space),
        places={text: place for place, text in enumerate(networks)}, left_out=left_out,
    )  # fmt: skip


def input_shape(text: str) -> tuple[int, int, int]:
    """Read ``3x16x16``."""
    channels, height, width = map(int, text.split("x"))
    return channels, height, width


def text_of(network: Node) -> str:
    """Return a network's text on one line."""
    return " ".join(network_text(network).split())


def network_of(text: str, space: Space) -> Node:
    """Read a network's text: its parts in a row, or rules of which one is ``network = …``."""
    rules = text if _RULE.search(text) else f"network = {text.strip()}"
    grammar = load_grammar(rules, vocabulary=space.vocabulary)
    return expand(
        grammar, input_shape=space.input_shape, classes=space.classes, vocabulary=space.vocabulary, choose=refuse
    ).network


def _cost(network: Node, space: Space) -> Cost:
    return cost(network, space.input_shape, custom=space.custom)


def _seed_columns(columns: list[str], kind: str, path: Path) -> list[str]:
    found = sorted(
        (name for name in columns if re.fullmatch(rf"{kind}_\d+", name)), key=lambda name: int(name[len(kind) + 1 :])
    )
    if not found or "network" not in columns:
        lacks = f"{kind}_1" if not found else "network"
        raise RequestError(
            f"a table needs the columns network, brief_1 and full_1, but {path} lacks {lacks}; see make_table"
        )
    return found


def _numbers(row: dict[str, str], names: list[str], path: Path, line: int) -> list[float]:
    found: list[float] = []
    for name in names:
        cell = row.get(name, "").strip()
        if cell.lower() in ("", "nan", "none"):
            continue
        try:
            found.append(float(cell))
        except ValueError:
            raise RequestError(
                f"accuracies must be fractions, but {path}, line {line}, has {cell!r} as {name}; leave unknown ones "
                "empty"
            ) from None
        if not 0 <= found[-1] <= 1:
            raise RequestError(
                f"accuracies must be fractions, but {path}, line {line}, has {cell} as {name}; write 87.5 % as 0.875"
            )
    return found


def _padded(scores: list[list[float]]) -> Floats:
    """Return (networks, most seeds), with NaN where there are fewer."""
    padded = np.full((len(scores), max(map(len, scores))), np.nan)
    for place, found in enumerate(scores):
        padded[place, : len(found)] = found
    return padded


def _pooled(scores: Floats) -> float:
    """Return the deviation about each row's mean, pooled over rows with two scores or more."""
    counts = (~np.isnan(scores)).sum(axis=1)
    several = scores[counts > 1]
    if not len(several):
        return 0.0
    off = several - np.nanmean(several, axis=1, keepdims=True)
    return float(np.sqrt(np.nansum(off**2) / (counts[counts > 1] - 1).sum()))
