"""Views of a space that a figure can show: its networks by cost, and a sample of those that fit."""

from __future__ import annotations

from dataclasses import dataclass

from budgetnet.derivation.decision import Label
from budgetnet.explore.estimates import Share
from budgetnet.network.budget import Bound

__all__ = ["Bar", "Histogram", "Point", "Region", "Sample"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """Draws by cost."""

    low: int
    high: int
    """Included."""
    draws: Share
    """Probability that the grammar's own draw is a network that costs so much."""
    fits: Share
    """Probability that it also keeps all bounds."""
    derivations: int | None
    """How many derivations cost so much, exactly; None where they were not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """All networks of a space by one cost, as the grammar draws them."""

    bound: Bound
    limit: int | None
    """The budget's; the end of a bar unless the bars come from `budgetnet.space.counting.distribution`."""
    exact: bool
    """Whether `Bar.draws` is exact; else it is estimated."""
    precision: int
    """By how much a network's cost may be off where the shares are exact, at most; 0: it lies in its bar."""
    fits_exact: bool
    """Whether `Bar.fits` is exact, too: the budget has no other bound."""
    bars: tuple[Bar, ...]
    beyond: Share
    """Probability of a network that costs more than the last bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One network that fits."""

    params: int
    flops: int
    activations: int
    peak_activation_bytes: int
    depth: int
    receptive_field: int
    arch: str
    """In a short line."""
    network: str
    """Its text."""
    hash: str
    """Canonical."""
    decisions: dict[str, Label]


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Where costs go, on average over the sample: the calls that lead to a rule, without indices."""

    path: str
    """``stage#2.units``; empty for the whole network."""
    parent: str | None
    """The path that calls it; None of the whole network."""
    params: float
    """Mean over all networks of the sample, with what the region calls."""
    own_params: float
    """Of the primitives written in the rule itself."""
    flops: float
    own_flops: float
    networks: int
    """In how many networks of the sample it occurs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Networks that fit, drawn by the grammar's prior given the budget."""

    points: tuple[Point, ...]
    seed: int
    rejected: dict[str, int]
    """Further draws that broke a bound which cannot be looked ahead for exactly."""
    regions: tuple[Region, ...]
    """Each after the one that it is part of."""
