"""Choice of the device and the precision of a training."""

from __future__ import annotations

import torch

from budgetnet.errors import RequestError, nearest
from budgetnet.training.recipe.recipe import Precision

__all__ = ["choose_device", "choose_precision"]

LEGAL_DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(wanted: str = "auto") -> torch.device:
    """Return the device that *wanted* names.

    Args:
        wanted: ``auto`` (an NVIDIA or AMD GPU if torch sees one, else Apple's, else the CPU), ``cpu``,
            ``cuda``, ``cuda:1`` and so on, or ``mps``.

    Raises:
        RequestError: no such kind of device, or none of that kind on this machine.
    """
    kind, _, number = wanted.partition(":")
    if kind not in LEGAL_DEVICES or (number and (kind != "cuda" or not number.isdigit())):
        raise RequestError(
            f"device must be one of {', '.join(LEGAL_DEVICES)} or cuda:NUMBER, but got {wanted!r}"
            f"{nearest(kind, LEGAL_DEVICES) or '; a graphics card is called cuda'}"
        )
    if kind == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    if kind == "cuda" and not torch.cuda.is_available():
        raise RequestError(
            f"device must be one of {', '.join(_present())} on this machine, but got {wanted!r}; "
            f"torch {torch.__version__} sees no GPU here"
        )
    if kind == "cuda" and number and int(number) >= torch.cuda.device_count():
        raise RequestError(
            f"device must be one of {', '.join(_present())} on this machine, but got {wanted!r}; "
            "GPUs are numbered from 0"
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise RequestError(
            f"device must be one of {', '.join(_present())} on this machine, but got 'mps'; "
            "torch sees no Apple GPU here"
        )
    return torch.device(wanted)


def choose_precision(wanted: Precision, device: torch.device) -> torch.dtype:
    """Return the type of activations in training: torch.float32 or torch.bfloat16.

    ``auto`` is bfloat16 where the hardware multiplies it natively (AVX-512 BF16 or AMX on a CPU; GPUs from
    compute capability 8.0), float32 elsewhere, since emulated bfloat16 is slower than float32.
    """
    match wanted:
        case "float32":
            return torch.float32
        case "bfloat16":
            return torch.bfloat16
        case "auto":
            return torch.bfloat16 if _native_bfloat16(device) else torch.float32


def _present() -> list[str]:
    """Return the device names that work on this machine."""
    names = ["auto", "cpu"]
    if torch.cuda.is_available():
        names += ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        names.append("mps")
    return names


def _native_bfloat16(device: torch.device) -> bool:
    """Return whether *device* multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    # torch has no public function for this; both private ones exist since 2.4, and without them the answer is unknown.
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        supported = getattr(torch.cpu, name, None)
        if supported is not None and supported():
            return True
    return False
