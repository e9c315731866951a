"""One value of a network's normal form, and sums within sums read as one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["FlowValue", "digest", "multiset_digest", "opens", "reached", "sizes"]

_MASK = (1 << 128) - 1


class FlowValue(NamedTuple):
    """One tensor of a network and the operation that makes it."""

    operation: str
    """Operation with all its arguments: ``conv 3 16 1 1 1 1 False``, ``add``."""
    inputs: tuple[int, ...] = ()
    """Earlier values, by their position in the list. A sum among a sum's inputs is opened: its inputs are meant."""
    weighted: bool = False
    """True if the operation has its own weights, so that running it twice gives two values."""
    random: bool = False
    """True if running it twice gives two values in training (dropout)."""

    @property
    def commutes(self) -> bool:
        """True if the order of its inputs does not matter."""
        return self.operation in ("add", "mul")


def digest(text: str) -> str:
    """Return 32 hexadecimal digits that stand for a text."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def multiset_digest(texts: Iterable[str], inner: Iterable[int] = ()) -> int:
    """Return a number that stands for texts in any order, together with those that other numbers stand for.

    Digests are added up, so a set that grows by one text costs one digest, however large it is.
    """
    total = sum(inner)
    for text in texts:
        total += int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")
    return total & _MASK


def opens(values: list[FlowValue], position: int, part: int) -> bool:
    """Return True if the inputs of *part* are meant where the value at *position* names it."""
    value = values[position]
    return value.commutes and values[part].operation == value.operation


def sizes(values: list[FlowValue]) -> list[int]:
    """Return the number of each value's inputs, those of opened sums and products counted instead of them."""
    found: list[int] = []
    for position, value in enumerate(values):
        size = len(value.inputs)
        if value.commutes:
            size = sum(found[part] if opens(values, position, part) else 1 for part in value.inputs)
        found.append(size)
    return found


def reached(values: list[FlowValue], result: int) -> tuple[set[int], set[int]]:
    """Return what *result* depends on, itself included, and the sums and products that are opened on the way."""
    live, opened = {result}, set[int]()
    for position in range(result, -1, -1):
        if position in live or position in opened:
            for part in values[position].inputs:
                (opened if opens(values, position, part) else live).add(part)
    return live, opened
