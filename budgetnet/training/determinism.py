"""One seed, one result: which switches torch needs for that, and what they leave open.

On a processor a training is a function of its seed, the number of threads, the versions and the instruction sets: sums
are split by the number of threads, and each library sums in its own order. The switches change nothing there.

On an NVIDIA GPU they make cuDNN and cuBLAS choose algorithms that add in a fixed order. An operator that has none (some
backward passes of pooling) runs all the same; then two runs may differ in the last bits.
"""

from __future__ import annotations

import os
import warnings

import torch

__all__ = ["one_result_per_seed"]

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def one_result_per_seed() -> None:
    """Switch this process to deterministic algorithms; must be called before it first uses a GPU."""
    os.environ.setdefault(_WORKSPACE, ":4096:8")  # cuBLAS reads it once, when it starts
    torch.backends.cudnn.benchmark = False  # would choose algorithms by a race of stopwatches
    torch.use_deterministic_algorithms(True, warn_only=True)
    # New memory would be filled with NaN, against programs that read what they have not written; that costs time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    warnings.filterwarnings("ignore", message=".*does not have a deterministic implementation")
