"""``model.pte``: what happens without its libraries, and what the folder's check reads of it."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest
import torch

import budgetnet as bn
from budgetnet.errors import RequestError
from budgetnet.export import formats as formats_module
from budgetnet.export import model_card
from budgetnet.export.folder import PTE
from budgetnet.export.formats import read_formats
from budgetnet.export.mcu import write
from budgetnet.export.mcu.lower import TARGET, Scaling, lower
from budgetnet.export.verify import folder_check
from budgetnet.export.verify.ask_folder import write_check
from budgetnet.export.verify.run_pte import PteProgram
from budgetnet.training.data.images import Images


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


def test_the_card_knows_every_file_of_the_check(tmp_path) -> None:
    """Those that only some folders carry, too."""
    write_check(tmp_path, pte=True, pictures=True)
    names = {file.name for file in tmp_path.iterdir()}
    assert names == {"verify.py", "run_pte.py", "convert_picture.py"}
    assert names <= set(model_card._ABOUT)


def test_scaling_goes_there_and_back() -> None:
    """Values are rounded to steps and kept within int8."""
    scaling = Scaling(0.5, 10)
    values = torch.tensor([-200.0, -1.0, 0.0, 0.7, 100.0])
    assert scaling.quantise(values).tolist() == [-128, 8, 10, 11, 127]
    assert scaling.real(scaling.quantise(values)).tolist() == [-69.0, -1.0, 0.0, 0.5, 58.5]


@pytest.fixture(scope="module")
def lowered():
    """A small network as a program, with its images and what config.json says of it."""
    pytest.importorskip("executorch", reason="the extra mcu is not installed")
    pytest.importorskip("torchao", reason="the extra mcu is not installed")
    torch.manual_seed(0)
    text = "conv(3, 8) skip(conv(3, 8, dilation=2)) maxpool dwconv(3) gap linear(classes)"
    model = bn.build(bn.parse_network(text, input=(3, 8, 8), classes=4)).eval()
    images = torch.randn(24, 3, 8, 8)
    found = lower(model, images[:16], images)
    with torch.no_grad():
        return found, images.numpy(), model(images).numpy()


def told(found):
    """The part of config.json that the check reads."""
    document = {"target": TARGET, "bytes": len(found.program), "ram": found.ram, "kernels": found.kernels}
    return document | {"input": found.input.document(), "output": found.output.document()}


@pytest.fixture
def folder(tmp_path):
    """A folder's check, with stored logits of two formats."""
    check = folder_check.Folder(tmp_path)
    (tmp_path / PTE).write_bytes(bytes(8))
    logits = np.array([[2.0, -4.0]], dtype=np.float32)
    check.samples = {"logits": logits, "logits_pte": logits + 0.25}
    return check


def test_without_executorch_the_program_is_skipped(folder, monkeypatch) -> None:
    """Not taken for checked."""
    monkeypatch.setitem(sys.modules, "executorch", None)
    with pytest.raises(folder_check.SkippedError, match=r"executorch\.backends\.cortex_m\.passes is not installed"):
        folder.pte()


def test_stored_logits_must_be_near_those_in_float(folder) -> None:
    """Rounding moves them a little; another network's program is further away."""
    folder.samples["logits_pte"] = -folder.samples["logits"]
    message = "the stored logits_pte differ from those in float32 by up to 8, allowed is 2"
    with pytest.raises(folder_check.WrongError, match=message):
        folder.pte()


def test_a_program_runs_from_its_file(lowered) -> None:
    """On planned memory, with answers near the float network's, and the same ones whatever ran before."""
    found, images, expected = lowered
    program = PteProgram(found.program)
    program.check(told(found))
    assert program.ram == found.ram
    logits = program.answers(images, told(found))
    assert np.array_equal(logits, found.logits.numpy())
    assert np.array_equal(program.answers(images[::-1], told(found))[::-1], logits)
    assert np.abs(logits - expected).max() <= 0.1 * np.abs(expected).max()
    with pytest.raises(ValueError, match=r"model\.pte has ram [0-9,]+, config\.json says 7"):
        program.check({**told(found), "ram": 7})
    with pytest.raises(ValueError, match=r"the program takes images \(3, 8, 8\), not \(3, 8, 4\)"):
        program.answers(images[..., :4], told(found))


def test_several_images_at_once_get_the_same_answers(lowered) -> None:
    """Each in memory of its own, the last part of them being smaller."""
    found, images, _ = lowered
    logits = PteProgram(found.program, 7).answers(images, told(found))
    assert np.array_equal(logits, found.logits.numpy())


def test_accuracy_on_test_images_is_counted(lowered, monkeypatch) -> None:
    """By images at once, or one by one where a kernel does not take several; with the same result."""
    found, _, _ = lowered
    test = Images(torch.randint(0, 256, (9, 3, 8, 8), dtype=torch.uint8), torch.arange(9) % 4)
    program = write.MicrocontrollerProgram(
        lowered=found, bytes=0, calibration_images=0, compared_images=0, agreement=None
    )
    inputs = test.normalisation.apply(test.pixels(torch.arange(9))).numpy()
    answers = PteProgram(found.program).answers(inputs, told(found)).argmax(axis=1)

    class Same(torch.nn.Module):
        def forward(self, images):
            return torch.nn.functional.one_hot(torch.from_numpy(answers[: len(images)]), 4)

    tested = write.with_test_accuracy(program, Same(), test)
    assert tested.test_accuracy == float((answers == test.labels.numpy()).mean())
    assert (tested.test_images, tested.test_agreement) == (9, 1.0)
    monkeypatch.setattr(write, "_several_at_once", lambda *_: None)
    assert write.with_test_accuracy(program, Same(), test).test_accuracy == tested.test_accuracy


def test_a_memory_plan_with_overlaps_gives_other_answers(lowered) -> None:
    """A tensor that a later kernel reads lies where another kernel writes."""
    found, images, _ = lowered
    program = PteProgram(found.program)
    sizes = [value for value in program._values if isinstance(value, torch.Tensor) and value.dtype == torch.int8]
    planned = [tensor for tensor in sizes if tensor.untyped_storage().nbytes() == program.ram]
    first = next(tensor for tensor in planned if tensor.shape[1:] == (8, 8, 8))
    first.set_(first.untyped_storage(), 0, first.shape, first.stride())
    moved = [tensor for tensor in planned if tensor.shape == first.shape and tensor is not first]
    for tensor in moved:
        tensor.set_(tensor.untyped_storage(), 0, tensor.shape, tensor.stride())
    assert not np.array_equal(program.answers(images, told(found)), found.logits.numpy())


def test_the_check_of_a_folder_runs_its_program(lowered, tmp_path) -> None:
    """A changed weight in the file is found by its logits."""
    found, images, expected = lowered
    check = folder_check.Folder(tmp_path)
    check.config = {"pte": told(found)}
    check.samples = {"inputs": images, "logits": expected, "logits_pte": found.logits.numpy()}
    (tmp_path / PTE).write_bytes(found.program)
    assert re.fullmatch(
        r"[0-9,]+ bytes; 7 kernels in [0-9,]+ bytes of RAM; the logits differ from the stored ones by at most 0, .*",
        check.pte(),
    )
    weights = max(PteProgram(found.program)._storage, key=len)
    changed = bytes(byte ^ 0x40 for byte in weights)
    (tmp_path / PTE).write_bytes(found.program.replace(weights, changed))
    with pytest.raises(folder_check.WrongError, match="the logits differ from the stored ones by up to"):
        check.pte()


def test_something_else_is_not_a_program(lowered) -> None:
    """Said in a sentence."""
    with pytest.raises(ValueError, match="the file is not an ExecuTorch program"):
        PteProgram(bytes(100))
