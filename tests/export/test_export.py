"""Exports: complete, checked without budgetnet, written whole or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from budgetnet.errors import ExportError, RequestError
from budgetnet.export import export as export_module
from budgetnet.export.check import check_export
from budgetnet.export.export import FILES, export_trial
from budgetnet.export.standalone import standalone
from budgetnet.files import network_file
from budgetnet.files.plugins.plugins import load_plugins
from budgetnet.files.plugins.types import PluginFile
from budgetnet.network.torch.build import build_nodes
from budgetnet.records.lookup import architecture_of, pick
from budgetnet.records.training_folder import Training, training_folder, write_training
from budgetnet.training.data.load import load_dataset
from budgetnet.training.evaluate import evaluate


@pytest.fixture(scope="module")
def exported(tmp_path_factory, study_path, run_folder):
    """The best trial's export."""
    from budgetnet.files.study_file import load_study
    from budgetnet.records.lookup import open_trials

    folder = tmp_path_factory.mktemp("export") / "best"
    return export_trial(open_trials(load_study(study_path), out=run_folder), out=folder)


@pytest.fixture
def copied(exported, tmp_path):
    """A copy of the export that may be spoilt."""
    return shutil.copytree(exported.folder, tmp_path / "copy")


@pytest.fixture
def checked(trials, exported, copied):
    """What `check_export` needs to check the copy: architecture, trained network, normalisation."""
    architecture = architecture_of(pick(trials, "best"), trials.study)
    trained = export_module._trained(architecture, exported.folder / "weights.safetensors")
    return copied, architecture, trained, load_dataset("digits").normalisation


def test_the_folder_holds_the_four_files_and_nothing_else(exported):
    """For everyone to read, without traces of the check."""
    assert sorted(entry.name for entry in exported.folder.iterdir()) == sorted(FILES)
    assert all(entry.stat().st_mode & 0o044 for entry in exported.folder.iterdir())
    assert [entry.name for entry in exported.folder.parent.iterdir()] == ["best"]


def test_the_weights_are_the_first_run_s(exported, trials):
    """Not the best run's: that would make the test images part of the choice."""
    finalist = trials.finalist(exported.trial)
    assert exported.run.seed == finalist.runs[0].seed
    assert exported.score.accuracies == finalist.score.accuracies
    ours = load_file(exported.folder / "weights.safetensors")
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
    ):
        assert part in text, part
    assert str(trials.folder) not in text


def test_the_document_is_json(exported):
    """What `--json` writes."""
    document = json.loads(json.dumps(exported.document()))
    assert document["params"] == exported.check.params
    assert document["test_accuracy"]["n"] == 2
    assert len(document["files"]) == len(FILES)


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

    written = export_trial(own, out=tmp_path / "out")
    assert written.check.params == 186
    assert "class Halved(nn.Module)" in (written.folder / "network.py").read_text()
    moved = network_file.read(written.folder / "network.yaml")
    assert moved.network == architecture.network
    assert moved.plugins.files[0].path.parent.name == "plugins"
    assert "halved.py" in (written.folder / "README.md").read_text()
    (written.folder / "plugins" / "notes.txt").write_text("mine")
    with pytest.raises(RequestError, match=r"holds files that are not part of an export \(plugins/notes\.txt\)"):
        export_trial(own, out=tmp_path / "out")


def test_an_older_export_is_replaced_and_nothing_else_is(exported, trials, tmp_path):
    """A folder with other things in it is left alone, a file too."""
    older = shutil.copytree(exported.folder, tmp_path / "older")
    (older / "README.md").write_text("old")
    export_trial(trials, out=older)
    assert (older / "README.md").read_text().startswith("# tiny-")
    assert [entry.name for entry in tmp_path.iterdir()] == ["older"]

    (older / "thesis.tex").write_text("years of work")
    with pytest.raises(RequestError, match=r"are not part of an export \(thesis\.tex\) and was not changed"):
        export_trial(trials, out=older)
    with pytest.raises(RequestError, match="is not a folder; choose another place with --out"):
        export_trial(trials, out=older / "thesis.tex")
    assert (older / "thesis.tex").read_text() == "years of work"


def test_a_trial_without_weights_says_how_to_get_them(trials):
    """Only what was chosen is trained on all images; others are by `budgetnet train`."""
    other = next(record for record in trials.records if record.number != trials.choices[0].trial)
    command = f"budgetnet train {trials.study.path}:{other.number} --run {trials.folder}"
    with pytest.raises(RequestError, match=rf"has no weights: .* Train this network with: {re.escape(command)}"):
        export_trial(trials, str(other.number))


def test_lost_and_damaged_weights_are_told_apart(trials, run_folder, tmp_path):
    """Weights that are gone, and weights that are another network's."""
    leader = pick(trials, "best")
    moved = replace(trials, folder=tmp_path)
    with pytest.raises(RequestError, match=r"has no weights \(recorded as trained, but the files are not in"):
        export_trial(moved, "best")
    shutil.copytree(run_folder / "finalists", tmp_path / "finalists")
    for run in trials.finalist(leader.number).runs:
        (tmp_path / run.weights).write_bytes(b"no safetensors")
    with pytest.raises(ExportError, match=r"are not the weights of tiny-.*; train it again"):
        export_trial(moved, "best", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_failed_check_leaves_nothing_behind(trials, tmp_path, monkeypatch):
    """The folder appears when all went well, and not before; an older one stays as it was."""

    def wrong(*args, **options):
        return standalone(*args, **options).replace("/ 255", "/ 254")

    monkeypatch.setattr(export_module, "standalone", wrong)
    with pytest.raises(ExportError, match="the preprocessed images of the export differ from the trained network's by"):
        export_trial(trials, out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


SPOILT = [
    ("network.py", "def load(", "import budgetnet\n\n\ndef load(", "imports budgetnet, but it must stand alone"),
    ("network.py", "nn.ReLU(", "nn.GELU(", "the logits of the export differ from the trained network's by up to"),
    ("network.yaml", "maxpool", "avgpool", "does not read back as the network that was written"),
]


@pytest.mark.parametrize(("name", "old", "new", "message"), SPOILT, ids=[spoilt[-1] for spoilt in SPOILT])
def test_whatever_is_spoilt_is_found(checked, name, old, new, message):
    """A file that does not do what the trained network does fails the check."""
    folder, architecture, trained, normalisation = checked
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))
    with pytest.raises(ExportError, match=message):
        check_export(folder, architecture, trained, normalisation)


@pytest.mark.parametrize("name", ["0.weight", "1.num_batches_tracked"])
def test_spoilt_weights_are_found(checked, name):
    """Every tensor is compared, also one that no logit depends on."""
    folder, architecture, trained, normalisation = checked
    weights = load_file(folder / "weights.safetensors")
    weights[name] = weights[name] + 1
    save_file(weights, folder / "weights.safetensors")
    with pytest.raises(ExportError, match=rf"weights\.safetensors holds other values for {name} than the trained"):
        check_export(folder, architecture, trained, normalisation)


def test_a_count_that_the_search_recorded_otherwise_is_found(checked):
    """The search's record and the exported network must agree."""
    folder, architecture, trained, normalisation = checked
    with pytest.raises(ExportError, match="the trial recorded 7 parameters, the exported network has"):
        check_export(folder, replace(architecture, claimed={"params": 7}), trained, normalisation)


def test_a_diverged_network_is_not_exported(checked):
    """Weights that are not numbers give no logits."""
    folder, architecture, trained, normalisation = checked
    with torch.no_grad():
        next(trained.parameters()).fill_(float("nan"))
    with pytest.raises(ExportError, match="are not finite: its training diverged"):
        check_export(folder, architecture, trained, normalisation)


def test_built_and_exported_networks_score_the_same(exported, trials):
    """The exported weights in budgetnet's own network give the recorded accuracy, too."""
    architecture = architecture_of(pick(trials, "best"), trials.study)
    model = export_module._trained(architecture, exported.folder / "weights.safetensors")
    found = evaluate(model, load_dataset("digits").test(), device="cpu")
    assert found.accuracy == pytest.approx(exported.run.test_accuracy, abs=1e-9)
