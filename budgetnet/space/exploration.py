"""What a look at a space found: plain numbers, ready for JSON, a table or a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import numpy as np

from budgetnet.network.budget import Bound
from budgetnet.network.expand import Label

__all__ = ["LEVELS", "Bin", "Census", "Exploration", "OptionShare", "Quantiles", "RuleCost", "Share"]

LEVELS = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
"""The quantiles that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A fraction and how far to trust it."""

    value: float
    """Between 0 and 1."""
    error: float
    """Standard error; 0 where the value is exact."""

    @staticmethod
    def of(hits: int, draws: int) -> Share:
        """Estimate a fraction from draws.

        The error is that of the fraction shrunk towards one half by two hits and two misses (Agresti and Coull
        1998), so that no hit in a hundred draws is not taken for certainty.
        """
        if draws == 0:
            return Share(value=0.0, error=0.5)
        shrunk = (hits + 2) / (draws + 4)
        return Share(value=hits / draws, error=sqrt(shrunk * (1 - shrunk) / (draws + 4)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles:
    """The spread of a number over networks; see `LEVELS`."""

    count: int
    """How many networks."""
    mean: float
    values: tuple[int, ...]
    """One per level; each is a value that occurred."""

    @staticmethod
    def of(numbers: Sequence[int]) -> Quantiles | None:
        """Return the quantiles, or None of nothing."""
        if not numbers:
            return None
        found = np.quantile(np.asarray(numbers, dtype=np.int64), LEVELS, method="lower")
        return Quantiles(count=len(numbers), mean=float(np.mean(numbers)), values=tuple(int(value) for value in found))


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCost:
    """What one rule adds to the networks it occurs in."""

    rule: str
    networks: int
    """Complete networks drawn in which it occurs."""
    own_params: Quantiles
    """Parameters of the primitives written in the rule itself, all its occurrences in a network together."""
    own_flops: Quantiles
    params: Quantiles
    """With the rules that it calls."""
    flops: Quantiles
    params_share: float
    """Mean share of a network's parameters that the rule's own primitives hold, over networks it occurs in."""
    fits: Share
    """How many of the networks it occurs in fit the budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionShare:
    """How an option of a decision fares; decisions that differ only in a repetition's index are one."""

    decision: str
    """Name without indices: ``stage.block.kind``."""
    label: Label
    draws: int
    """Derivations in which the option was taken at least once."""
    fits: Share
    """How many of them gave a network that fits."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """A space seen through networks drawn by the grammar's prior: all but the census are estimates."""

    draws: int
    seed: int
    fits: Share
    """Share of draws that are networks within the budget."""
    distinct: int
    """Different networks (by canonical hash) among those that fit."""
    reasons: dict[str, int]
    """Why the others are none, most frequent first; see `budgetnet.space.draw.Rejection.reason`."""
    examples: dict[str, str]
    """One rejected draw's text for each reason."""
    params: Quantiles | None
    """Of all complete networks, fitting or not; None if there were none."""
    flops: Quantiles | None
    fitting_params: Quantiles | None
    """Of the networks that fit."""
    fitting_flops: Quantiles | None
    rules: tuple[RuleCost, ...]
    """Most parameters (mean of own) first."""
    options: tuple[OptionShare, ...]
    """In the order in which the decisions were first met."""
    census: Census | None = None
    """The exact numbers; None where the space was not counted through."""
    no_census: str = ""
    """Why not; empty if it was not asked for."""

    def to_json(self) -> dict[str, Any]:
        """Return numbers, words, lists and dictionaries only."""
        return {"method": "sampled", "levels": list(LEVELS), **asdict(self)}
