"""Results of an exploration: plain numbers, ready for JSON, a table or a figure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from budgetnet.derivation.decision import Label
from budgetnet.explore.estimates import QUANTILE_LEVELS, Mean, Quantiles, Share
from budgetnet.explore.histogram import Histogram
from budgetnet.explore.sample import Sample
from budgetnet.network.budget import Bound
from budgetnet.space.counting.distribution import Bin
from budgetnet.space.lookahead.estimate import SpaceEstimate
from budgetnet.text import notebook_html

__all__ = [
    "Cause",
    "Effect",
    "Exact",
    "ExactCounts",
    "Exploration",
    "OptionShare",
    "RuleCost",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCost:
    """Cost of one rule in the networks it occurs in."""

    rule: str
    networks: int
    """Complete networks drawn in which it occurs."""
    own_params: Quantiles
    """Parameters of the primitives written in the rule itself, summed over its occurrences in a network."""
    own_flops: Quantiles
    params: Quantiles
    """With the rules that it calls."""
    flops: Quantiles
    params_share: float
    """Mean share of a network's parameters that the rule's own primitives hold, over networks it occurs in."""
    fits: Share
    """Share of the networks it occurs in that fit the budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionShare:
    """Results of one option of a decision; decisions that differ only in a repetition's index are one."""

    decision: str
    """Name without indices: ``stage.block.kind``."""
    label: Label
    draws: int
    """Derivations in which the option was taken at least once."""
    fits: Share
    """Share of them that gave a network that fits."""
    params: Mean | None = None
    """Mean over the complete networks among them."""
    flops: Mean | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A reason for not fitting: the broken bound, and the place that contributes most to it."""

    reason: str
    """A bound, ``shape`` or ``argument``; see `budgetnet.space.judge.Rejection.reason`."""
    place: str
    """For a bound the calls that lead to the rule whose own primitives cost most, without indices:
    ``stage#2.units.unit``; empty for the rule that derives the whole network. Else the complaint itself."""
    draws: int
    share: Share
    """Share of all draws."""
    held: float | None
    """Mean share of the broken bound's cost that the place holds (of memory: 1); None where it is no bound."""
    excess: float | None
    """Mean excess over the bound, as a fraction of it."""
    example: str
    """Message of the first of these draws."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """Exact effect of an option on the share that keeps the bound on the census' axis."""

    derivations: int
    """Number of derivations that take it at least once and end in a network."""
    fitting: int
    """Number of those within the axis' bound."""
    taken: float
    """Probability that the grammar's own draw takes it."""
    fits: float
    """Probability that such a draw is within the axis' bound."""
    fits_without: float | None
    """The same of a draw that does not take it; None if every draw does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Effect of one option at one place in the text on the share that fits, for all calls that lead there."""

    rule: str
    site: str
    """Name of the choice: ``conv.kernel``, ``block.count``, ``kind``."""
    kind: str
    """alternative, count, optional or value."""
    label: Label
    line: int
    """Line of the place in its text, from 1."""
    draws: int
    """Derivations in which it was taken at least once."""
    fits: Share
    """Share of them that keep all bounds (estimated)."""
    without: Share
    """Share of the other draws that keep all bounds (estimated)."""
    exact: Exact | None = None
    """For the axis alone; None where it was not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactCounts:
    """Exact numbers of a space. They count derivations; one network may have several."""

    axis: Bound | None
    """The bound that numbers "within the budget" refer to; others are in `all_bounds`."""
    bound: int
    derivations: int | None
    """Exact number for networks of any cost; None if too many parts above the bound were left out."""
    fitting: int | None
    """Exact number for networks within the axis' bound; None if costs could not be told apart."""
    fitting_between: tuple[int, int] | None = None
    """Bounds on that number where costs were rounded; None where it is exact."""
    fits_between: tuple[float, float] | None = None
    """Bounds on the share of the grammar's own draws within the axis' bound where costs were rounded."""
    smallest: int | None
    """Least cost of a network on the axis."""
    prior: dict[str, float]
    """Exact shares of the grammar's own draws by outcome; see `budgetnet.space.counting.table.Table.prior`."""
    bins: tuple[Bin, ...]
    """Up to the bound; empty if costs could not be told apart."""
    all_bounds: Share | None
    """Share of the fitting derivations that keep the other bounds too (estimated); None if there are no others."""
    unique: Share | None
    """Different networks per fitting derivation (estimated); below 1 where the grammar says a thing in several ways."""
    states: int
    seconds: float
    """Seconds that making the table took."""
    note: str
    """Missing numbers and the reason; empty if none are missing."""


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
    """Why the others do not fit, most frequent first; see `budgetnet.space.judge.Rejection.reason`."""
    examples: dict[str, str]
    """One rejected draw's text for each reason."""
    params: Quantiles | None
    """Quantiles over all complete networks, fitting or not; None if there were none."""
    flops: Quantiles | None
    fitting_params: Quantiles | None
    """Quantiles over the networks that fit."""
    fitting_flops: Quantiles | None
    rules: tuple[RuleCost, ...]
    """Most parameters (mean of own) first."""
    options: tuple[OptionShare, ...]
    """In the order in which the decisions were first met."""
    census: ExactCounts | None = None
    """The exact numbers; None where the space was not counted completely."""
    no_census: str = ""
    """Why not; empty if it was not asked for."""
    estimate: SpaceEstimate | None = None
    """Estimates from draws that look ahead, where the space was not counted completely; also None if nothing fits."""
    causes: tuple[Cause, ...] = ()
    """The ten most common reasons for not fitting."""
    effects: tuple[Effect, ...] = ()
    """Every option of the text that was drawn, place by place in the order in which they were first met."""
    histograms: tuple[Histogram, ...] = ()
    """By parameters and by FLOPs; empty if not asked for."""
    sample: Sample | None = None
    """Networks that fit; None if not asked for, or if there are none."""

    def _repr_html_(self) -> str | None:
        """Show it in a notebook."""
        return notebook_html(self)

    def to_json(self) -> dict[str, Any]:
        """Return numbers, words, lists and dictionaries only."""
        return {"method": "sampled", "levels": list(QUANTILE_LEVELS), **asdict(self)}
