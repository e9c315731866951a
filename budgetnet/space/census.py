"""What the table of a space says about it as a whole: exact numbers, and what had to be left open."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from math import sqrt
from statistics import fmean, stdev
from typing import Any

from budgetnet.network.budget import Bound
from budgetnet.space.choosers import prior
from budgetnet.space.draw import Candidate, judge
from budgetnet.space.exploration import Share
from budgetnet.space.fitting import derive
from budgetnet.space.recognise import count_derivations
from budgetnet.space.table import Table

__all__ = ["Bin", "Census", "take_census"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Networks by cost."""

    low: int
    """Least cost on the axis, included."""
    high: int
    """Largest cost, included."""
    derivations: int
    prior: float
    """Probability that the grammar's own draw lies here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """A space counted through. Numbers are of derivations; one network may have several."""

    axis: Bound | None
    """The bound that numbers "within the budget" refer to; others are in `all_bounds`."""
    bound: int
    derivations: int | None
    """Of networks of any cost, exactly; None if parts above the bound were too many to look into."""
    fitting: int | None
    """Of networks within the axis' bound, exactly; None if costs could not be told apart."""
    smallest: int | None
    """Least cost of a network on the axis."""
    prior: dict[str, float]
    """Where the grammar's own draws end, exactly; see `budgetnet.space.table.Table.prior`."""
    bins: tuple[Bin, ...]
    """Up to the bound; empty if costs could not be told apart."""
    all_bounds: Share | None
    """Share of the fitting derivations that keep the other bounds too (estimated); None if there are no others."""
    unique: Share | None
    """Different networks per fitting derivation (estimated); below 1 where the grammar says a thing in several ways."""
    states: int
    seconds: float
    """What the table took to make."""
    note: str
    """What is missing and why; empty if nothing is."""

    def to_json(self) -> dict[str, Any]:
        """Return numbers, words, lists and dictionaries only."""
        return {"method": "exact", **asdict(self)}


def take_census(table: Table, *, draws: int = 100, seed: int = 0, bins: int = 40) -> Census:
    """Sum up a table.

    Args:
        table: of the space.
        draws: for the two estimates.
        seed: of those draws.
        bins: of the histogram, of equal width from the smallest network to the bound.
    """
    notes = []
    if table.derivations is None:
        notes.append(f"states above the budget were left out after {table.states:,}")
    if not table.exact:
        notes.append(f"telling costs apart would need {table.bytes / 2**30:.1f} GiB of memory")
    all_bounds, unique = (None, None) if not table.fitting else _estimates(table, draws, seed)
    return Census(
        axis=table.axis,
        bound=table.bound,
        derivations=table.derivations,
        fitting=table.fitting,
        smallest=table.smallest,
        prior=table.prior,
        bins=_bins(table, bins),
        all_bounds=all_bounds,
        unique=unique,
        states=table.states,
        seconds=table.seconds,
        note="; ".join(notes),
    )


def _bins(table: Table, count: int) -> tuple[Bin, ...]:
    least = table.smallest
    if not table.fitting or least is None or table.axis is None:
        return ()
    width = max(1, -(-(table.bound + 1 - least) // count))
    found = []
    for low in range(least, table.bound + 1, width):
        high = min(low + width - 1, table.bound)
        derivations, mass = table.between(low, high)
        found.append(Bin(low=low, high=high, derivations=derivations, prior=mass))
    return tuple(found)


def _estimates(table: Table, draws: int, seed: int) -> tuple[Share | None, Share]:
    """From uniform draws within the axis' bound: the share that keeps all bounds, and networks per derivation."""
    rng = random.Random(seed)  # noqa: S311 (no secret)
    kept = 0
    weights = []
    for _ in range(draws):
        expansion = derive(table, prior(rng), weighting="uniform", axis_only=True)
        kept += isinstance(judge(table.space, expansion), Candidate)
        weights.append(1 / count_derivations(expansion.network, table.space))
    error = stdev(weights) / sqrt(draws) if draws > 1 else 0.5
    unique = Share(value=fmean(weights), error=error)
    return (Share.of(kept, draws) if table.others else None), unique
