"""Deterministic training: the settings that torch needs for it, and their limits.

On a CPU, the result depends only on the seed, the number of threads, the library versions and the instruction set: sums
are split by the number of threads, and each library adds in its own order. The settings change nothing there.

On an NVIDIA GPU they make cuDNN and cuBLAS choose algorithms that add in a fixed order. Operators without such an
algorithm (some backward passes of pooling) still run, so two runs may differ in the last bits.
"""

from __future__ import annotations

import os
import warnings

import torch

__all__ = ["one_result_per_seed"]

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def one_result_per_seed() -> None:
    """Switch this process to deterministic algorithms; call this before the first use of a GPU."""
    os.environ.setdefault(_WORKSPACE, ":4096:8")  # cuBLAS reads it once, when it starts
    torch.backends.cudnn.benchmark = False  # would choose algorithms by measured time
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling new memory with NaN would expose reads of uninitialised memory, but costs time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    warnings.filterwarnings("ignore", message=".*does not have a deterministic implementation")
