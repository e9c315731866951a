"""Opens an export as someone without budgetnet would: run as a script, in a process of its own.

Usage: ``python run_isolated.py FOLDER QUESTIONS ANSWERS THREADS``. QUESTIONS is a safetensors file with uint8
``pixels`` (N, C, H, W) and float32 ``inputs`` of the same shape; ANSWERS gets ``outputs``, the logits (N, K) of
the exported network with the exported weights on ``inputs``, ``prepared``, the export's own preprocessing of
``pixels``, and ``params``, the number of learned values.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

__all__ = ["run_isolated"]


class _WithoutBudgetnet(MetaPathFinder):
    """Makes every import of budgetnet fail, installed or not."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the protocol's
        target: ModuleType | None = None,  # noqa: ARG002 - the protocol's
    ) -> ModuleSpec | None:
        """Refuse budgetnet, and leave everything else to the finders behind."""
        if fullname.partition(".")[0] == "budgetnet":
            raise ImportError(f"the exported network imports {fullname}, but it must stand alone")
        return None


def run_isolated(folder: str, questions: str, answers: str, threads: str) -> None:
    """Load the export, run it, write what came out."""
    sys.meta_path.insert(0, _WithoutBudgetnet())
    import torch
    from safetensors.torch import load_file, save_file

    # As many threads as the asking process, so that sums are taken in the same order.
    torch.set_num_threads(int(threads))
    spec = importlib.util.spec_from_file_location("network", Path(folder) / "network.py")
    assert spec is not None  # the path ends with .py
    assert spec.loader is not None
    network = importlib.util.module_from_spec(spec)
    sys.modules["network"] = network
    spec.loader.exec_module(network)
    model = network.load()
    asked = load_file(questions)
    with torch.no_grad():
        outputs = model(asked["inputs"])
        prepared = network.preprocess(asked["pixels"])
    params = sum(parameter.numel() for parameter in model.parameters())
    save_file(
        {"outputs": outputs.contiguous(), "prepared": prepared.contiguous(), "params": torch.tensor([params])}, answers
    )


if __name__ == "__main__":
    run_isolated(*sys.argv[1:])
