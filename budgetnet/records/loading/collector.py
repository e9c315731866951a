"""Python's collector of reference cycles, held back while many records are read: it would look at all of them often."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["collector_held_back"]


@contextmanager
def collector_held_back() -> Iterator[None]:
    """Let the collector rest inside the block; records hold no cycles, so nothing is kept that it would free."""
    active = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if active:
            gc.enable()
