"""Comparison of an exported folder's card with its configuration, its record and its files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from budgetnet.errors import ExportError
from budgetnet.export.folder import CONFIG, MANIFEST, read_json
from budgetnet.records.training_run import Score
from budgetnet.text import bytes_text, percent

__all__ = ["check_card", "check_record"]

_HEAD = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_LISTED = re.compile(r"^- `([^`]+)` \(([^)]+)\): ", re.MULTILINE)
_DECIMALS = 6
"""The head rounds fractions to as many."""


def check_record(folder: Path) -> str:
    """Compare recipe and accuracy of the weights with the full training that the record says they are from.

    Raises:
        ExportError: something differs.
    """
    record, recipe = read_json(folder / "record.json"), read_json(folder / "recipe.json")
    seed = record["exported_seed"]
    trainings = [training for training in record["trainings"] if training["seed"] == seed]
    if not trainings or recipe["seed"] != seed:
        raise ExportError(f"the weights are of seed {seed}, but recipe.json is of seed {recipe['seed']}")
    (training,) = trainings[:1]
    keys = recipe["recipe"].keys() | training["recipe"].keys()
    for key in sorted(keys):
        told, trained = recipe["recipe"].get(key), training["recipe"].get(key)
        if told != trained:
            raise ExportError(f"recipe.json says {key} {told}, the training in record.json had {trained}")
    accuracy = record["weights_test_accuracy"]
    if accuracy != training["test_accuracy"]:
        trained = training["test_accuracy"]
        raise ExportError(f"the record gives these weights {_shown(accuracy)}, and their training {_shown(trained)}")
    score = _score(record)
    if score.document() != record["test_accuracy"]:
        raise ExportError(f"the record's test accuracy is {record['test_accuracy']}, that of its trainings {score}")
    return f"recipe and accuracy are those of the full training with seed {seed}"


def check_card(folder: Path, config: dict[str, Any]) -> str:
    """Compare the card's numbers, its head and its list of files with the rest of the folder.

    Args:
        folder: the exported folder.
        config: its configuration.

    Raises:
        ExportError: something differs.
    """
    text = (folder / "README.md").read_text(encoding="utf-8")
    record = read_json(folder / "record.json")
    rows = [
        ("parameters", f"{config['params']:,}"),
        ("FLOPs", f"{config['flops']:,}"),
        ("test accuracy", str(_score(record)).partition(" (")[0]),
        ("of these weights", _shown(record["weights_test_accuracy"])),
    ]
    int8 = record.get("int8")
    if int8 is not None and None not in (int8["test_accuracy"], record["weights_test_accuracy"]):
        rows.append(("in int8", _shown(int8["test_accuracy"])))
    for row, value in rows:
        found = re.search(rf"^\| {row} \| ([^;|(]*)", text, re.MULTILINE)
        told = found[1].strip() if found else "nothing"
        if told != value:
            raise ExportError(f"the card says {told} for {row!r}, {CONFIG} and record.json say {value}")
    _head(text, record)
    _files(text, folder)
    return "numbers, head and files are those of config.json, record.json and the manifest"


def _head(text: str, record: dict[str, Any]) -> None:
    """Compare the results in the YAML head with the record."""
    found = _HEAD.match(text)
    try:
        head = yaml.safe_load(found[1]) if found else {}
        metrics = head["model-index"][0]["results"][0]["metrics"]
        told = [metric["value"] for metric in metrics]
    except (yaml.YAMLError, KeyError, IndexError, TypeError) as error:
        raise ExportError("the card's YAML head does not hold the results that model hubs read") from error
    score = _score(record)
    expected = [score.mean, *([] if score.deviation is None else [score.deviation])]
    expected.append(record["weights_test_accuracy"])
    if told != [None if value is None else round(value, _DECIMALS) for value in expected]:
        raise ExportError(f"the card's head gives the results {told}, record.json {expected}")


def _files(text: str, folder: Path) -> None:
    """Compare the list of files with the manifest."""
    listed = dict(_LISTED.findall(text))
    for name, facts in read_json(folder / MANIFEST)["files"].items():
        if name == "README.md" or "/" in name:  # plug-ins are listed without sizes
            continue
        told, size = listed.pop(name, "nothing"), bytes_text(facts["bytes"])
        if told != size:
            raise ExportError(f"the card says {told} for the size of {name}, which has {size}")
    for name in listed:
        raise ExportError(f"the card lists {name}, which is not in the folder")


def _score(record: dict[str, Any]) -> Score:
    return Score.of(training["test_accuracy"] for training in record["trainings"])


def _shown(accuracy: float | None) -> str:
    return f"{percent(accuracy)} %"
