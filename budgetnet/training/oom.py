"""Conversion of out-of-memory errors to `TrainingError`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from budgetnet.errors import TrainingError

__all__ = ["memory_errors"]


@contextmanager
def memory_errors(work: str) -> Iterator[None]:
    """Raise `TrainingError`, naming *work*, if the block runs out of memory; other errors pass through."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise _error(work, error) from error
    except RuntimeError as error:
        # On a CPU torch raises a plain RuntimeError from its allocator.
        text = str(error).lower()
        if "not enough memory" in text or "allocate memory" in text or "out of memory" in text:
            raise _error(work, error) from error
        raise


def _error(work: str, error: BaseException) -> TrainingError:
    first_line = (str(error).splitlines() or [type(error).__name__])[0]
    return TrainingError(
        f"memory ran out while {work} ({first_line.strip()}); use a smaller batch, a smaller budget for peak memory, "
        "or fewer workers at once"
    )
