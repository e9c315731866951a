"""The model card of an export: what the network is, how good, how to use it, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from budgetnet import __version__
from budgetnet.export.check import Check
from budgetnet.export.codegen.standalone import PLUGINS, WEIGHTS
from budgetnet.export.documents import data_licence, data_name, preprocessing
from budgetnet.export.folder import CONFIG, INT8, ONNX, PTE, SAMPLES
from budgetnet.export.int8.quantise import Quantised
from budgetnet.export.mcu.write import MicrocontrollerProgram
from budgetnet.files.network_file import Network
from budgetnet.files.study import Study
from budgetnet.network.cost.closed_form import cost
from budgetnet.pages.render import render
from budgetnet.records.training_run import Score, TrainingRun, score_of
from budgetnet.records.trial import Record
from budgetnet.report.per_class import classes_text
from budgetnet.text import bytes_text, counted, percent, shape_text
from budgetnet.training.data.images import Dataset

__all__ = ["CardFacts", "card", "front_matter"]

_ABOUT = {
    "network.py": "the network, its classes and its preprocessing; imports `torch` and `safetensors` only",
    WEIGHTS: "the trained weights",
    "network.yaml": "the network as text; `budgetnet show network.yaml` prints its layers",
    CONFIG: "input, classes, preprocessing, counts",
    "recipe.json": "how it was trained",
    "record.json": "the trial in the search, and every full training with hardware and versions",
    SAMPLES: "images made by a program, with the logits of every format, for `verify.py`",
    "verify.py": "checks this folder: `python verify.py`",
    "run_pte.py": "runs `model.pte` for `verify.py`, kernel by kernel",
    "convert_picture.py": "turns a picture into the pixels that the network takes",
    "model.pt2": '`torch.export.load("model.pt2").module()`; images in float32, any number',
    ONNX: "ONNX, input `images` (N, C, H, W) in float32, output `logits`",
    INT8: "the same in int8; weights per channel",
    PTE: "ExecuTorch program in int8 for Cortex-M processors; `config.json` has the scales of input and output",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """Everything that the card states."""

    architecture: Network
    study: Study
    record: Record
    dataset: Dataset
    runs: tuple[TrainingRun, ...]
    """All full trainings of this network by this recipe."""
    exported: TrainingRun
    """The one whose weights these are."""
    check: Check
    choice: str
    """By what this network was chosen."""
    broken: tuple[str, ...]
    """Statements about full trainings that diverged or failed."""
    int8: Quantised | None
    """The network in int8, if it was asked for."""
    pte: MicrocontrollerProgram | None
    """The ExecuTorch program, if it was asked for."""
    licence: str
    """Identifier of the weights' licence."""
    files: Mapping[str, int]
    """Files of the folder with their sizes in bytes, without the card and the manifest."""


def card(facts: CardFacts) -> str:
    """Return the card as Markdown."""
    normalisation = facts.dataset.normalisation
    return render(
        "model_card.md",
        name=facts.architecture.name,
        front_matter=front_matter(facts),
        study=facts.study,
        dataset=data_name(facts.dataset, facts.study.dataset),
        data_licence=data_licence(facts.study.dataset),
        licence=facts.licence,
        classes_count=len(facts.dataset.classes),
        input_steps=_input_steps(facts),
        numbers=_numbers(facts),
        classes=classes_text(facts.runs),
        shape=facts.architecture.input_shape,
        mean=", ".join(f"{value:.4f}" for value in normalisation.mean),
        std=", ".join(f"{value:.4f}" for value in normalisation.std),
        files=[(name, bytes_text(size), _ABOUT[name]) for name, size in sorted(facts.files.items())],
        plugin_folder=PLUGINS,
        plugins=[file.path.name for file in facts.architecture.plugins.files],
        provenance=_provenance(facts),
    )


def front_matter(facts: CardFacts) -> str:
    """Return the card's YAML head as model hubs read it, with the result as a ``model-index``."""
    score = score_of(facts.runs)
    seeds = counted(score.n, "seed")
    metrics: list[dict[str, Any]] = [
        {"type": "accuracy", "name": f"test accuracy, mean of {seeds}", "value": _rounded(score.mean)}
    ]
    if score.deviation is not None:
        name = f"test accuracy, sample standard deviation over {seeds}"
        metrics.append({"type": "accuracy_standard_deviation", "name": name, "value": _rounded(score.deviation)})
    own = {"type": "accuracy", "name": "test accuracy of these weights"}
    metrics.append({**own, "value": _rounded(facts.exported.test_accuracy)})
    source = facts.study.dataset
    dataset = {"name": data_name(facts.dataset, source), "type": source if isinstance(source, str) else "image-folder"}
    task = {"type": "image-classification", "name": "Image Classification"}
    told = {
        "license": facts.licence,
        "library_name": "pytorch",
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "pytorch", *(["onnx"] if ONNX in facts.files else []), "budgetnet"],
        "model-index": [
            {
                "name": facts.architecture.name,
                "results": [{"task": task, "dataset": {**dataset, "split": "test"}, "metrics": metrics}],
            }
        ],
    }
    text: str = yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=120)
    return text.rstrip()


def _rounded(fraction: float | None) -> float | None:
    return None if fraction is None else round(fraction, 6)


def _input_steps(facts: CardFacts) -> str:
    """Say how a picture of any size becomes the input's pixels."""
    told = preprocessing(facts.dataset, facts.study.dataset)
    height, width = told["size"]
    if told["resampling"] is None:
        return f"Pictures have {height}×{width} pixels, {told['colour']}, already."
    how = {
        "crop": f"cut at the centre to the shape of {height}×{width}, and scaled to it ({told['resampling']}, as "
        "Pillow's `ImageOps.fit` does both)",
        "pad": f"scaled to fit into {height}×{width} and padded with {told['background']} ({told['resampling']}, as "
        "Pillow's `ImageOps.pad` does both)",
        "stretch": f"stretched to {height}×{width} ({told['resampling']}, as Pillow's `Image.resize` does)",
    }
    behind = f" Transparent pixels are put on {told['background']} first." if told["background"] else ""
    return f"Pictures are made {told['colour']}, and {how[told['fit']]}.{behind}"


def _numbers(facts: CardFacts) -> list[tuple[str, str]]:
    score = score_of(facts.runs)
    flip = Score.of(run.test_accuracy_flip for run in facts.runs)
    architecture = facts.architecture
    costs = cost(architecture.network, architecture.input_shape, custom=architecture.plugins.forms)
    own = f"{percent(facts.exported.test_accuracy)} %"
    spread = "mean ± sample standard deviation" if score.n > 1 else "one run: no spread is known"
    return [
        ("test accuracy", f"{score}, {spread}"),
        ("of these weights", f"{own} (seed {facts.exported.seed}; {facts.exported.test_images or 0:,} test images)"),
        *([("with flip averaging", f"{flip}: logits of each image and its mirror image averaged")] if flip.n else []),
        *_int8_rows(facts),
        *_pte_rows(facts),
        ("parameters", f"{facts.check.params:,}"),
        ("FLOPs", f"{facts.check.flops:,}; one multiply-add = one FLOP; one image, eval mode, counted by fvcore"),
        ("peak activation memory", f"{bytes_text(costs.peak_activation_bytes)} (float32, one image)"),
        ("input", f"{shape_text(facts.architecture.input_shape)}, channels × height × width"),
    ]


def _int8_rows(facts: CardFacts) -> list[tuple[str, str]]:
    found = facts.int8
    if found is None or found.test_accuracy is None or facts.exported.test_accuracy is None:
        return []
    off = 100 * (found.test_accuracy - facts.exported.test_accuracy)
    told = (
        f"{percent(found.test_accuracy)} % ({off:+.2f} points to the same weights in float32; same class for "
        f"{percent(found.agreement)} % of images; {found.bytes:,} bytes; ranges from {found.calibration_images} train "
        "images)"
    )
    if found.in_float:
        listed = ", ".join(f"{number} {name}" for name, number in found.in_float.items())
        told += f"; these operators stay in float32: {listed}"
    tuned = found.fine_tuning
    if tuned is not None and tuned.kept:
        without = "" if tuned.rounded_test_accuracy is None else f"; without: {percent(tuned.rounded_test_accuracy)} %"
        told += f"; fine-tuned against rounding for {counted(tuned.epochs, 'epoch')}{without}"
    return [("in int8", told)]


def _pte_rows(facts: CardFacts) -> list[tuple[str, str]]:
    found = facts.pte
    if found is None:
        return []
    lowered = found.lowered
    told = (
        f"{percent(found.test_accuracy)} % (same class as in float32 for {percent(found.test_agreement)} % of "
        f"{found.test_images or 0:,} test images, run by ExecuTorch's references of its kernels); {found.bytes:,} "
        f"bytes, of them {lowered.flash:,} constants; {lowered.ram:,} bytes of RAM; ranges from "
        f"{found.calibration_images} train images"
    )
    if lowered.in_float:
        listed = ", ".join(f"{number} {name}" for name, number in lowered.in_float.items())
        told += f"; these operators stay in float32: {listed}"
    return [("on a Cortex-M4", told)]


def _provenance(facts: CardFacts) -> list[str]:
    study, record, run = facts.study, facts.record, facts.exported
    seeds = ", ".join(str(entry.seed) for entry in facts.runs)
    recipe = ", ".join(f"{key} {value}" for key, value in run.recipe.items())
    where = run.environment
    versions = ", ".join(f"{name} {where[name]}" for name in _VERSIONS if name in where)
    off = facts.check.difference
    agreement = (
        "equal those of the trained network bit for bit"
        if off == 0
        else (f"differ from those of the trained network by at most {off:.1g}")
    )
    return [
        f"search: study `{study.name}`, trial {record.number}, sampler {study.search.sampler}, seed "
        f"{study.search.seed}; {percent(record.accuracy)} % on validation images after {record.epochs} epochs",
        f"choice: {facts.choice}; by validation images only: the test images were read once per seed, after training",
        f"full training: {counted(len(facts.runs), 'run')} on all train images, "
        f"{'seed' if len(facts.runs) == 1 else 'seeds'} {seeds}; the weights are those of seed "
        f"{run.seed}, taken because it comes first, not because it is the best",
        *(f"note: {line}" for line in facts.broken),
        f"recipe: {recipe}",
        f"ran on: {_hardware(run, where)}; {run.seconds:,.0f} s; {versions}",
        f"trained: {run.finished}",
        f"verified at export by budgetnet {__version__}: every format was run in a process without budgetnet; the "
        f"logits of `network.py` on {facts.check.images} stored images {agreement}",
    ]


_VERSIONS = ("budgetnet", "torch", "optuna", "fvcore", "numpy", "python")


def _hardware(run: TrainingRun, where: Any) -> str:
    threads = counted(run.threads, "thread")
    return f"{run.device}, {where.get('processor', 'unknown processor')}, {threads}, {run.precision}"
