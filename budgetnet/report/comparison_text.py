"""A comparison of studies as lines for people and as JSON."""

from __future__ import annotations

from typing import Any

from budgetnet.records.trial import Record
from budgetnet.report.analysis.comparison import Comparison
from budgetnet.report.report import brief_document
from budgetnet.text import NOTHING, count_text, counted, duration, joined_table, percent

__all__ = ["HEADER", "comparison_document", "comparison_rows", "comparison_text", "comparison_words"]

HEADER = (
    "study", "sampler", "seed", "trained", "time", "at equal trials %", "at equal time %", "chosen", "test %",
    "parameters",
)  # fmt: skip


def comparison_rows(found: Comparison) -> list[list[str]]:
    """Return one row for each study, under `HEADER`."""
    return [
        [
            study.name,
            study.trials.study.search.sampler,
            str(study.trials.study.search.seed),
            count_text(study.trained),
            duration(study.seconds) if study.seconds else NOTHING,
            percent(study.at_equal_trials),
            percent(study.at_equal_time),
            NOTHING if study.best is None else f"trial {study.best.number}",
            study.test.spread,
            count_text(study.best.params if study.best else None),
        ]
        for study in found.studies
    ]


def comparison_words(found: Comparison) -> list[str]:
    """Return what the numbers rest on, and what they say, in sentences."""
    lines = [
        f"Best validation accuracy after {counted(found.equal_trials, 'trained network')}"
        + ("." if found.equal_seconds is None else f", and after {duration(found.equal_seconds)} at work.")
    ]
    lines.append(
        f"The studies differ in {', '.join(found.differences)}."
        if found.differences
        else "Their settings are the same."
    )
    if not found.comparable:
        lines.append(
            "Images, split or brief training differ, so their validation accuracies do not compare; test accuracies "
            "of the networks chosen may."
        )
    for group in found.groups:
        if len(group.names) > 1:
            again = len(group.names) - len(group.seeds)
            shared = (
                f"; {counted(len(group.names), 'study', 'studies')} share {counted(len(group.seeds), 'seed')}"
                if again
                else ""
            )
            lines.append(f"{group.words}: {group.at_equal_trials} at equal trials{shared}.")
    for test in found.tests:
        p = "no variance to test against" if test.p_value is None else f"p = {test.p_value:.2g} by Welch's t test"
        lines.append(f"{test.first} less {test.second}: {100 * test.difference:+.2f} points, {p}.")
    if not found.tests:
        lines.append("Differences are not tested: that takes at least two studies with different seeds on each side.")
    return lines


def comparison_text(found: Comparison) -> list[str]:
    """Return the comparison as lines for people."""
    lines = joined_table(list(HEADER), comparison_rows(found), left=(0, 1))
    lines += ["", *comparison_words(found)]
    rows = [
        [study.name, str(record.number), percent(record.accuracy), count_text(record.params), record.arch]
        for study in found.studies
        for record in study.frontier
    ]
    return [
        *lines,
        "",
        "Frontiers:",
        "",
        *joined_table(["study", "trial", "val %", "parameters", "network"], rows, left=(0, 4)),
    ]


def comparison_document(found: Comparison) -> dict[str, Any]:
    """Return the comparison for `--json`; accuracies are fractions."""
    return {
        "studies": [
            {
                "name": study.name,
                "study": study.trials.study.name,
                "settings": study.settings,
                "trained": study.trained,
                "working_seconds": round(study.seconds, 3),
                "best": _brief(study.best),
                "at_equal_trials": study.at_equal_trials,
                "at_equal_time": study.at_equal_time,
                "test_accuracy": study.test.document(),
                "frontier": [_brief(record) for record in study.frontier],
            }
            for study in found.studies
        ],
        "equal_trials": found.equal_trials,
        "equal_seconds": found.equal_seconds,
        "comparable": found.comparable,
        "differences": list(found.differences),
        "groups": [
            {
                "settings": group.words,
                "studies": list(group.names),
                "seeds": list(group.seeds),
                "at_equal_trials": group.at_equal_trials.document(),
                "at_equal_time": group.at_equal_time.document(),
            }
            for group in found.groups
        ],
        "tests": [
            {"first": test.first, "second": test.second, "difference": test.difference, "p_value": test.p_value}
            for test in found.tests
        ],
    }


def _brief(record: Record | None) -> dict[str, Any] | None:
    return None if record is None else brief_document(record)
