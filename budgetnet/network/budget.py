"""Upper bounds on what a network may cost, and by how much a network breaks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, assert_never

from budgetnet.keys.declare import check_keys, key, read_values
from budgetnet.network.cost.types import Cost

__all__ = ["Bound", "Budget", "Excess"]

Bound = Literal["params", "flops", "activations", "peak_activation_bytes", "depth"]

_NONE = "no bound"

_WHAT: dict[Bound, str] = {
    "params": "parameters",
    "flops": "FLOPs",
    "activations": "activations",
    "peak_activation_bytes": "bytes of peak activation memory",
    "depth": "layers in depth",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """A bound that a network breaks."""

    bound: Bound
    limit: int
    actual: int

    @property
    def ratio(self) -> float:
        """How far above the limit, as a fraction: 0.067 is 6.7 % over."""
        return self.actual / self.limit - 1

    def __str__(self) -> str:
        """``213,440 parameters, 6.7 % over 200,000``."""
        return f"{self.actual:,} {_WHAT[self.bound]}, {_percent(self.ratio)} over {self.limit:,}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The most that a network may cost; None is no bound. A network exactly at a bound fits.

    Raises:
        StudyError: a bound is not a whole number above 0.
    """

    params: int | None = key(
        None, "Learned values.", left_out=_NONE, low=1, unit="parameters", example="200k", also=("parameters",)
    )
    flops: int | None = key(
        None, "Multiply-adds for one image.", left_out=_NONE, low=1, unit="FLOPs", example="20M", also=("macs",)
    )
    activations: int | None = key(
        None,
        "Values put out by convolutions and linear layers, for one image.",
        left_out=_NONE,
        low=1,
        unit="values",
        example="100k",
    )
    peak_activation_bytes: int | None = key(
        None,
        "The most bytes of activations that are needed at once, in float32, for one image.",
        in_bytes=True,
        left_out=_NONE,
        low=1,
        unit="bytes",
        example="64KiB",
        also=("memory",),
    )
    depth: int | None = key(
        None, "Convolutions and linear layers on the longest path.", left_out=_NONE, low=1, unit="layers", example="20"
    )

    def __post_init__(self) -> None:
        """Check every field."""
        check_keys(self)

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> Budget:
        """Return the budget that a mapping describes.

        Args:
            values: bounds to numbers, or to texts as study files write them: ``{"params": "200k", "depth": 20}``.

        Raises:
            StudyError: an unknown bound (with the nearest known one) or a value that is no bound.
        """
        return cls(**read_values(cls, values))

    def bounds(self) -> dict[Bound, int]:
        """The bounds that are set, in the order of the fields."""
        limits: dict[Bound, int | None] = {
            "params": self.params,
            "flops": self.flops,
            "activations": self.activations,
            "peak_activation_bytes": self.peak_activation_bytes,
            "depth": self.depth,
        }
        return {name: limit for name, limit in limits.items() if limit is not None}

    def excess(self, cost: Cost) -> Excess | None:
        """Return the bound that *cost* breaks by the largest factor, or None if it fits."""
        broken = [
            Excess(bound=name, limit=limit, actual=actual)
            for name, limit in self.bounds().items()
            if (actual := _actual(cost, name)) > limit
        ]
        return max(broken, key=lambda excess: excess.ratio, default=None)

    def __str__(self) -> str:
        """``params ≤ 200,000, flops ≤ 60,000,000``, or ``no bound``."""
        return ", ".join(f"{name} ≤ {limit:,}" for name, limit in self.bounds().items()) or "no bound"


def _actual(cost: Cost, bound: Bound) -> int:
    match bound:
        case "params":
            return cost.params
        case "flops":
            return cost.flops
        case "activations":
            return cost.activations
        case "peak_activation_bytes":
            return cost.peak_activation_bytes
        case "depth":
            return cost.depth
        case _:
            assert_never(bound)


def _percent(ratio: float) -> str:
    percent = 100 * ratio
    if percent < 0.05:
        return "less than 0.1 %"
    return f"{percent:.1f} %" if percent < 100 else f"{percent:,.0f} %"
