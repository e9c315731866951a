"""One text for all orders in which the values of a network can be listed.

The text names every value by a number given in one fixed walk from the output, so equal texts mean equal
networks. The walk visits the parts of a sum or product in the order of fingerprints, which depend on what a
value is made from and on what is made from it; where two fingerprints tie without the parts being
interchangeable, equal networks may get two texts (a duplicate is trained twice), never the other way round.

A residual network of n blocks has sums of 1, 2 … n parts. Where that makes more than `MOST_INPUTS` in all,
`budgetnet.network.canonical.long_sums` describes the network in a time that grows with n alone.
"""

from __future__ import annotations

from operator import itemgetter

from budgetnet.network.canonical.flow import FlowValue, digest, opens, reached, sizes
from budgetnet.network.canonical.long_sums import describe_long_sums

__all__ = ["MOST_INPUTS", "describe_flow"]

MOST_INPUTS = 1 << 14
"""Inputs of all values together, with those of sums in full; as many as 180 skips in a row at one width have."""


def describe_flow(values: list[FlowValue], result: int, most: int = MOST_INPUTS) -> str:
    """Describe all that *result* depends on, one line per value, inputs before what is made from them.

    Args:
        values: each after its inputs.
        result: position of the one that is described.
        most: see `MOST_INPUTS`.
    """
    counts = sizes(values)
    if sum(counts) > most:
        live, _ = reached(values, result)
        if sum(counts[position] for position in live) > most:
            return describe_long_sums(values, result)
    return _describe(_opened(values), result)


def _opened(values: list[FlowValue]) -> list[FlowValue]:
    """The same values with the inputs of sums and products in full, in order."""
    found: list[FlowValue] = []
    for position, value in enumerate(values):
        full = value
        if value.commutes:
            flat: list[int] = []
            for part in value.inputs:
                flat.extend(found[part].inputs if opens(values, position, part) else (part,))
            full = FlowValue(value.operation, tuple(sorted(flat)))
        found.append(full)
    return found


def _describe(values: list[FlowValue], result: int) -> str:
    live = _live(values, result)
    fingerprints = _fingerprints(values, live)
    numbers: dict[int, int] = {}
    lines: list[str] = []
    waiting = [(result, False)]
    while waiting:
        position, ready = waiting.pop()
        if position in numbers:
            continue
        operation, inputs, _, _ = values[position]
        if not ready:
            waiting.append((position, True))
            if len(inputs) == 1:
                waiting.append((inputs[0], False))
                continue
            left = [part for part in inputs if part not in numbers]
            if operation in ("add", "mul"):
                left.sort(key=fingerprints.__getitem__)
            waiting.extend([(part, False) for part in reversed(left)])
            continue
        used = [numbers[part] for part in inputs]
        if operation in ("add", "mul"):
            used.sort()
        numbers[position] = len(numbers)
        lines.append(f"{operation} <- {' '.join(map(str, used))}")
    return "\n".join(lines)


def _live(values: list[FlowValue], result: int) -> list[int]:
    """Positions of what *result* depends on, in order."""
    seen = {result}
    for position in range(result, -1, -1):
        if position in seen:
            seen.update(values[position].inputs)
    return sorted(seen)


def _fingerprints(values: list[FlowValue], live: list[int]) -> dict[int, str]:
    """One pass from the input (what a value is made from), one from the output (what it is used for)."""
    below: dict[int, str] = {}
    for position in live:
        operation, inputs, _, _ = values[position]
        if len(inputs) == 1:
            below[position] = digest(f"{operation}|{below[inputs[0]]}")
        elif not inputs:
            below[position] = digest(operation)
        else:
            parts = list(itemgetter(*inputs)(below))
            if operation in ("add", "mul"):
                parts.sort()
            below[position] = digest("|".join((operation, *parts)))
    uses: dict[int, list[str]] = {position: [] for position in live}
    both: dict[int, str] = {}
    for position in reversed(live):
        used = uses[position]
        used.sort()
        own = both[position] = digest("|".join((below[position], *used)))
        operation, inputs, _, _ = values[position]
        if operation in ("add", "mul"):
            for part in inputs:
                uses[part].append(own)
        else:
            for place, part in enumerate(inputs):
                uses[part].append(f"{own} {place}")
    return both
