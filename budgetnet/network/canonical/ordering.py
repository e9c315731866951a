"""One text for all orders in which the values of a network can be listed.

The text names every value by a number given in one fixed walk from the output, so equal texts mean equal
networks. The walk visits the parts of a sum or product in the order of fingerprints, which depend on what a
value is made from and on what is made from it; where two fingerprints tie without the parts being
interchangeable, equal networks may get two texts (a duplicate is trained twice), never the other way round.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

__all__ = ["FlowValue", "describe_flow"]


@dataclass(frozen=True, slots=True)
class FlowValue:
    """One tensor of a network and the operation that makes it."""

    operation: str
    """Operation with all its arguments: ``conv 3 16 1 1 1 1 False``, ``add``."""
    inputs: tuple[int, ...]
    """Earlier values, by their position in the list."""
    weighted: bool = False
    """True if the operation has its own weights, so that running it twice gives two values."""
    random: bool = False
    """True if running it twice gives two values in training (dropout)."""

    @property
    def commutes(self) -> bool:
        """True if the order of its inputs does not matter."""
        return self.operation in ("add", "mul")


def describe_flow(values: list[FlowValue], result: int) -> str:
    """Describe all that *result* depends on, one line per value, inputs before what is made from them."""
    live = _live(values, result)
    fingerprints = _fingerprints(values, live)
    numbers: dict[int, int] = {}
    lines: list[str] = []
    waiting = [(result, False)]
    while waiting:
        position, ready = waiting.pop()
        if position in numbers:
            continue
        value = values[position]
        if not ready:
            inputs = sorted(value.inputs, key=lambda part: fingerprints[part]) if value.commutes else value.inputs
            waiting.append((position, True))
            waiting.extend((part, False) for part in reversed(inputs))
            continue
        used = [numbers[part] for part in value.inputs]
        if value.commutes:
            used.sort()
        numbers[position] = len(numbers)
        lines.append(f"{value.operation} <- {' '.join(map(str, used))}")
    return "\n".join(lines)


def _live(values: list[FlowValue], result: int) -> list[int]:
    """Positions of what *result* depends on, in order."""
    seen = {result}
    waiting = [result]
    while waiting:
        for part in values[waiting.pop()].inputs:
            if part not in seen:
                seen.add(part)
                waiting.append(part)
    return sorted(seen)


def _fingerprints(values: list[FlowValue], live: list[int]) -> dict[int, str]:
    """One pass from the input (what a value is made from), one from the output (what it is used for)."""
    below: dict[int, str] = {}
    for position in live:
        value = values[position]
        inputs = [below[part] for part in value.inputs]
        below[position] = _digest(value.operation, sorted(inputs) if value.commutes else inputs)
    uses: dict[int, list[str]] = {position: [] for position in live}
    both: dict[int, str] = {}
    for position in reversed(live):
        both[position] = _digest(below[position], sorted(uses[position]))
        value = values[position]
        for place, part in enumerate(value.inputs):
            uses[part].append(both[position] if value.commutes else f"{both[position]} {place}")
    return both


def _digest(head: str, parts: list[str]) -> str:
    return hashlib.blake2b("|".join((head, *parts)).encode(), digest_size=16).hexdigest()
