"""``model.pte``: what happens without its libraries, and what the folder's check reads of it."""

from __future__ import annotations

import json

import pytest
import torch

from budgetnet.errors import RequestError
from budgetnet.export import formats as formats_module
from budgetnet.export.folder import PTE
from budgetnet.export.formats import read_formats
from budgetnet.export.mcu.lower import Scaling
from budgetnet.export.verify import folder_check


def test_without_the_extra_the_message_says_how_to_install_it(monkeypatch) -> None:
    """A format whose libraries are missing is refused before anything is written."""
    monkeypatch.setattr(formats_module, "find_spec", lambda name: None if name == "executorch" else name)
    message = (
        r"--format pte needs executorch, torchao, but executorch is not installed; install them with: pip install "
        r"'budgetnet\[mcu\]'"
    )
    with pytest.raises(RequestError, match=message):
        read_formats("pte")
    assert "pte" not in read_formats(None)


def test_scaling_goes_there_and_back() -> None:
    """Values are rounded to steps and kept within int8."""
    scaling = Scaling(0.5, 10)
    values = torch.tensor([-200.0, -1.0, 0.0, 0.7, 100.0])
    assert scaling.quantise(values).tolist() == [-128, 8, 10, 11, 127]
    assert scaling.real(scaling.quantise(values)).tolist() == [-69.0, -1.0, 0.0, 0.5, 58.5]


@pytest.fixture
def folder(tmp_path):
    """A folder with a file that looks like a program, and what config.json says of it."""
    content = b"\x00\x00\x00\x00ET12" + bytes(100)
    (tmp_path / PTE).write_bytes(content)
    scaling = {"scale": 0.25, "zero_point": 0}
    told = {"target": "cortex-m4", "bytes": len(content), "ram": 2048, "input": scaling, "output": scaling}
    (tmp_path / "config.json").write_text(json.dumps({"pte": told}))
    return tmp_path


def checked(folder, answers):
    """The result of the check of the program."""
    check = folder_check.Folder(folder)
    check.config = json.loads((folder / "config.json").read_text())
    check.samples = {"logits_pte": answers}
    return check.pte()


def test_the_folder_check_reads_a_program(folder, monkeypatch) -> None:
    """Size, identity and the stored answers' steps are held against config.json."""
    monkeypatch.setattr(folder_check.importlib.util, "find_spec", lambda _: None)
    answers = torch.tensor([[0.25, -1.5]]).numpy()
    assert checked(folder, answers) == (
        "an ExecuTorch program of 108 bytes for cortex-m4, 2,048 bytes of RAM; executorch is not installed, so its "
        "input was not read"
    )
    with pytest.raises(folder_check.WrongError, match="are not multiples of the scale in config"):
        checked(folder, answers + 0.1)
    (folder / PTE).write_bytes(b"\x00\x00\x00\x00ET12" + bytes(99))
    with pytest.raises(folder_check.WrongError, match=r"model\.pte has 107 bytes, config\.json says 108"):
        checked(folder, answers)
    (folder / PTE).write_bytes(bytes(108))
    with pytest.raises(folder_check.WrongError, match=r"model\.pte is not an ExecuTorch program"):
        checked(folder, answers)
