"""Samples of networks that fit: drawn, counted, compared, and split into regions."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle

from budgetnet.derivation.decision import Label
from budgetnet.derivation.origins import OriginMachine
from budgetnet.errors import RequestError, SearchError
from budgetnet.explore.provenance import Provenance, plain
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.network.text import network_text, summary
from budgetnet.space.choosers import replay
from budgetnet.space.counting.table import Table
from budgetnet.space.judge import Candidate, draw
from budgetnet.space.lookahead.outlook import Outlook
from budgetnet.space.sampling import draw_fitting, draw_until
from budgetnet.space.space import Space
from budgetnet.space.within_budget import Band, Weighting
from budgetnet.text import counted

__all__ = ["Drawn", "Point", "Region", "Sample", "collect", "point_of", "sample_of"]

MOST_REPEATS_IN_A_ROW = 1000
"""Draws in a row that may repeat a network, beyond the number of networks known, before drawing stops."""
ARCH_WIDTH = 100
"""Characters of a network's short line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One network that fits."""

    params: int
    flops: int
    activations: int
    peak_activation_bytes: int
    depth: int
    receptive_field: int
    flash: int
    ram: int | None
    """None where the budget does not bound it."""
    arch: str
    """In a short line."""
    network: str
    """Its text."""
    hash: str
    """Canonical."""
    decisions: dict[str, Label]


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Mean costs over the sample of the calls that lead to a rule, without indices."""

    path: str
    """``stage#2.units``; empty for the whole network."""
    parent: str | None
    """The path that calls it; None of the whole network."""
    params: float
    """Mean over all networks of the sample, with what the region calls."""
    own_params: float
    """Parameters of the primitives written in the rule itself."""
    flops: float
    own_flops: float
    networks: int
    """Number of networks of the sample in which it occurs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Networks that fit, drawn by the grammar's prior given the budget."""

    points: tuple[Point, ...]
    seed: int
    rejected: dict[str, int]
    """Further draws that broke a bound which cannot be looked ahead for exactly."""
    regions: tuple[Region, ...]
    """Each after the one that it is part of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Result of `collect`."""

    candidates: tuple[Candidate, ...]
    hashes: tuple[str, ...]
    """Canonical, one per candidate."""
    rejected: dict[str, int]
    """Draws that broke a bound and were drawn again, by `budgetnet.space.judge.Rejection.reason`."""
    repeated: int
    """Draws of a network that was drawn before: kept among the candidates, or dropped where distinct ones are asked."""


def collect(
    space: Space,
    table: Table | Outlook | None,
    n: int,
    *,
    seed: int = 0,
    weighting: Weighting = "prior",
    bands: Sequence[Band] = (),
    distinct: bool = False,
) -> Drawn:
    """Draw *n* networks that keep all bounds of the budget.

    Args:
        space: what to draw from.
        table: of the space, or an outlook; without them the grammar's prior is drawn from, and what does not fit is
            drawn again.
        n: how many.
        seed: equal seeds give equal networks.
        weighting: see `budgetnet.space.within_budget.derive_within_budget`; ``uniform`` needs a table.
        bands: draw from each of them in turn; needs a table.
        distinct: leave out networks of a canonical hash that was drawn before.

    Raises:
        RequestError: distinct networks were asked for, and there are not so many.
        SearchError: nothing fits, or is not found.
    """
    if distinct and isinstance(table, Table) and table.fitting is not None and table.fitting < n:
        raise RequestError(
            f"{counted(n, 'different network')} requested, but the grammar has only "
            f"{counted(table.fitting, 'derivation')} within {space.budget}; ask for at most "
            f"{table.fitting:,}, or raise the budget"
        )
    rng = random.Random(seed)  # noqa: S311 (no secret)
    rejected: Counter[str] = Counter()
    places: Iterator[Band | None] = cycle(bands or (None,))
    candidates: list[Candidate] = []
    hashes: list[str] = []
    known: set[str] = set()
    repeated = in_a_row = 0
    while len(candidates) < n:
        band = next(places)
        if table is None:
            found = draw_until(space, lambda _: draw(space, rng), rejected)
        else:
            found = draw_fitting(table, rng, weighting=weighting, band=band, rejected=rejected)
        name = canonical_hash(found.expansion.network)
        if name in known:
            repeated += 1
            in_a_row += 1
            if distinct and in_a_row > MOST_REPEATS_IN_A_ROW + len(known):
                raise RequestError(
                    f"{counted(n, 'different network')} requested, but {counted(in_a_row - 1, 'draw')} in a row gave "
                    f"none besides the {len(known):,} found; ask for at most {len(known):,}, draw by the other "
                    "weighting or raise the budget"
                )
            if distinct:
                continue
        else:
            in_a_row = 0
        known.add(name)
        candidates.append(found)
        hashes.append(name)
    return Drawn(candidates=tuple(candidates), hashes=tuple(hashes), rejected=dict(rejected), repeated=repeated)


def point_of(candidate: Candidate, name: str) -> Point:
    """Describe a network; *name* is its canonical hash."""
    network = candidate.expansion.network
    return Point(
        **asdict(candidate.cost),
        arch=summary(network, ARCH_WIDTH),
        network=network_text(network),
        hash=name,
        decisions=candidate.expansion.decisions,
    )


def sample_of(space: Space, table: Table | Outlook | None, n: int, seed: int) -> Sample | None:
    """Draw networks that fit, and see where their costs go; None if nothing fits.

    Args:
        space: what to draw from.
        table: see `collect`.
        n: how many; some may be equal.
        seed: equal seeds give equal networks.
    """
    try:
        found = collect(space, table, n, seed=seed)
    except SearchError:
        return None
    return Sample(
        points=tuple(map(point_of, found.candidates, found.hashes)),
        seed=seed,
        rejected=found.rejected,
        regions=_regions(space, found.candidates),
    )


def _regions(space: Space, candidates: Sequence[Candidate]) -> tuple[Region, ...]:
    """The mean cost of each path of rules, each path after the one that calls it."""
    machine = space.make_machine(OriginMachine)
    own: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    whole: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    occurs: Counter[str] = Counter()
    for candidate in candidates:
        placing = Provenance(space)
        placing.follow(machine, replay(candidate.expansion.decisions, _refuse), [])
        there: set[str] = set()
        for part in placing.parts:
            path = plain(part.path)
            for entry in (*_above(path), path):
                there.add(entry)
                whole[entry][0] += part.params
                whole[entry][1] += part.flops
            own[path][0] += part.params
            own[path][1] += part.flops
        occurs.update(there)
    n = len(candidates)
    return tuple(
        Region(
            path=path,
            parent=_above(path)[-1] if path else None,
            params=whole[path][0] / n,
            own_params=own[path][0] / n,
            flops=whole[path][1] / n,
            own_flops=own[path][1] / n,
            networks=occurs[path],
        )
        for path in sorted(whole, key=lambda path: (path.count(".") + bool(path), -whole[path][0]))
    )


def _above(path: str) -> list[str]:
    """The paths that lead to a path, from the empty one: ``["", "stage#2"]`` of ``stage#2.units``."""
    parts = path.split(".")
    return ["", *(".".join(parts[:length]) for length in range(1, len(parts)))] if path else []


def _refuse(decision: object) -> int:
    raise AssertionError(f"a recorded derivation has an answer to {decision}")
