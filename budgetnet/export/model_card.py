"""The model card of an export: what the network is, how good, how to use it, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from budgetnet import __version__
from budgetnet.export.check import Check
from budgetnet.export.standalone import PLUGINS, WEIGHTS
from budgetnet.files.network_file import Network
from budgetnet.files.study import Study
from budgetnet.network.cost.closed_form import cost
from budgetnet.pages.render import render
from budgetnet.records.training_run import Score, TrainingRun, score_of
from budgetnet.records.trial import Record
from budgetnet.report.per_class import classes_text
from budgetnet.text import bytes_text, counted, percent, shape_text
from budgetnet.training.data.images import Dataset

__all__ = ["CardFacts", "card"]


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


def card(facts: CardFacts) -> str:
    """Return the card as Markdown."""
    normalisation = facts.dataset.normalisation
    return render(
        "model_card.md",
        name=facts.architecture.name,
        study=facts.study,
        dataset=facts.dataset,
        numbers=_numbers(facts),
        classes=classes_text(facts.runs),
        shape=facts.architecture.input_shape,
        mean=", ".join(f"{value:.4f}" for value in normalisation.mean),
        std=", ".join(f"{value:.4f}" for value in normalisation.std),
        weights=WEIGHTS,
        plugin_folder=PLUGINS,
        plugins=[file.path.name for file in facts.architecture.plugins.files],
        provenance=_provenance(facts),
    )


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
        ("parameters", f"{facts.check.params:,}"),
        ("FLOPs", f"{facts.check.flops:,}; one multiply-add = one FLOP; one image, eval mode, counted by fvcore"),
        ("peak activation memory", f"{bytes_text(costs.peak_activation_bytes)} (float32, one image)"),
        ("input", f"{shape_text(facts.architecture.input_shape)}, channels × height × width"),
    ]


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
        f"recipe: {recipe}",
        f"ran on: {_hardware(run, where)}; {run.seconds:,.0f} s; {versions}",
        f"trained: {run.finished}",
        f"verified at export by budgetnet {__version__}: `network.py` was loaded in a process without budgetnet; its "
        f"logits on {facts.check.images} random images {agreement}",
    ]


_VERSIONS = ("budgetnet", "torch", "optuna", "fvcore", "numpy", "python")


def _hardware(run: TrainingRun, where: Any) -> str:
    threads = counted(run.threads, "thread")
    return f"{run.device}, {where.get('processor', 'unknown processor')}, {threads}, {run.precision}"
