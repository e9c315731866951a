"""Choosing a device and a precision."""

from __future__ import annotations

import pytest
import torch

from budgetnet.errors import RequestError
from budgetnet.training import device as module
from budgetnet.training.device import choose_device, choose_precision


def test_cpu_is_always_there_and_auto_always_answers() -> None:
    """``cpu`` gives the processor; ``auto`` gives something usable."""
    assert choose_device("cpu") == torch.device("cpu")
    assert torch.zeros(1, device=choose_device("auto")).item() == 0


@pytest.mark.parametrize("wanted", ["gpu", "cuda:x", "cpu:0", "cuda:-1", "", "GPU:0"])
def test_unknown_devices_name_the_legal_ones(wanted: str) -> None:
    """Anything else is refused with the list."""
    with pytest.raises(RequestError, match=r"must be one of auto, cpu, cuda, mps or cuda:NUMBER, but got"):
        choose_device(wanted)


def test_a_missing_gpu_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking for a GPU that torch does not see names what there is."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(
        RequestError, match=r"must be one of auto, cpu on this machine, but got 'cuda'; torch .* sees no GPU here"
    ):
        choose_device("cuda")
    with pytest.raises(
        RequestError, match=r"must be one of auto, cpu on this machine, but got 'mps'; torch sees no Apple GPU"
    ):
        choose_device("mps")


def test_a_gpu_number_beyond_the_last_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """GPUs are numbered from 0."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(
        RequestError,
        match=r"must be one of auto, cpu, cuda, cuda:0 on this machine, but got 'cuda:1'; GPUs are numbered",
    ):
        choose_device("cuda:1")


def test_auto_precision_follows_the_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    """bfloat16 only where it is native; asking for one by name always works."""
    cpu = torch.device("cpu")
    assert choose_precision("float32", cpu) == torch.float32
    assert choose_precision("bfloat16", cpu) == torch.bfloat16
    for native, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(module, "_native_bfloat16", lambda _, native=native: native)
        assert choose_precision("auto", cpu) == expected


def test_a_torch_without_the_private_question_trains_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """If torch cannot say what the processor has, the safe precision is taken."""
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported", raising=False)
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported", raising=False)
    assert choose_precision("auto", torch.device("cpu")) == torch.float32
