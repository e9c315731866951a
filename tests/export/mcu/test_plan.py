"""Memory plans: tensors that are alive together do not overlap, and little more is needed than is alive at once."""

from __future__ import annotations

import random

from budgetnet.export.mcu.plan import first_fit, place_tensors

TENSORS = [(24, 0, 1), (16, 3, 4), (10, 2, 3), (6, 1, 2)]


def needed(tensors, places):
    """Return the bytes that a plan needs, after a look at every pair."""
    entries = list(zip(places, tensors, strict=True))
    for number, (one, (size, first, last)) in enumerate(entries):
        for other, (more, begun, ended) in entries[:number]:
            assert last < begun or ended < first or one + size <= other or other + more <= one
    return max(place + size for place, (size, _, _) in entries)


def test_first_fit_may_waste_memory_and_placing_anew_finds_the_least() -> None:
    """The largest first leave a gap here; 30 bytes are alive at moment 1, and suffice."""
    assert needed(TENSORS, first_fit(TENSORS)) == 32
    assert needed(TENSORS, place_tensors(TENSORS)) == 30


def test_chains_with_skips_need_what_is_alive_at_once() -> None:
    """In random chains, where some tensors are read again later, plans need at most 10 % more."""
    rng = random.Random(0)
    for _ in range(10):
        tensors = [(16 * rng.randint(1, 64), at, at + rng.choice((1, 1, 1, 3))) for at in range(30)]
        least = max(sum(size for size, first, last in tensors if first <= at <= last) for at in range(34))
        assert least <= needed(tensors, place_tensors(tensors)) <= 1.1 * least


def test_nothing_needs_nothing() -> None:
    """A program without tensors has an empty plan."""
    assert place_tensors([]) == []
