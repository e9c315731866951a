"""Upper bounds on what a network may cost, and by how much a network breaks them.

All bounds but latency follow from the network's text (`Bound`). Latency is measured on the machine that searches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from budgetnet.errors import StudyError
from budgetnet.keys.declare import check_keys, key, read_values
from budgetnet.network.cost.types import Cost
from budgetnet.numbers import time_text

__all__ = ["MAXIMA", "Bound", "Budget", "Excess"]

Bound = Literal["params", "flops", "activations", "peak_activation_bytes", "depth", "flash", "ram"]

MAXIMA: frozenset[Bound] = frozenset({"peak_activation_bytes", "ram"})
"""Bounds on a maximum over a network's parts; the others are sums, or the longest path."""

_NONE = "no bound"

_WHAT: dict[Bound, str] = {
    "params": "parameters",
    "flops": "FLOPs",
    "activations": "activations",
    "peak_activation_bytes": "bytes of peak activation memory",
    "depth": "layers in depth",
    "flash": "bytes of flash in int8",
    "ram": "bytes of RAM in int8",
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

    Flash and RAM are those of the network in int8 on a Cortex-M processor, in closed form: see `budgetnet.ops.int8` and
    `budgetnet.network.int8.memory`.

    Raises:
        StudyError: a bound is not a whole number above 0.
    """

    params: int | None = key(
        None,
        "Learned values. A list, such as `[50k, 100k, 200k]`, asks for the best network within each of them, by one "
        "search.",
        left_out=_NONE,
        low=1,
        unit="parameters",
        example="200k",
        also=("parameters",),
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
    flash: int | None = key(
        None,
        "Bytes of flash that the network's constants take in int8 (weights, biases and scales), with `runtime`.",
        in_bytes=True,
        left_out=_NONE,
        low=1,
        unit="bytes",
        example="128KiB",
        also=("rom", "storage"),
    )
    ram: int | None = key(
        None,
        "Bytes of RAM that the network needs at once in int8, for one image: tensors and scratch buffers.",
        in_bytes=True,
        left_out=_NONE,
        low=1,
        unit="bytes",
        example="64KiB",
        also=("sram", "arena"),
    )
    runtime: int = key(
        0,
        "Bytes of flash that runtime, program and application take; they count towards `flash`.",
        in_bytes=True,
        low=0,
        unit="bytes",
        example="50KiB",
    )

    latency: float | None = key(
        None,
        "Time for one image on the machine that searches: measured there before each training (PyTorch, one thread), "
        "never predicted, so that nobody can count beforehand what keeps it. It belongs to this machine.",
        kind="time",
        left_out=_NONE,
        above=0,
        high=60,
        example="5ms",
        also=("time", "speed", "milliseconds"),
    )
    """In seconds."""

    def __post_init__(self) -> None:
        """Check every field."""
        check_keys(self)
        if self.flash is not None and self.flash <= self.runtime:
            raise StudyError(
                f"flash must be more than the runtime's {self.runtime:,} bytes, but got {self.flash:,}; raise flash or "
                "lower runtime"
            )

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
        """The bounds that are set and follow from a network's text, in the order of the fields."""
        return {name: limit for name in _WHAT if (limit := getattr(self, name)) is not None}

    def excess(self, cost: Cost) -> Excess | None:
        """Return the bound that *cost* breaks by the largest factor, or None if it fits."""
        worst: Excess | None = None
        for name in _WHAT:
            limit = getattr(self, name)
            if limit is not None and (actual := self.actual(cost, name)) > limit:
                broken = Excess(bound=name, limit=limit, actual=actual)
                if worst is None or broken.ratio > worst.ratio:
                    worst = broken
        return worst

    def actual(self, cost: Cost, bound: Bound) -> int:
        """Return what a network costs of that which *bound* limits.

        Raises:
            ValueError: nobody worked out its RAM.
        """
        if bound == "flash":
            return cost.flash + self.runtime
        if bound == "ram" and cost.ram is None:
            raise ValueError("the cost was worked out without ram; pass ram=True")
        found: int = getattr(cost, bound)
        return found

    def document(self) -> dict[str, int | float]:
        """Return it for JSON; latency in seconds."""
        told: dict[str, int | float] = {str(name): limit for name, limit in self.bounds().items()}
        told |= {"runtime": self.runtime} if self.runtime else {}
        return told | ({} if self.latency is None else {"latency": self.latency})

    def __str__(self) -> str:
        """``params ≤ 200,000, flops ≤ 60,000,000``, or ``no bound``."""
        listed = [f"{name} ≤ {limit:,}" for name, limit in self.bounds().items()]
        if self.flash is not None and self.runtime:
            listed = [f"{text} with a runtime of {self.runtime:,}" if "flash" in text else text for text in listed]
        if self.latency is not None:
            listed.append(f"latency ≤ {time_text(self.latency)}")
        return ", ".join(listed) or "no bound"


def _percent(ratio: float) -> str:
    percent = 100 * ratio
    if percent < 0.05:
        return "less than 0.1 %"
    return f"{percent:.1f} %" if percent < 100 else f"{percent:,.0f} %"
