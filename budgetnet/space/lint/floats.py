"""Warnings about layers that have no int8 kernel, in a space whose budget is in bytes of a microcontroller."""

from __future__ import annotations

from collections.abc import Iterable

from budgetnet.network.int8.memory import footprint
from budgetnet.network.nodes import Custom, Primitive, Shape
from budgetnet.space.space import Space

__all__ = ["float_layers"]


def float_layers(space: Space, parts: Iterable[tuple[Primitive, Shape]]) -> str | None:
    """Return a warning about operations that stay in float32 on a Cortex-M; None if nobody wants to know, or none do.

    Args:
        space: its budget decides whether anybody wants to know.
        parts: operations with the shapes of their inputs.
    """
    if space.budget.flash is None and space.budget.ram is None:
        return None
    found: dict[str, None] = {}
    for part, entry in parts:
        own = {part.name: 1} if isinstance(part, Custom) else footprint(part, entry, {}, flattened=False).in_float
        found.update(dict.fromkeys(own))
    if not found:
        return None
    listed, verb = ", ".join(sorted(found)), "has" if len(found) == 1 else "have"
    return (
        f"{listed} {verb} no int8 kernel on a Cortex-M processor and would run in float32, with 4 bytes per value; "
        f"leave {'it' if len(found) == 1 else 'them'} out, or expect more RAM and time"
    )
