"""Keeping freed memory in the process, so a training step does not fault its pages in again.

glibc returns blocks above 128 KiB to the system as soon as they are freed. Activations have that size and are freed
and allocated again thousands of times; each time the kernel must clear the pages. Measured on two AVX-512 BF16
cores with networks of 60k to 115k parameters: 10 to 25 % more images per second with the blocks kept.
"""

from __future__ import annotations

import ctypes
import functools
import sys

__all__ = ["keep_freed_memory"]

_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
_KEPT_BYTES = (1 << 30, 1 << 25)
"""Largest block kept, in bytes: newer versions of glibc accept any size, older ones at most 32 MiB."""


@functools.cache
def keep_freed_memory() -> bool:
    """Ask glibc to keep freed blocks (see `_KEPT_BYTES`); return whether it did (False without glibc)."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    mallopt.argtypes = [ctypes.c_int, ctypes.c_int]
    mallopt.restype = ctypes.c_int
    kept = any(mallopt(_MMAP_THRESHOLD, size) for size in _KEPT_BYTES)
    return kept and bool(mallopt(_TRIM_THRESHOLD, -1))
