"""The text of a network with long sums, in a time that grows with its length alone.

The values are as in `budgetnet.network.canonical.ordering`, but a sum is not written in full. It stands for the
multiset of its parts, and the digest of a multiset is the sum of its parts' digests: one skip more is one digest more.
Values are numbered level by level, where a value's level is the length of the longest way to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from budgetnet.network.canonical.flow import FlowValue, digest, multiset_digest, opens, reached

__all__ = ["describe_long_sums"]


def describe_long_sums(values: list[FlowValue], result: int) -> str:
    """Describe all that *result* depends on, one line per value, inputs before what is made from them.

    Args:
        values: each after its inputs.
        result: position of the one that is described.
    """
    live, opened = reached(values, result)
    order = sorted(live | opened)
    fingerprints = _fingerprints(values, order, live)
    numbers: dict[int, int] = {}
    terms: dict[int, int] = {}
    lines = ["long sums"]
    for level in _levels(values, order):
        keys: dict[int, str] = {}
        for position in level:
            value = values[position]
            if value.commutes:
                terms[position] = _terms(values, position, terms, lambda part: str(numbers[part]))
                keys[position] = f"{terms[position]:032x}"
            else:
                keys[position] = " ".join([str(numbers[part]) for part in value.inputs])
        named = [(fingerprints[position], keys[position], position) for position in level if position in live]
        for _, key, position in sorted(named):
            numbers[position] = len(numbers)
            lines.append(f"{values[position].operation} <- {key}")
    return "\n".join(lines)


def _terms(values: list[FlowValue], position: int, known: dict[int, int], text: Callable[[int], str]) -> int:
    """The digest of a sum's (or product's) parts, each by a text; *known* holds those of the sums that it opens."""
    parts = values[position].inputs
    return multiset_digest(
        [text(part) for part in parts if not opens(values, position, part)],
        [known[part] for part in parts if opens(values, position, part)],
    )


def _levels(values: list[FlowValue], order: list[int]) -> list[list[int]]:
    """The values by the length of the longest way to them; a sum is on the level of the sums that it opens."""
    level: dict[int, int] = {}
    found: dict[int, list[int]] = defaultdict(list)
    for position in order:
        ways = [level[part] + (not opens(values, position, part)) for part in values[position].inputs]
        level[position] = max(ways, default=0)
        found[level[position]].append(position)
    return [found[number] for number in sorted(found)]


def _fingerprints(values: list[FlowValue], order: list[int], live: set[int]) -> dict[int, str]:
    """One pass from the input (what a value is made from), one from the output (what it is used for)."""
    below: dict[int, str] = {}
    terms: dict[int, int] = {}
    for position in order:
        value = values[position]
        if value.commutes:
            terms[position] = _terms(values, position, terms, below.__getitem__)
            below[position] = digest(f"{value.operation}|{terms[position]:x}")
        else:
            below[position] = digest("|".join((value.operation, *[below[part] for part in value.inputs])))
    uses: dict[int, int] = dict.fromkeys(order, 0)
    """Uses of each value, as the digest of a multiset."""
    around: dict[int, int] = dict.fromkeys(order, 0)
    """Uses of the sums that open a sum: they use its parts."""
    both: dict[int, str] = {}
    for position in reversed(order):
        own = both[position] = digest(f"{below[position]}|{uses[position]:x}")
        value = values[position]
        if not value.commutes:
            for place, part in enumerate(value.inputs):
                uses[part] = multiset_digest([f"{own} {place}"], [uses[part]])
            continue
        used = multiset_digest([own] if position in live else [], [around[position]])
        for part in value.inputs:
            into = around if opens(values, position, part) else uses
            into[part] = multiset_digest([], [into[part], used])
    return both
