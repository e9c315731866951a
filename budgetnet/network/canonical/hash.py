"""When two architectures are the same network: one hash for all ways to write it."""

from __future__ import annotations

import hashlib

from budgetnet.network.canonical.normal_form import Flow
from budgetnet.network.canonical.ordering import describe_flow
from budgetnet.network.nodes import Node

__all__ = ["canonical_hash"]


def canonical_hash(node: Node) -> str:
    """Return 32 hexadecimal digits that are equal only for networks that compute the same function.

    The hash is of what flows from input to output, see `budgetnet.network.canonical.normal_form`: identities, single
    repetitions, the order of summands and factors, how a graph names its values, and parts that never reach the
    output do not matter. Equal hash means: with the same weights in the same layers, the same outputs (up to
    the rounding of sums in another order). Since parts without effect are left out, two networks of one hash may
    differ in parameters that nothing reads; their counts are their own.
    """
    flow = Flow()
    result = flow.apply(node, (0,))
    return hashlib.blake2b(describe_flow(flow.values, result).encode(), digest_size=16).hexdigest()
