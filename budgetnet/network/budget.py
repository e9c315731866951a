"""Upper bounds on what a network may cost, and by how much a network breaks them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Literal, assert_never

from budgetnet.errors import StudyError, nearest
from budgetnet.network.cost.types import Cost

__all__ = ["Bound", "Budget", "Excess", "parse_amount"]

Bound = Literal["params", "flops", "activations", "peak_activation_bytes", "depth"]

_WHAT: dict[Bound, str] = {
    "params": "parameters",
    "flops": "FLOPs",
    "activations": "activations",
    "peak_activation_bytes": "bytes of peak activation memory",
    "depth": "layers in depth",
}

_FACTORS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30} | {
    "k": 10**3,
    "m": 10**6,
    "g": 10**9,
}
_AMOUNT = re.compile(r"\s*([+-]?[0-9][0-9_,]*(?:\.[0-9]+)?(?:e[+-]?[0-9]{1,2})?)\s*([a-z]*)\s*", re.IGNORECASE)


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
    """The most that a network may cost; None is no bound. A network exactly at a bound fits."""

    params: int | None = None
    """Learned values."""
    flops: int | None = None
    """Multiply-adds for one image."""
    activations: int | None = None
    """Values put out by convolutions and linear layers."""
    peak_activation_bytes: int | None = None
    """Bytes of activations alive at once, float32, batch 1."""
    depth: int | None = None
    """Convolutions and linear layers on the longest path."""

    def __post_init__(self) -> None:
        for name, limit in self.bounds().items():
            if isinstance(limit, bool) or not isinstance(limit, int) or limit <= 0:
                raise StudyError(f"budget: {name} must be a whole number above 0, got {limit!r}")

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> Budget:
        """Read a budget as a study file writes it.

        Args:
            values: ``{"params": "200k", "flops": "1.5M", "peak_activation_bytes": "256kB"}``; numbers are taken as
                they are, k, M, G are powers of 1000, KiB, MiB, GiB powers of 1024.

        Raises:
            StudyError: an unknown bound (with the nearest known one) or an amount that is none.
        """
        names = [field.name for field in fields(cls)]
        limits: dict[str, int] = {}
        for name, value in values.items():
            if name not in names:
                raise StudyError(
                    f"budget: unknown bound {name!r}; known are {', '.join(names)}{nearest(str(name), names)}"
                )
            if value is not None:
                limits[name] = parse_amount(value, what=f"budget: {name}", in_bytes=name == "peak_activation_bytes")
        return cls(**limits)

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


def parse_amount(value: object, *, what: str, in_bytes: bool = False) -> int:
    """Read an amount such as ``200k``, ``1.5M``, ``60_000_000`` or, in bytes, ``256kB``.

    Args:
        value: a number, or a text of a number and a unit in either case.
        what: names the amount in errors.
        in_bytes: whether the units are those of memory.

    Raises:
        StudyError: it is no such text, or not a whole number above 0.
    """
    units = _BYTES if in_bytes else _FACTORS
    example = "256kB or 1MiB" if in_bytes else "200k, 1.5M or 60_000_000"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise StudyError(f"{what} must be an amount such as {example}, got {value!r}")
    match = _AMOUNT.fullmatch(str(value))
    if match is None:
        raise StudyError(f"{what} must be an amount such as {example}, got {value!r}")
    digits, unit = match.group(1), match.group(2).lower()
    if unit not in units:
        legal = [name for name in ("k", "M", "G") if name.lower() in units]
        legal += [name for name in ("kB", "MB", "GB", "KiB", "MiB", "GiB") if in_bytes]
        raise StudyError(f"{what}: unknown unit {match.group(2)!r} in {value!r}; legal are {', '.join(legal)}")
    amount = Fraction(digits.replace("_", "").replace(",", "")) * units[unit]
    if amount <= 0:
        raise StudyError(f"{what} must be above 0, got {value!r}")
    if amount != int(amount):
        raise StudyError(f"{what} must be a whole number, got {value!r}")
    return int(amount)
