"""Output shape and cost of one operation, cached per operation and input shape.

Memory: see `budgetnet.network.cost.dag_cost`, which says what `Part.free` and `Part.kept` mean.
"""

from __future__ import annotations

from functools import lru_cache

from budgetnet.ops.base import Operation, PartCost, Shape

__all__ = ["leaf"]


@lru_cache(maxsize=1 << 18)
def leaf(node: Operation, shape: Shape) -> PartCost:
    """Return what a built-in operation does to an input of *shape*.

    Raises:
        ShapeError: it cannot be applied to such an input.
        CountError: it is a study's own primitive.
    """
    return node.part(shape)
