"""The report of a study or of a training: its page, and the same facts as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from budgetnet.derivation.expand import expand, refuse
from budgetnet.errors import BudgetnetError
from budgetnet.files.network_file import Network
from budgetnet.grammar.load import load_grammar
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Vocabulary
from budgetnet.pages.page import write_page
from budgetnet.records.lookup import Trials
from budgetnet.records.training_folder import Training
from budgetnet.records.trial import Record
from budgetnet.report.analysis.option_effects import decision_effects
from budgetnet.report.analysis.progress import working_seconds
from budgetnet.report.analysis.rejections import rejections
from budgetnet.report.finals import finalist_document
from budgetnet.report.frontier import frontier
from budgetnet.report.study import best_for_budgets, best_trial
from budgetnet.report.summary import study_summary
from budgetnet.report.target import target_document

__all__ = ["REPORT_FILE", "brief_document", "study_report_document", "write_study_report", "write_training_report"]

REPORT_FILE = "report.html"
"""Name of the page in a run folder, or in a training's folder."""


def write_study_report(trials: Trials, path: Path, *, limits: Sequence[int] = (), command: str = "") -> None:
    """Write a study's report as a page.

    Raises:
        RequestError: it cannot be written there.
    """
    from budgetnet.report.page.study_page import study_page  # loads Optuna, for its importance

    write_page(path, study_page(trials, limits=limits, command=command))


def write_training_report(training: Training, folder: Path, path: Path, *, command: str = "") -> None:
    """Write the report of a training's folder as a page.

    Raises:
        RequestError: it cannot be written there.
    """
    from budgetnet.report.page.training_page import training_page

    write_page(path, training_page(training, folder, _network(training), command=command))


def study_report_document(trials: Trials, limits: Sequence[int] = ()) -> dict[str, Any]:
    """Return a study's report for `--json`; accuracies are fractions."""
    study = trials.study
    leader = best_trial(trials)
    reached = target_document(trials)
    return {
        "kind": "study",
        "study": study.name,
        "generation": trials.generation.document(),
        "summary": dict(study_summary(trials)),
        "best": None if leader is None else brief_document(leader),
        "best_within": [
            {"params": limit, "trial": None if record is None else brief_document(record)}
            for limit, record in best_for_budgets(trials, limits)
        ],
        "frontier": [brief_document(record) for record in frontier(trials.records)],
        "target_reached": None if reached is None else bool(reached["brief"]),
        "reached_target": reached,
        "working_seconds": round(working_seconds(trials.records), 3),
        "rejections": dict(rejections(trials.records).most_common()),
        "decisions": [
            {
                "decision": effect.name,
                "explained": effect.explained,
                "options": [
                    {"label": option.label, "networks": option.networks, "accuracy": option.accuracy}
                    for option in effect.options
                ],
            }
            for effect in decision_effects(trials.records)
        ],
        "finalists": [finalist_document(finalist) for finalist in trials.finalists],
    }


def brief_document(record: Record) -> dict[str, Any]:
    """Return a trial in five values."""
    return {
        "number": record.number,
        "accuracy": record.accuracy,
        "params": record.params,
        "flops": record.flops,
        "arch": record.arch,
    }


def _network(training: Training) -> Network | None:
    """The trained network; None if its text cannot be read here, for example without its plug-ins."""
    from budgetnet.report.page.training_page import image_source
    from budgetnet.training.data.sources import describe_source

    vocabulary = Vocabulary(BUILTIN)
    try:
        images = describe_source(image_source(training.dataset))
        found = expand(
            load_grammar(training.network, name=training.name, vocabulary=vocabulary),
            input_shape=images.shape,
            classes=len(images.classes),
            vocabulary=vocabulary,
            choose=refuse,
        )
    except BudgetnetError:
        return None
    return Network(name=training.name, input_shape=images.shape, classes=len(images.classes), network=found.network)
