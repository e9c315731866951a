"""Exports: complete, checked without budgetnet, written whole or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from budgetnet.errors import ExportError, RequestError
from budgetnet.export import export as export_module
from budgetnet.export import formats as formats_module
from budgetnet.export.check import check_network, check_outputs
from budgetnet.export.codegen.standalone import standalone
from budgetnet.export.documents import _without_paths, preprocessing
from budgetnet.export.export import export_trial
from budgetnet.export.folder import FILES, MANIFEST
from budgetnet.export.formats import read_formats
from budgetnet.files import network_file
from budgetnet.files.plugins.plugins import load_plugins
from budgetnet.files.plugins.types import PluginFile
from budgetnet.network.torch.build import build_nodes
from budgetnet.records.lookup import architecture_of, pick
from budgetnet.records.training_folder import Training, training_folder, write_training
from budgetnet.training.data.load import load_dataset
from budgetnet.training.data.sources import ImageFolder
from budgetnet.training.evaluate import evaluate


@pytest.fixture
def copied(exported, tmp_path):
    """A copy of the export that may be spoilt."""
    return shutil.copytree(exported.folder, tmp_path / "copy")


@pytest.fixture
def checked(trials, exported, copied):
    """What `check_network` needs to check the copy: architecture, trained network, logits."""
    architecture = architecture_of(pick(trials, "best"), trials.study)
    trained = export_module._trained(architecture, exported.folder / "model.safetensors")
    logits = load_file(exported.folder / "samples.safetensors")["logits"]
    return copied, architecture, trained, logits


def test_the_folder_holds_its_files_and_nothing_else(exported):
    """For everyone to read, without traces of the check."""
    every = [*FILES, MANIFEST, "model.pt2", "model.onnx"]
    assert sorted(entry.name for entry in exported.folder.iterdir()) == sorted(every)
    assert all(entry.stat().st_mode & 0o044 for entry in exported.folder.iterdir())
    assert [entry.name for entry in exported.folder.parent.iterdir()] == ["best"]


def test_the_weights_are_the_first_run_s(exported, trials):
    """Not the best run's: that would make the test images part of the choice."""
    finalist = trials.finalist(exported.trial)
    assert exported.run.seed == finalist.runs[0].seed
    assert exported.score.accuracies == finalist.score.accuracies
    ours = load_file(exported.folder / "model.safetensors")
    theirs = load_file(trials.folder / finalist.runs[0].weights)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_the_text_reads_back_as_the_trial_s_network(exported, trials):
    """`network.yaml` claims the counts that the search recorded, and they are true."""
    record = pick(trials, "best")
    architecture = network_file.read(exported.folder / "network.yaml")
    assert architecture.claimed == {"params": record.params, "flops": record.flops}
    assert (exported.check.params, exported.check.flops) == (record.params, record.flops)


def test_the_card_s_code_gives_a_stranger_the_recorded_accuracy(exported, tmp_path):
    """Without budgetnet: the card's Python block as it stands, then the same on all test images."""
    block = (exported.folder / "README.md").read_text().split("```python\n")[1].split("```")[0]
    test = load_dataset("digits").test()
    save_file({"pixels": test.images.contiguous(), "labels": test.labels}, tmp_path / "test.safetensors")
    code = (
        f"import sys; sys.modules['budgetnet'] = None\n{block}\nfrom safetensors.torch import load_file\n"
        f"data = load_file({str(tmp_path / 'test.safetensors')!r})\n"
        "with torch.no_grad():\n    found = model(preprocess(data['pixels'])).argmax(dim=1)\n"
        "print((found == data['labels']).double().mean().item())\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=exported.folder, env=environment, capture_output=True, text=True, check=True
    )
    shutil.rmtree(exported.folder / "__pycache__", ignore_errors=True)
    name, accuracy = done.stdout.split()
    assert name in [str(digit) for digit in range(10)]
    assert float(accuracy) == pytest.approx(exported.run.test_accuracy, abs=1e-9)


def test_the_card_states_n_spread_counts_and_provenance(exported, trials):
    """A result says n, seeds, hardware and versions, and what it was chosen by."""
    text = (exported.folder / "README.md").read_text()
    for part in (
        f"{exported.score}",
        f"{exported.check.params:,}",
        "one multiply-add = one FLOP",
        "study `tiny`",
        f"seed {exported.run.seed}",
        "by validation images only",
        f"torch {exported.run.environment['torch']}",
        "standard deviation (0.",
        "in a process without budgetnet",
        "## Licence",
        "CC BY 4.0",
    ):
        assert part in text, part


def test_the_card_s_head_is_a_model_index(exported):
    """Model hubs read task, data set, metric, value and spread from it."""
    head = yaml.safe_load((exported.folder / "README.md").read_text().split("---\n")[1])
    assert (head["license"], head["library_name"]) == ("other", "pytorch")
    assert "onnx" in head["tags"]
    (result,) = head["model-index"][0]["results"]
    assert result["task"]["type"] == "image-classification"
    assert result["dataset"] == {"name": "digits", "type": "digits", "split": "test"}
    mean, deviation, own = result["metrics"]
    assert mean["value"] == pytest.approx(exported.score.mean, abs=1e-6)
    assert deviation["value"] == pytest.approx(exported.score.deviation, abs=1e-6)
    assert own["value"] == pytest.approx(exported.run.test_accuracy, abs=1e-6)


def test_no_file_holds_a_path_of_this_machine(exported, study_path):
    """Neither of the study, nor of the packages, nor of the user, also inside archives."""
    places = {str(study_path.parent), str(Path(torch.__file__).parents[1]), str(Path.home()), str(Path.cwd())}
    for file in exported.folder.iterdir():
        contents = [file.read_bytes()]
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                contents += [archive.read(name) for name in archive.namelist()]
        for place in places:
            assert not any(place.encode() in content for content in contents), (file.name, place)


def test_the_configuration_says_how_a_picture_becomes_an_input(exported):
    """Input, classes and preprocessing, as the data set has them."""
    config = json.loads((exported.folder / "config.json").read_text())
    assert config["input"] == {"shape": [1, 8, 8], "layout": "NCHW", "type": "float32"}
    assert config["classes"] == [str(digit) for digit in range(10)]
    told = config["preprocessing"]
    assert (told["colour"], told["size"], told["resampling"], told["crop"]) == ("grey", [8, 8], None, None)
    assert told["mean"] == list(load_dataset("digits").normalisation.mean)
    folder = preprocessing(load_dataset("digits"), ImageFolder(Path("anywhere"), size=8, channels=1))
    assert (folder["resampling"], folder["crop"], folder["fit"]) == ("bilinear", "centre", "crop")
    padded = ImageFolder(Path("anywhere"), size=8, channels=1, fit="pad", resampling="box", background="grey")
    folder = preprocessing(load_dataset("digits"), padded)
    assert {name: folder[name] for name in ("resampling", "crop", "fit", "background")} == {
        "resampling": "box", "crop": None, "fit": "pad", "background": "grey",
    }  # fmt: skip


def test_recipe_and_record_tell_where_the_network_comes_from(exported, trials):
    """Everything that is recorded, except what names this machine's files and processes."""
    recipe = json.loads((exported.folder / "recipe.json").read_text())
    assert recipe["recipe"]["epochs"] == 3
    record = json.loads((exported.folder / "record.json").read_text())
    assert record["trial"]["network"] == pick(trials, "best").network
    assert [run["seed"] for run in record["trainings"]] == [run.seed for run in trials.finalists[0].runs]
    assert not {"worker", "owner"} & record["trial"].keys()
    cleaned = _without_paths({"command": "budgetnet search s.yaml --data-dir=/home/me/data", "network": "x = a /b"})
    assert cleaned == {"command": "budgetnet search s.yaml --data-dir=data", "network": "x = a /b"}


def test_a_single_file_is_not_a_folder(trials, tmp_path):
    """`--out x.onnx` makes no folder of that name."""
    with pytest.raises(
        RequestError, match=r"--out must be a folder, but got .*x\.onnx.*; write --out .*/x --format on"
    ):
        export_trial(trials, out=tmp_path / "x.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("formats", "message"),
    [
        ("onxx", "a format must be one of torch, pt2, onnx, pte, but got 'onxx'; did you mean 'onnx'?"),
        (
            "onnx",
            "--format onnx needs onnx, onnxscript, onnxruntime, but onnxscript is not installed; install them with",
        ),
    ],
)
def test_formats_that_cannot_be_written_are_refused_first(trials, tmp_path, monkeypatch, formats, message):
    """With the nearest name, or the command that installs what is missing."""
    monkeypatch.setattr(formats_module, "find_spec", lambda name: None if name == "onnxscript" else name)
    with pytest.raises(RequestError, match=re.escape(message)):
        export_trial(trials, out=tmp_path / "out", formats=formats)
    assert read_formats(None) == ("torch", "pt2")


def test_the_document_is_json(exported):
    """What `--json` writes."""
    document = json.loads(json.dumps(exported.document()))
    assert document["params"] == exported.check.params
    assert document["test_accuracy"]["n"] == 2
    assert len(document["files"]) == len(FILES) + 3
    assert document["formats"] == ["torch", "pt2", "onnx"]
    assert all(check["holds"] for check in document["checks"])
    assert document["bytes"]["model.onnx"] > 4 * document["params"]


PLUGIN = """\
import torch
from torch import Tensor, nn


class Halved(nn.Module):
    def __init__(self, shape: tuple[int, ...], start: float = 0.5) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.full((shape[0], 1, 1), start))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor
"""


def test_a_study_s_own_primitives_go_with_the_network(trials, make_record, tmp_path):
    """The plain file holds their source, the text finds their file, and both are checked like the rest."""
    plugin = PluginFile(tmp_path / "halved.py", PLUGIN)
    study = replace(trials.study, plugins=load_plugins([plugin]))
    text = "network = conv(3, 8) halved(start=0.25) gap linear(10)\n"
    record = make_record(0, network=text, params=72 + 16 + 8 + 90, flops=None)
    own = replace(trials, study=study, records=(record,), finalists=(), folder=tmp_path / "run")
    architecture = architecture_of(record, study)
    folder = training_folder(own.folder, 0)
    finalist_run = trials.finalist(trials.choices[0].trial).runs[0]
    run = replace(finalist_run, weights="w.safetensors")
    write_training(folder, Training(name="t", network=text, params=1, flops=1, dataset="digits", runs=(run,)))
    module = build_nodes(architecture.network, architecture.input_shape, custom=architecture.plugins.modules)
    save_file(module.state_dict(), folder / "w.safetensors")

    written = export_trial(own, out=tmp_path / "out", formats="torch")
    assert written.check.params == 186
    assert "class Halved(nn.Module)" in (written.folder / "network.py").read_text()
    moved = network_file.read(written.folder / "network.yaml")
    assert moved.network == architecture.network
    assert moved.plugins.files[0].path.parent.name == "plugins"
    assert "halved.py" in (written.folder / "README.md").read_text()
    (written.folder / "plugins" / "notes.txt").write_text("mine")
    with pytest.raises(RequestError, match=r"holds files that are not part of an export \(plugins/notes\.txt\)"):
        export_trial(own, out=tmp_path / "out", formats="torch")


def test_an_older_export_is_replaced_and_nothing_else_is(exported, trials, tmp_path):
    """A folder with other things in it is left alone, a file too."""
    older = shutil.copytree(exported.folder, tmp_path / "older")
    (older / "README.md").write_text("old")
    export_trial(trials, out=older, formats="torch")
    assert (older / "README.md").read_text().startswith("---\nlicense: other\n")
    assert [entry.name for entry in tmp_path.iterdir()] == ["older"]

    (older / "thesis.tex").write_text("years of work")
    with pytest.raises(RequestError, match=r"are not part of an export \(thesis\.tex\) and was not changed"):
        export_trial(trials, out=older, formats="torch")
    with pytest.raises(RequestError, match="is not a folder; choose another place with --out"):
        export_trial(trials, out=older / "thesis.tex", formats="torch")
    assert (older / "thesis.tex").read_text() == "years of work"


def test_a_trial_without_weights_says_how_to_get_them(trials):
    """Only what was chosen is trained on all images; others are by `budgetnet train`."""
    other = next(record for record in trials.records if record.number != trials.choices[0].trial)
    command = f"budgetnet train {trials.study.path}:{other.number} --run {trials.folder}"
    with pytest.raises(RequestError, match=rf"has no weights: .* Train this network with: {re.escape(command)}"):
        export_trial(trials, str(other.number), formats="torch")


def broken(trials, *places: int):
    """The study as if the chosen network's runs at these places had diverged."""
    leader = pick(trials, "best").number
    runs = tuple(
        replace(run, diverged="The train loss was no longer finite in epoch 1.") if place in places else run
        for place, run in enumerate(trials.finalist(leader).runs)
    )
    others = tuple(one for one in trials.finalists if one.trial != leader)
    return replace(trials, finalists=(replace(trials.finalist(leader), runs=runs), *others))


def test_weights_of_a_network_that_diverged_are_not_missing(trials):
    """They are there and of no use: the reason is said, and the ways out."""
    leader = pick(trials, "best").number
    seeds = len(trials.finalist(leader).runs)
    with pytest.raises(
        RequestError,
        match=rf"trial {leader} of tiny diverged in each of its {seeds} full trainings \(the train loss was no longer "
        r"finite in epoch 1\); name another trial with --trial, or train this one by another recipe: budgetnet train ",
    ):
        export_trial(broken(trials, *range(seeds)), formats="torch")


def test_a_run_that_diverged_is_told_of_in_the_export(trials, tmp_path):
    """Weights of another run are taken; card and document say what happened to the first."""
    found = export_trial(broken(trials, 0), out=tmp_path / "out", formats="torch")
    assert found.run.repeat == 1
    (line,) = found.document()["broken_trainings"]
    assert f"Trial {found.trial}: 1 of 2 trainings on all train images diverged (seed " in line
    assert f"- note: {line}" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_a_folder_whose_path_is_not_utf8_is_refused(trials, tmp_path):
    """Before anything is computed: weights could be written there and never be opened."""
    with pytest.raises(RequestError, match=r"results must be UTF-8 text, but got .*/caf\\xe9/out; choose another with"):
        export_trial(trials, out=tmp_path / os.fsdecode(b"caf\xe9") / "out", formats="torch")


def test_a_full_disk_ends_an_export_with_a_message(trials, tmp_path, monkeypatch):
    """Nothing half is left behind."""

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export_module, "write_samples", full)
    with pytest.raises(ExportError, match=r"out cannot be written \(No space left on device\); make room, then export"):
        export_trial(trials, out=tmp_path / "out", formats="torch")
    assert not list(tmp_path.iterdir())


def test_lost_and_damaged_weights_are_told_apart(trials, run_folder, tmp_path):
    """Weights that are gone, and weights that are another network's."""
    leader = pick(trials, "best")
    moved = replace(trials, folder=tmp_path)
    with pytest.raises(RequestError, match=r"has no weights \(recorded as trained, but the files are not in"):
        export_trial(moved, "best", formats="torch")
    shutil.copytree(run_folder / "finalists", tmp_path / "finalists")
    for run in trials.finalist(leader.number).runs:
        (tmp_path / run.weights).write_bytes(b"no safetensors")
    with pytest.raises(ExportError, match=r"are not the weights of tiny-.*; train it again"):
        export_trial(moved, "best", out=tmp_path / "out", formats="torch")
    assert not (tmp_path / "out").exists()


def test_a_failed_check_leaves_nothing_behind(trials, tmp_path, monkeypatch):
    """The folder appears when all went well, and not before; an older one stays as it was."""

    def wrong(*args, **options):
        return standalone(*args, **options).replace("/ 255", "/ 254")

    monkeypatch.setattr(export_module, "standalone", wrong)
    with pytest.raises(
        ExportError,
        match=r"network\.py fails its check: the images preprocessed by network\.py differ",
    ):
        export_trial(trials, out=tmp_path / "out", formats="torch")
    assert list(tmp_path.iterdir()) == []


SPOILT = [
    ("def load(", "import budgetnet\n\n\ndef load(", "network.py fails its check: ModuleNotFoundError: import of bud"),
    ("nn.ReLU(", "nn.GELU(", "network.py fails its check: the logits differ from the stored ones by up to"),
]


@pytest.mark.parametrize(("old", "new", "message"), SPOILT, ids=["imports", "layers"])
def test_spoilt_code_is_found(copied, old, new, message):
    """A `network.py` that does not do what the trained network does fails the check."""
    text = (copied / "network.py").read_text()
    assert old in text
    (copied / "network.py").write_text(text.replace(old, new, 1))
    with pytest.raises(ExportError, match=message):
        check_outputs(copied)


def test_spoilt_text_is_found(checked):
    """A `network.yaml` that says another network fails the check."""
    folder, architecture, trained, logits = checked
    text = (folder / "network.yaml").read_text()
    (folder / "network.yaml").write_text(text.replace("maxpool", "avgpool", 1))
    with pytest.raises(ExportError, match="does not read back as the network that was written"):
        check_network(folder, architecture, trained, logits)


@pytest.mark.parametrize("name", ["0.weight", "1.num_batches_tracked"])
def test_spoilt_weights_are_found(checked, name):
    """Every tensor is compared, also one that no logit depends on."""
    folder, architecture, trained, logits = checked
    weights = load_file(folder / "model.safetensors")
    weights[name] = weights[name] + 1
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(ExportError, match=rf"model\.safetensors holds other values for {name} than the trained"):
        check_network(folder, architecture, trained, logits)


def test_a_count_that_the_search_recorded_otherwise_is_found(checked):
    """The search's record and the exported network must agree."""
    folder, architecture, trained, logits = checked
    with pytest.raises(ExportError, match="the trial recorded 7 parameters, the exported network has"):
        check_network(folder, replace(architecture, claimed={"params": 7}), trained, logits)


def test_a_diverged_network_is_not_exported(checked):
    """Weights that are not numbers give no logits."""
    folder, architecture, trained, logits = checked
    with pytest.raises(ExportError, match="are not finite: its training diverged"):
        check_network(folder, architecture, trained, logits * float("nan"))


def test_built_and_exported_networks_score_the_same(exported, trials):
    """The exported weights in budgetnet's own network give the recorded accuracy, too."""
    architecture = architecture_of(pick(trials, "best"), trials.study)
    model = export_module._trained(architecture, exported.folder / "model.safetensors")
    found = evaluate(model, load_dataset("digits").test(), device="cpu")
    assert found.accuracy == pytest.approx(exported.run.test_accuracy, abs=1e-9)
