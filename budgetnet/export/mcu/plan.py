"""Memory planning: where each tensor of a program lies.

ExecuTorch's own algorithm often needs a third more than is alive at once. Here tensors are placed one by one, the
largest first, each at the lowest address where it overlaps nothing that is alive at the same time (Pisarchyk and Lee,
"Efficient memory management for deep neural net inference", arXiv 2001.03288, "greedy by size" with offsets). Then the
tensor that ends highest is placed first and the others anew, as long as that may help. ExecuTorch keeps the better of
the two plans.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["first_fit", "place_tensors", "planners"]

_Tensor = tuple[int, int, int]
"""Size, first and last moment."""

ROUNDS = 500
"""Times that tensors are placed anew."""


def planners(needed: list[int]) -> Any:
    """Return the algorithms among which ExecuTorch keeps the one that needs least.

    Args:
        needed: takes the bytes that ExecuTorch's own algorithm would need.
    """
    from executorch.exir.memory_planning import MemoryPlanningAlgorithmSuite, greedy

    def own(*given: Any, **named: Any) -> Any:
        found = greedy(*given, **named)
        needed.append(sum(found.bufsizes))
        return found

    return MemoryPlanningAlgorithmSuite([own, _planned])


def _planned(alignment: int, specs: Any, graph_module: Any, graph_signature: Any, extra_padding: int = 0) -> Any:
    """Place all tensors; where some share another's storage, as ExecuTorch does."""
    from executorch.exir.memory_planning import MemoryAlgoResult, SpecAllocResult, greedy

    if any(spec.storage_base is not None or spec.mem_id not in (None, 1) for spec in specs):
        return greedy(alignment, specs, graph_module, graph_signature, extra_padding)
    for spec in specs:
        spec.realign(alignment)
    listed = list(specs)
    places = place_tensors([(spec.allocated_memory, *spec.lifetime) for spec in listed])
    pairs = list(zip(listed, places, strict=True))
    found = {spec: SpecAllocResult(1, number, place) for number, (spec, place) in enumerate(pairs)}
    whole = max((place + spec.allocated_memory for spec, place in pairs), default=0)
    return MemoryAlgoResult(found, [0, whole + extra_padding])


def place_tensors(tensors: Sequence[_Tensor]) -> list[int]:
    """Return an address for each tensor, so that few bytes are needed in all.

    >>> place_tensors([(24, 0, 1), (16, 3, 4), (10, 2, 3), (6, 1, 2)])  # 30 bytes, which are alive at moment 1
    [6, 0, 16, 0]
    """
    moments = {moment for _, first, last in tensors for moment in (first, last)}
    least = max((sum(size for size, first, last in tensors if first <= at <= last) for at in moments), default=0)
    order = sorted(range(len(tensors)), key=lambda number: (-tensors[number][0], tensors[number][1:]))
    best, needed = [0] * len(tensors), None
    for _ in range(ROUNDS):
        placed = first_fit([tensors[number] for number in order])
        ends = [place + tensors[number][0] for place, number in zip(placed, order, strict=True)]
        whole = max(ends, default=0)
        if needed is None or whole < needed:
            needed = whole
            for place, number in zip(placed, order, strict=True):
                best[number] = place
        if whole == least:
            break
        order.insert(0, order.pop(ends.index(whole)))
    return best


def first_fit(tensors: Sequence[_Tensor]) -> list[int]:
    """Place tensors one by one, each at the lowest address that is free while it lives; return their addresses."""
    places: list[int] = []
    for size, first, last in tensors:
        place = 0
        for start, taken in sorted(
            (start, other[0])
            for start, other in zip(places, tensors, strict=False)
            if first <= other[2] and other[1] <= last
        ):
            if place + size <= start:
                break
            place = max(place, start + taken)
        places.append(place)
    return places
