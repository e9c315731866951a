"""`budgetnet import` writes network files, weights and studies, and its JSON keeps its schema."""

from __future__ import annotations

import json

import jsonschema
import pytest
from safetensors.torch import load_file
from typer.testing import CliRunner

import budgetnet as bn
from budgetnet.api.schemas.commands import command_schema
from budgetnet.cli import app

MODEL = """
from torch import nn


class Block(nn.Module):
    def __init__(self, before, after):
        super().__init__()
        self.conv = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(after)

    def forward(self, x):
        return self.norm(self.conv(x)).relu() + x


class Net(nn.Sequential):
    def __init__(self, num_classes=10):
        blocks = [Block(8, 8), Block(8, 8)]
        super().__init__(nn.Conv2d(1, 8, 3), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, num_classes))
"""


@pytest.fixture
def model(tmp_path):
    """A user's file."""
    path = tmp_path / "model.py"
    path.write_text(MODEL, encoding="utf-8")
    return path


def call(*words):
    """Run a command."""
    return CliRunner().invoke(app, [str(word) for word in words])


def test_files_and_json(model, tmp_path):
    """Network file, weights and study are written; the network is its study's first trial."""
    out, study = tmp_path / "net.yaml", tmp_path / "variants.yaml"
    words = ["import", f"{model}:Net", "--input", "1x8x8", "--trust-model", "--out", out, "--weights", "--study", study]
    result = call(*words, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    jsonschema.validate(found, command_schema("import"))
    assert found["comparison"]["holds"]
    network = bn.read_network(out)
    bn.build(network).load_state_dict(load_file(tmp_path / "net.safetensors"))
    assert study.read_text(encoding="utf-8") == (
        "# Variants of net that are no larger; the network itself is trained first.\n"
        "study: net-variants\n"
        "dataset: digits\n"
        f"budget: {{params: {bn.count(network).params}}}\n"
        "start_from: [net.yaml]\n"
        "grammar: |\n"
        "  network = variant\n"
        "  variant(c1=4|6|8|10) =\n"
        "      conv(3, c1, padding=0, norm=none, act=none)\n"
        "      skip(conv(3|5, c1)){1..3}\n"
        "      gap\n"
        "      linear(classes)\n"
    )
    assert bn.read_study(study).start_from == (out,)


def test_the_file_goes_to_stdout(model):
    """Without --out the network file is the result, and the comparison a message."""
    result = call("import", f"{model}:Net", "--input", "1x8x8", "--trust-model", "--no-check")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("format: budgetnet/1\nname: net\ninput: [1, 8, 8]\nclasses: 10\ncounts:")
    assert "Net of model.py" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--weights",), "--weights are written beside the network file, so they need --out"),
        (("--study", "s.yaml"), "--study names the network file, so it needs --out"),
    ],
)
def test_options_that_need_a_file(model, words, message):
    """What is written beside the network file needs one."""
    result = call("import", f"{model}:Net", "--trust-model", *words)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_study_needs_its_images(model, tmp_path):
    """The message names the size and classes to import with."""
    words = ["--input", "1x9x9", "--trust-model", "--no-check", "--out", tmp_path / "net.yaml"]
    result = call("import", f"{model}:Net", *words, "--study", tmp_path / "s.yaml", "--dataset", "digits")
    assert result.exit_code == 2
    assert "but digits has 1×8×8 and 10; import it with --input 1x8x8 --classes 10" in result.stderr
