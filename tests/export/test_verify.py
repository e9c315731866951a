"""Verification: every kind of tampering is found, by the check that it concerns."""

from __future__ import annotations

import dataclasses
import json
import py_compile
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from budgetnet.errors import DataError, RequestError
from budgetnet.export.documents import preprocessing
from budgetnet.export.folder import MANIFEST, write_manifest
from budgetnet.export.samples import sample_picture
from budgetnet.export.verify import folder_check
from budgetnet.export.verify import verify as verify_module
from budgetnet.export.verify.ask_folder import FolderCheck
from budgetnet.export.verify.verify import verify_folder
from budgetnet.training.data.conversion import Conversion
from budgetnet.training.data.load import ImageFolder, load_dataset
from tests.export.tamperings import left_out, replaced


@pytest.fixture
def folder(exported, tmp_path):
    """A copy of an export that may be spoilt, without the formats that take long to load."""
    copy = shutil.copytree(exported.folder, tmp_path / "copy")
    left_out(copy, "model.pt2")
    write_manifest(copy)
    return copy


@pytest.fixture(autouse=True)
def here(request, monkeypatch):
    """Run the folder's check in this process, which has torch already; `slow` tests run it as users do."""
    if "slow" in request.fixturenames:
        return

    def ask(place):
        return tuple(FolderCheck(**check) for check in folder_check.checks(place))

    monkeypatch.setattr(verify_module, "ask_folder", ask)


@pytest.fixture
def slow():
    """Marks a test that needs a process of its own."""


def verdict(folder: Path, *, renewed: bool = True) -> str:
    """The failed check and its reason; *renewed*: whoever tampered made the manifest fit again."""
    if renewed:
        write_manifest(folder)
    found = verify_folder(folder)
    assert not found.holds
    assert all(check.holds is not False for check in found.checks[:-1])
    return f"{found.checks[-1].check}: {found.checks[-1].text}"


def test_an_export_holds(exported, slow):
    """Every check, in its order, with the accuracy that was recorded."""
    found = verify_folder(exported.folder)
    assert found.holds
    lines = found.text()
    names = ("files", "config.json", "preprocessing", "network.py", "model.pt2", "model.onnx", "counts")
    last = ("network.yaml", "record.json", "README.md", "accuracy")
    assert [line.split()[1].rstrip(":") for line in lines] == [*names, *last]
    assert all(line.startswith("ok ") for line in lines)
    assert re.search(r"accuracy: [0-9.]+ % on 360 test images, recorded [0-9.]+ %", lines[-1])
    assert json.loads(json.dumps(found.document()))["holds"] is True


def test_a_changed_file_is_found(folder):
    """A byte, a missing file, one too many."""
    replaced(folder / "recipe.json", ('"epochs": 3', '"epochs": 4'))
    assert verdict(folder, renewed=False) == "files: recipe.json was changed: its SHA-256 is not the manifest's"
    (folder / "recipe.json").unlink()
    assert verdict(folder, renewed=False) == "files: recipe.json is missing"
    write_manifest(folder)
    (folder / "extra.py").write_text("import os\n")
    assert verdict(folder, renewed=False) == "files: extra.py is not in the manifest"


def test_a_changed_weight_is_found(folder):
    """By the logits, even if the manifest was made to fit."""
    weights = load_file(folder / "model.safetensors")
    weights["0.weight"][0, 0, 0, 0] += 0.5
    save_file(weights, folder / "model.safetensors")
    assert verdict(folder, renewed=False).startswith("files: model.safetensors ")
    assert verdict(folder).startswith("network.py: the logits differ from the stored ones by up to")


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        (
            "config.json",
            ('"params": {params}', '"params": 7'),
            "network.py: network.py has {params:,} parameters, conf",
        ),
        (
            "config.json",
            ('"flops": {flops}', '"flops": 7'),
            "counts: the counts of FLOPs differ: fvcore {flops:,}, the",
        ),
        ("network.yaml", ("params: {params}", "params: 7"), "counts: {folder}/network.yaml"),
        ("README.md", ("| {params:,} |", "| 7 |"), "README.md: the card says 7 for 'parameters', config.json and"),
    ],
)
def test_a_changed_count_is_found(exported, folder, name, change, reason):
    """Wherever it stands."""
    facts = {"params": exported.check.params, "flops": exported.check.flops, "folder": folder}
    replaced(folder / name, tuple(text.format(**facts) for text in change))
    assert verdict(folder).startswith(reason.format(**facts))


def test_swapped_classes_are_found(folder):
    """In one file by the others; in all of them by the accuracy on the test images."""
    swap = ('"3"', '"?"'), ('"5"', '"3"'), ('"?"', '"5"')
    replaced(folder / "config.json", *swap)
    assert verdict(folder) == "network.py: network.py and config.json have other classes: class 3 is '3' and '5'"
    replaced(folder / "network.py", *swap)
    assert verdict(folder) == "model.onnx: model.onnx and config.json have other classes: class 3 is '3' and '5'"
    left_out(folder, "model.onnx")
    found = verdict(folder)
    assert re.match(r"accuracy: [0-9.]+ % on 360 test images, recorded .*; allowed is a difference of 0\.10", found)


def test_another_preprocessing_is_found(folder):
    """In the configuration, in the code, and in both with the stored inputs made to fit."""
    mean, std = (
        value[0] for value in (load_dataset("digits").normalisation.mean, load_dataset("digits").normalisation.std)
    )
    replaced(folder / "network.py", (f"MEAN = ({mean!r},)", "MEAN = (0.5,)"))
    assert verdict(folder).startswith("network.py: the images preprocessed by network.py differ from the stored ones")
    replaced(folder / "config.json", (repr(mean), "0.5"))
    assert verdict(folder).startswith("preprocessing: the images preprocessed as config.json says differ")
    samples = load_file(folder / "samples.safetensors")
    samples["inputs"] = (samples["pixels"].float() / 255 - 0.5) / std
    save_file(samples, folder / "samples.safetensors")
    assert verdict(folder).startswith("network.py: the logits differ from the stored ones by up to")


@pytest.mark.parametrize(
    "conversion",
    [
        Conversion(size=(12, 9), channels=3),
        Conversion(size=(9, 12), channels=1, fit="pad", resampling="lanczos", background="grey"),
        Conversion(size=(12, 9), channels=3, fit="stretch", resampling="nearest", background="white"),
    ],
)
def test_another_conversion_of_pictures_is_found(tmp_path, conversion):
    """A stored picture shows what resampling, fit and background do; whoever reads the configuration can repeat it."""
    told = preprocessing(load_dataset("digits"), ImageFolder(tmp_path, **dataclasses.asdict(conversion)))
    told |= {"size": list(conversion.size), "colour": "grey" if conversion.channels == 1 else "RGB"}
    folder = folder_check.Folder(tmp_path)
    folder.samples = {name: tensor.numpy() for name, tensor in sample_picture(conversion).items()}
    folder.config = {"preprocessing": told}
    assert folder.picture().startswith("the pixels of the stored picture differ from the stored ones by at most 0,")
    for other in (
        {"resampling": "box"},
        {"fit": "stretch" if conversion.fit != "stretch" else "crop"},
        *([{"background": "black"}] if conversion.background else []),
    ):
        folder.config = {"preprocessing": {**told, **other}}
        with pytest.raises(folder_check.WrongError, match="the pixels of the stored picture differ"):
            folder.picture()


def test_another_network_is_found(folder):
    """`network.yaml` must describe what the weights belong to."""
    replaced(folder / "network.yaml", ("maxpool", "avgpool"))
    assert verdict(folder).startswith("network.yaml: the logits differ from the stored ones by up to")


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("recipe.json", ('"epochs": 3', '"epochs": 4'), "record.json: recipe.json says epochs 4, the training in"),
        ("recipe.json", ('"seed": ', '"seed": 1'), "record.json: the weights are of seed"),
        ("record.json", ('"mean": ', '"mean": 1'), "record.json: the record's test accuracy is {'mean': 1"),
        ("README.md", ("value: 0.", "value: 1."), "README.md: the card's head gives the results [1."),
        ("README.md", ("metrics:", "measures:"), "README.md: the card's YAML head does not hold the results that"),
        ("README.md", ("- `recipe.json`", "- `other.json`"), "README.md: the card says nothing for the size of recipe"),
        ("README.md", ("- `manifest.json`:", "- `x.md` (1 B): x"), "README.md: the card lists x.md, which is not in"),
    ],
)
def test_what_the_record_does_not_say_is_found(folder, name, change, reason):
    """Recipe, accuracy, results for model hubs, files."""
    replaced(folder / name, change)
    assert verdict(folder).startswith(reason)


def test_compiled_code_is_compared_with_its_source(folder):
    """Python's own is left alone; other code, or another Python's, would run in its source's place."""
    compiled = Path(py_compile.compile(str(folder / "network.py")))
    assert next(folder_check.checks(folder))["holds"] is True
    compiled.write_bytes(b"xxxx" + compiled.read_bytes()[4:])
    found = next(folder_check.checks(folder))["text"]
    assert found == f"__pycache__/{compiled.name} is not what network.py compiles to by this Python; delete __pycache__"


def test_code_that_no_export_holds_is_refused(folder):
    """Even if the manifest names it: in the folder, Python would import it in place of a library."""
    (folder / "torch.py").write_text("")
    assert verdict(folder) == (
        "files: torch.py is code that no export holds; Python may import it in place of a library"
    )


def test_code_that_needs_budgetnet_is_found(folder, slow):
    """Whoever receives the folder has none."""
    replaced(folder / "network.py", ("def load(", "import budgetnet\n\n\ndef load("))
    assert verdict(folder).startswith("network.py: ModuleNotFoundError: import of budgetnet halted")


def test_the_folder_checks_itself_without_torch(folder, tmp_path):
    """With numpy and ONNX Runtime alone: other formats are skipped, and said so."""
    code = (
        "import sys, runpy\n"
        "for name in ('torch', 'safetensors', 'budgetnet', 'executorch'):\n    sys.modules[name] = None\n"
        f"sys.argv = ['verify.py', {str(folder)!r}]\n"
        f"runpy.run_path({str(folder / 'verify.py')!r}, run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[3] == "skipped  network.py: torch is not installed"
    assert lines[4].startswith("ok       model.onnx: the logits differ from the stored ones by at most")


def test_the_folder_checks_itself_without_numpy(folder, tmp_path):
    """With torch and safetensors alone, which do not bring it along."""
    code = (
        "import sys, runpy\n"
        "for name in ('numpy', 'onnxruntime', 'budgetnet', 'executorch', 'PIL'):\n    sys.modules[name] = None\n"
        f"sys.argv = ['verify.py', {str(folder)!r}]\n"
        f"runpy.run_path({str(folder / 'verify.py')!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["ok", "ok", "ok", "ok", "skipped"]
    assert re.search(r"network\.py: [0-9,]+ parameters; the logits differ from the stored ones by at most", lines[3])


def test_test_images_come_from_a_folder(exported, folder, tmp_path):
    """`CLASS/…`, with names as the configuration has them; nothing is guessed."""
    test = load_dataset("digits").test()
    places = tmp_path / "images"
    for number, (image, label) in enumerate(zip(test.images.numpy(), test.labels.tolist(), strict=True)):
        (places / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.ascontiguousarray(image[0])).save(places / str(label) / f"{number}.png")
    left_out(folder, "model.onnx")
    write_manifest(folder)
    found = verify_folder(folder, test_images=places)
    assert found.holds
    assert "% on 360 test images" in found.checks[-1].text
    (places / "9").rename(places / "nine")
    with pytest.raises(DataError, match=r"named as the classes \(0, 1, 2, …\), but .* holds 'nine'; rename its"):
        verify_folder(folder, test_images=places)


def test_something_else_is_not_a_folder_to_verify(tmp_path):
    """The request is wrong, not the folder."""
    with pytest.raises(RequestError, match=r"holds network\.py and network\.yaml, but .* does not; name such a folder"):
        verify_folder(tmp_path)


def test_folders_of_version_0_1_are_still_checked(tmp_path):
    """Their counts and logits, for they have neither manifest nor stored logits."""
    older = shutil.copytree("studies/results/cifar10-200k/export", tmp_path / "older")
    if (older / MANIFEST).exists():
        pytest.skip("exported anew")
    found = verify_folder(older)
    assert found.holds
    assert [check.check for check in found.checks] == ["files", "counts", "network.py"]
    replaced(older / "network.py", ("nn.ReLU()", "nn.GELU()"))
    assert verdict(older, renewed=False).startswith("network.py: its logits on 16 random images differ")


def test_a_damaged_file_is_one_line(folder):
    """Not a traceback, whichever library meets it."""
    (folder / "model.onnx").write_bytes(b"no onnx")
    write_manifest(folder)
    *_, last = folder_check.checks(folder)
    assert last["check"] == "model.onnx"
    assert last["holds"] is False
    assert "\n" not in last["text"]
