"""Hardware, versions and command of a training: stored with its result, so that anyone can tell later."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from budgetnet.text import masked

__all__ = ["environment", "unlike"]

_PACKAGES = ("budgetnet", "optuna", "fvcore", "numpy")
_INSTRUCTIONS = (
    "avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "avx_vnni", "amx_tile", "amx_bf16", "amx_int8",
    "amx_fp16", "asimd", "asimddp", "i8mm", "bf16", "sve", "svebf16", "sve2", "sme",
)  # fmt: skip
"""Instruction sets that the kernels of torch and oneDNN are chosen by, as Linux spells them (x86, then ARM)."""
_CHOOSERS = ("ONEDNN_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE", "ATEN_CPU_CAPABILITY", "MKL_CBWR")
"""Environment variables that change this choice."""
_DECIDING = (
    "processor", "instructions", "capability", "accelerator", "torch", "numpy", "budgetnet", "cuda", "cudnn",
    "deterministic", *_CHOOSERS,
)  # fmt: skip
"""Keys that the last bits of a training depend on, besides threads, precision and device."""


def environment(device: torch.device | None = None) -> dict[str, Any]:
    """Return hardware, versions and the command of this process, as JSON holds them.

    Args:
        device: where trainings run; a GPU is described, too.
    """
    model, flags = _processor()
    found: dict[str, Any] = {
        "processor": model,
        "cores": os.cpu_count() or 1,
        "memory_bytes": _memory(),
        "instructions": [name for name in _INSTRUCTIONS if name in flags],
        "capability": torch.backends.cpu.get_cpu_capability(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "command": masked(shlex.join(["budgetnet", *sys.argv[1:]])),  # without the place it is installed in
        "torch": str(torch.__version__),  # with its build: builds for CPU and CUDA do not sum alike
        "deterministic": torch.are_deterministic_algorithms_enabled(),
    }
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue  # run from a checkout that is not installed
    found |= {name: os.environ[name] for name in _CHOOSERS if name in os.environ}
    if device is not None and device.type == "cuda":
        found |= {
            "accelerator": torch.cuda.get_device_name(device),
            "accelerator_memory_bytes": torch.cuda.get_device_properties(device).total_memory,
            "cuda": torch.version.cuda or torch.version.hip,
            "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        }
    return {name: value for name, value in found.items() if value is not None}


def unlike(then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what differs between two environments of what the last bits of a training depend on: (then, now).

    Empty if nothing is known about then.
    """
    if not then:
        return {}
    return {name: (then.get(name), now.get(name)) for name in _DECIDING if then.get(name) != now.get(name)}


def _processor() -> tuple[str, frozenset[str]]:
    """The processor's name as its maker writes it, and its instruction sets, where the system tells."""
    facts: dict[str, str] = {}
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            facts.setdefault(name.strip(), value.strip())
    except OSError:
        pass
    model = facts.get("model name") or platform.processor() or platform.machine()
    return model, frozenset((facts.get("flags") or facts.get("Features") or "").split())


def _memory() -> int | None:
    """The machine's memory in bytes, where the system tells."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
