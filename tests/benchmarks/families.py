"""Synthetic scores for real networks: worlds in which what matters is known, and differs from family to family.

A family says which trends, which smooth surface and which deviations of each network's own make up its worth in full
training, what a brief training sees of that, and how loud the seeds are. Each run of a benchmark draws a world of its
own. What a sampler's parameters are designed on are such worlds; recorded tables then judge it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from budgetnet.files.spaces import space_of
from budgetnet.files.study_file import load_study
from budgetnet.network.nodes import Node
from budgetnet.search.model.matrix import FeatureScale
from budgetnet.space.judge import Candidate
from budgetnet.space.proposer import Proposer
from tests.benchmarks.simulated import Floats, Table, assembled, text_of

__all__ = ["FAMILIES", "SPREAD", "Family", "drawn", "world"]

SPREAD = 0.02
"""Deviation of the networks' worths, as accuracy."""
LEVEL = {"brief": 0.35, "full": 0.6}
"""Mean accuracies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One kind of world; weights are deviations, brought to `SPREAD` together."""

    about: str
    trends: Mapping[str, float] = field(default_factory=dict)
    """Weights of standardised features."""
    hill: Mapping[str, float] = field(default_factory=dict)
    """Weights of the squared distance to the feature's 70 % quantile: in the middle is the best."""
    smooth: float = 0.5
    """Weight of a smooth random function of all features."""
    own: float = 0.3
    """Weight of a deviation of each network's own."""
    sees: float = 1.0
    """Share of the worth that brief trainings see."""
    bias: Mapping[str, float] = field(default_factory=dict)
    """Trends of brief trainings alone, in deviations of the worth."""
    bias_smooth: float = 0.3
    noise_brief: float = 0.8
    """Of a seed, in deviations of the worth."""
    noise_full: float = 0.6
    brief: int = 2
    """Epochs."""
    full: int = 6


FAMILIES: dict[str, Family] = {
    "size": Family(about="size leads", trends={"size.params": 1.0}),
    "flops": Family(about="FLOPs lead", trends={"size.flops": 1.0}, brief=3, full=12),
    "shallow": Family(about="depth harms, size tells nothing", trends={"form.depth": -1.0}),
    "quad": Family(about="a middle size is best", hill={"size.params": -0.8}, brief=3, full=12),
    "surface": Family(about="no trend, all smooth", smooth=1.0, own=0.2),
    "own": Family(about="features tell next to nothing", smooth=0.2, own=1.0),
    "clean": Family(about="brief trainings tell nearly all", noise_brief=0.3, bias_smooth=0.1, brief=2, full=20),
    "noisy": Family(about="seeds are loud", trends={"size.params": 0.5}, noise_brief=1.6, noise_full=1.2),
    "biased": Family(
        about="large networks are better, but slower at first", trends={"size.params": 1.0}, bias={"size.params": -1.2}
    ),
    "hibias": Family(
        about="the same, and brief trainings see little else", trends={"size.flops": 0.8, "form.depth": 0.4},
        sees=0.4, bias={"form.depth": -1.0}, bias_smooth=0.8, brief=1, full=8,
    ),
    "blind": Family(about="brief trainings are noise", trends={"size.params": 0.5}, sees=0.0, noise_brief=1.0),
}  # fmt: skip


def world(family: Family, base: Table, seed: int) -> Table:
    """Return a table of the base's networks with scores of a new world.

    Args:
        family: of the world.
        base: whose networks and features are taken; its scores are not.
        seed: of the world.
    """
    rng = np.random.default_rng([11, seed])
    raw = base.matrix.take(base.texts)
    names = base.matrix.names

    def column(name: str) -> Floats:
        values = raw[:, names.index(name)]
        return (values - values.mean()) / max(float(values.std()), 1e-9)

    scaled = FeatureScale.of(names, raw).apply(raw)
    surface, second = (_surface(scaled, rng) for _ in range(2))
    worth = family.smooth * surface + family.own * rng.standard_normal(len(base))
    for name, weight in family.trends.items():
        worth = worth + weight * column(name)
    for name, weight in family.hill.items():
        away = column(name) - np.quantile(column(name), 0.7)
        worth = worth + weight * away**2
    worth = (worth - worth.mean()) / worth.std()
    seen = family.sees * worth + family.bias_smooth * second
    for name, weight in family.bias.items():
        seen = seen + weight * column(name)
    full = LEVEL["full"] + SPREAD * worth
    brief = LEVEL["brief"] + SPREAD * seen
    study = replace(
        base.study,
        training=replace(base.study.training, epochs=family.brief),
        finalists=replace(base.study.finalists, training=replace(base.study.finalists.training, epochs=family.full)),
    )
    made = replace(base, study=study, brief=brief[:, None], full=full[:, None])
    made.__dict__["chances"] = base.chances
    made.__dict__["noise"] = (SPREAD * family.noise_brief, SPREAD * family.noise_full)
    return made


def drawn(study_file: Path, count: int, seed: int = 0) -> Table:
    """Return a table of networks drawn by a grammar's weights, within the budget, with no scores: a base for worlds.

    Args:
        study_file: of the space.
        count: of networks, all different.
        seed: of the draw.
    """
    study = load_study(study_file)
    space = space_of(study)
    proposer = Proposer(space)
    rng = random.Random(seed)
    networks: dict[str, Node] = {}
    while len(networks) < count:
        found = proposer.draw(rng)
        if isinstance(found, Candidate):
            networks.setdefault(text_of(found.expansion.network), found.expansion.network)
    nothing = np.zeros((count, 1))
    return assembled(study, space, networks, nothing, nothing, 0)


def _surface(scaled: Floats, rng: np.random.Generator) -> Floats:
    """Return a smooth random function of features at the networks, standardised: waves in random directions."""
    directions = rng.standard_normal((scaled.shape[1], 40)) * 0.7
    phases = rng.uniform(0, 2 * np.pi, 40)
    found: Floats = np.cos(scaled @ directions + phases) @ rng.standard_normal(40)
    return (found - found.mean()) / max(float(found.std()), 1e-9)
