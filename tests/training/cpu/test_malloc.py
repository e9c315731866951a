"""Keeping freed memory, and what becomes of memory errors."""

from __future__ import annotations

import sys

import pytest

from budgetnet.errors import TrainingError
from budgetnet.training.cpu.malloc import keep_freed_memory
from budgetnet.training.oom import memory_errors


def test_keeping_memory_never_fails() -> None:
    """The answer is yes or no, the same each time, and no on systems without glibc."""
    first = keep_freed_memory()
    assert isinstance(first, bool)
    assert keep_freed_memory() is first
    assert first is False or sys.platform.startswith("linux")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4096 bytes"),
        RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
    ],
)
def test_memory_errors_become_training_errors(error: Exception) -> None:
    """All of torch's ways to say it end in one message that names the work."""
    message = r"memory ran out while baking .*; use a smaller batch"
    with pytest.raises(TrainingError, match=message), memory_errors("baking"):
        raise error


def test_other_errors_pass_through() -> None:
    """A shape error is no memory error."""
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), memory_errors("baking"):
        raise RuntimeError("shapes cannot be multiplied")
