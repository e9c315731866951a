"""JSON files of an exported folder: configuration, recipe and record, without paths of the machine that made them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from budgetnet.export.folder import FOLDER_FORMAT
from budgetnet.export.verify.folder_check import FLOAT_TOLERANCE, INT8_TOLERANCE
from budgetnet.files.network_file import Network
from budgetnet.files.study import Study
from budgetnet.records.training_run import TrainingRun, score_of
from budgetnet.records.trial import Record
from budgetnet.training.data.identity import DataIdentity
from budgetnet.training.data.images import Dataset
from budgetnet.training.data.known import DATASETS
from budgetnet.training.data.sources import ImageFolder, ImageSource

__all__ = ["data_licence", "data_name", "folder_config", "folder_recipe", "folder_record", "preprocessing"]

_PATH = re.compile(r"(?:^|(?<=[\s'\"=:,]))(?:[A-Za-z]:\\|~?/)[^\s'\",]+")
_TEXTS = ("network", "arch", "decisions")
"""Fields of a record in the language of networks, where a slash divides."""

_HERE = ("worker", "owner", "parameters", "training", "origin")
"""Fields of a record that name this machine's processes and files, or that are elsewhere in the folder."""


def data_name(dataset: Dataset, source: ImageSource) -> str:
    """Return a data set's name as others may read it: of a folder, its last part."""
    return f"image folder {source.path.resolve().name}" if isinstance(source, ImageFolder) else dataset.name


def data_licence(source: ImageSource) -> str:
    """Return the licence of a data set as its publisher states it, or that none is known."""
    return DATASETS[source].licence if isinstance(source, str) else "not known: a folder of images"


def preprocessing(dataset: Dataset, source: ImageSource) -> dict[str, Any]:
    """Return how a picture becomes the network's input: resampling, fit, scale, mean and standard deviation."""
    channels, height, width = dataset.shape
    conversion = source.conversion if isinstance(source, ImageFolder) else None
    scaled = conversion is not None and conversion.size is not None
    spread = 1 if len(dataset.normalisation.mean) > 1 else channels
    return {
        "colour": "RGB" if channels == 3 else "grey",
        "size": [height, width],
        "resampling": conversion.resampling if conversion is not None and scaled else None,
        "fit": conversion.fit if conversion is not None and scaled else None,
        "crop": "centre" if conversion is not None and scaled and conversion.fit == "crop" else None,
        "background": None if conversion is None else conversion.background,
        "scale": 1 / 255,
        "mean": list(dataset.normalisation.mean) * spread,
        "std": list(dataset.normalisation.std) * spread,
    }


def folder_config(
    architecture: Network, dataset: Dataset, source: ImageSource, *, counts: Mapping[str, int]
) -> dict[str, Any]:
    """Return ``config.json``: input, classes, preprocessing, counts and the tolerances of the checks."""
    return {
        "format": FOLDER_FORMAT,
        "name": architecture.name,
        "task": "image-classification",
        "module": "network.py",
        "class": "Network",
        "input": {"shape": list(architecture.input_shape), "layout": "NCHW", "type": "float32"},
        "classes": list(dataset.classes),
        "preprocessing": preprocessing(dataset, source),
        "dataset": data_name(dataset, source),
        **counts,
        "tolerance": {"float32": FLOAT_TOLERANCE, "int8": INT8_TOLERANCE},
    }


def folder_recipe(run: TrainingRun) -> dict[str, Any]:
    """Return ``recipe.json``: how the weights were trained."""
    return {"format": FOLDER_FORMAT, "seed": run.seed, "recipe": dict(run.recipe)}


def folder_record(
    study: Study,
    record: Record,
    runs: Sequence[TrainingRun],
    exported: TrainingRun,
    dataset: str,
    images: DataIdentity,
) -> dict[str, Any]:
    """Return ``record.json``: the trial, every full training, and which of them the weights are of."""
    trial = {entry.name: getattr(record, entry.name) for entry in fields(Record) if entry.name not in _HERE}
    trial["copied_from"] = record.copied_from.rpartition("/")[2]
    told: dict[str, Any] = {
        "format": FOLDER_FORMAT,
        "study": study.name,
        "dataset": dataset,
        "data": images.document(),
        "budget": study.budget_text,
        "trial": trial,
        "trainings": [run.document() for run in runs],
        "exported_seed": exported.seed,
        "weights_test_accuracy": exported.test_accuracy,
        "test_accuracy": score_of(runs).document(),
    }
    cleaned: dict[str, Any] = _without_paths(told)
    return cleaned


def _without_paths(value: Any) -> Any:
    """Return what JSON can hold, with the last part alone of every absolute path."""
    match value:
        case Mapping():
            return {str(name): entry if name in _TEXTS else _without_paths(entry) for name, entry in value.items()}
        case list() | tuple():
            return [_without_paths(entry) for entry in value]
        case str():
            return _PATH.sub(lambda found: _last(found[0]), value)
        case int() | float() | None:
            return value
        case _:
            return str(value)


def _last(path: str) -> str:
    return PureWindowsPath(path).name if "\\" in path else PurePosixPath(path).name
