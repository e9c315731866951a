"""The JSON Schema of study files: up to date, and of one mind with the reader."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml

from budgetnet.errors import BudgetnetError
from budgetnet.files.study_file import KEYS, SMALLEST, parse_study
from tools.study_schema import FILE, build, text

ROOT = Path(__file__).parent.parent.parent
STUDIES = sorted((ROOT / "studies").glob("*.yaml"))
VALIDATOR = jsonschema.Draft7Validator(build())
BASE = """\
study: x
dataset: digits
budget: {params: 6k}
grammar: network = conv(3, 8|12) gap linear(classes)
"""


def problems(study: str) -> list[str]:
    """Where the schema finds a study wrong."""
    return [error.json_path for error in VALIDATOR.iter_errors(yaml.safe_load(study))]


def is_read(study: str) -> bool:
    """Whether the reader takes a study."""
    try:
        parse_study(study, Path("s.yaml"))
    except BudgetnetError:
        return False
    return True


def test_the_file_is_up_to_date():
    """What ships is what the command prints."""
    command = [sys.executable, "-m", "tools.study_schema"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=ROOT, env={"PYTHONIOENCODING": "utf-8"})
    assert done.stderr == ""
    assert done.stdout == text()
    message = f"run {' '.join(command[1:])} > {FILE.relative_to(ROOT)}"
    assert FILE.read_text(encoding="utf-8") == text(), message


def test_it_ships_with_the_package_and_is_a_schema():
    """It is found as a package's resource, and is legal by the rules of draft 7."""
    shipped = json.loads(files("budgetnet.files").joinpath("study.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(shipped)
    assert shipped == build()


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_study_that_ships_is_valid(path):
    """The examples pass their own schema."""
    assert problems(path.read_text(encoding="utf-8")) == []


def test_the_smallest_study_is_valid():
    """What errors show as a smallest study passes too."""
    assert problems(SMALLEST) == []


def test_every_key_has_words_for_the_editor():
    """A description for each key of each section."""
    root = build()["properties"]
    pruner = root["search"]["properties"]["pruner"]["anyOf"][1]
    sections = {
        "": root, "dataset": root["dataset"]["anyOf"][1]["properties"], "search.pruner": pruner["properties"],
        **{name: root[name]["properties"] for name in ("budget", "target", "search", "training", "finalists")},
    }  # fmt: skip
    assert sections.keys() == KEYS.keys()
    for section, properties in sections.items():
        assert list(properties) == list(KEYS[section])
        for key, schema in properties.items():
            assert schema["description"], f"{section}.{key}"


RIGHT = [
    "target: {accuracy: 85%}",
    "target: {accuracy: 0.85}",
    "goal: accuracy",
    "defaults: {conv: {act: gelu, bias: true, dropout: 0, padding: same, order: norm conv act}, maxpool: {stride: 2}}",
    "search: {sampler: tpe, trials: 1k, workers: auto, seed: 7, minutes: 1.5, stop_at_target: true}",
    "search: {workers: 1024, pruner: none}",
    "search: {pruner: {kind: hyperband, reduction: 4}}",
    "training: {preset: hand-made, epochs: 2, lr: 1e-3, weight_decay: 0, flip: alternating, decay_all: false}",
    "validation: 20%",
    "search: {trials: 2T, minutes: 2e1, pruner: {startup: 1_000}}",
    "training: {batch: 0.1k, warmup: 20%, lr: 4e-1}",
    "finalists: {top: 0, seeds: 100, epochs: 4, precision: bfloat16}",
]


@pytest.mark.parametrize("line", RIGHT)
def test_what_is_read_is_valid(line):
    """Every form of a value that the reader takes passes the schema."""
    assert is_read(BASE + line)
    assert problems(BASE + line) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("digits", "{images: photos, size: [24, 32], channels: 1}"),
        ("digits", "{images: photos, size: 24}"),
        ("6k", "6000"),
        ("6k", "6_000"),
        ("params: 6k", "flops: 1.5M, depth: 12, peak_activation_bytes: 64KiB"),
        ("6k", "[2k, 4000, 0.008M]"),
        ("study: x", "study: 2024"),
    ],
)
def test_other_forms_of_what_every_study_has_are_valid(old, new):
    """Folders of images and amounts with units, too."""
    assert is_read(BASE.replace(old, new))
    assert problems(BASE.replace(old, new)) == []


WRONG = {
    "serach: {}": "$",
    "search: {trails: 5}": "$.search",
    "search: {pruner: {kinds: median}}": "$.search.pruner",
    "search: {trials: many}": "$.search.trials",
    "search: {trials: 0}": "$.search.trials",
    "search: {trials: 1.5}": "$.search.trials",
    "search: {workers: -1}": "$.search.workers",
    "search: {workers: 1025}": "$.search.workers",
    "search: {seed: 2147483648}": "$.search.seed",
    "search: {minutes: 0}": "$.search.minutes",
    "search: {sampler: evolutoin}": "$.search.sampler",
    "search: {pruner: medain}": "$.search.pruner",
    "search: {pruner: {reduction: 1}}": "$.search.pruner",
    "search: {stop_at_target: maybe}": "$.search.stop_at_target",
    "search: 5": "$.search",
    "target: {accuracy: 85}": "$.target.accuracy",
    "target: {accuracy: 1}": "$.target.accuracy",
    "target: {}": "$.target",
    "target: 85%": "$.target",
    "goal: small": "$.goal",
    "training: {learning_rate: 1}": "$.training",
    "training: {optimizer: sdg}": "$.training.optimizer",
    "training: {epochs: 1.5}": "$.training.epochs",
    "training: {preset: handmade}": "$.training.preset",
    "finalists: {tops: 1}": "$.finalists",
    "finalists: {top: 101}": "$.finalists.top",
    "finalists: {seeds: 0}": "$.finalists.seeds",
    "validation: 0": "$.validation",
    "defaults: {cnv: {act: gelu}}": "$.defaults",
    "defaults: {conv: {atc: gelu}}": "$.defaults.conv",
    "defaults: {conv: {act: gleu}}": "$.defaults.conv.act",
    "defaults: {conv: {kernel: 0}}": "$.defaults.conv.kernel",
    "defaults: {conv: {dropout: 0.99}}": "$.defaults.conv.dropout",
    "defaults: {conv: {order: conv nrom}}": "$.defaults.conv.order",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_refused_is_not_valid(line):
    """Unknown keys, words and numbers out of range are marked where they stand."""
    assert not is_read(BASE + line)
    assert problems(BASE + line) == [WRONG[line]]


@pytest.mark.parametrize("key", ["study", "dataset", "budget", "grammar"])
def test_what_every_study_needs_is_required(key):
    """A study without one of these is marked as a whole."""
    without = "\n".join(line for line in BASE.splitlines() if not line.startswith(key))
    assert not is_read(without)
    assert problems(without) == ["$"]


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("digits", "digit", "$.dataset"),
        ("digits", "{folder: foo}", "$.dataset"),
        ("digits", "{images: f, size: [8]}", "$.dataset"),
        ("digits", "{images: f, channels: 2}", "$.dataset"),
        ("6k", "lots", "$.budget.params"),
        ("6k", "0", "$.budget.params"),
        ("params: 6k", "parms: 6k", "$.budget"),
        ("{params: 6k}", "{}", "$.budget"),
        ("{params: 6k}", "6k", "$.budget"),
        ("study: x", "study: a b", "$.study"),
        ("study: x", "study: ../x", "$.study"),
    ],
)
def test_wrong_data_sets_budgets_and_names_are_not_valid(old, new, place):
    """The four keys of every study, wrong."""
    assert not is_read(BASE.replace(old, new))
    assert problems(BASE.replace(old, new)) == [place]
