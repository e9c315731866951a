"""Networks that several tests measure."""

from __future__ import annotations

import pytest

from budgetnet.network.tree import Conv, GlobalAvgPool, Node, Sequence, Skip

ORDER = "conv act norm drop"


def _block(dilation: int = 1, padding: int | str = "same") -> Node:
    grouped = Conv(3, 128, dilation=dilation, groups=32, padding=padding, bias="false", dropout=0.05, order=ORDER)
    return Sequence((grouped, Conv(1, 64, bias="false", dropout=0.05, order=ORDER)))


@pytest.fixture(scope="session")
def hand_made() -> Node:
    """A hand-made network of dilated residual blocks for images of 3 x 32 x 32 and 10 classes."""
    items: list[Node] = [Conv(3, 64, padding=0, bias="false", dropout=0.05, order=ORDER)]
    for _ in range(2):
        block = _block(padding=0)
        assert isinstance(block, Sequence)
        items += block.items
    items += [Skip(_block(dilation)) for dilation in (2, 4, 8, 12, 16, 20, 22)]
    return Sequence((*items, GlobalAvgPool(), Conv(1, 10, bias="false", norm="none", act="none")))
