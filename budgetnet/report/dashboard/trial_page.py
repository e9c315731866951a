"""The content of a trial's page: narrow attributes, a note, and files that are made when they are asked for."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Mapping
from typing import Any, BinaryIO

from budgetnet.errors import BudgetnetError
from budgetnet.files import network_file
from budgetnet.records.lookup import Trials, architecture_of
from budgetnet.records.trial import Record
from budgetnet.text import bytes_text, count_text, duration, percent

__all__ = ["Files", "file_attributes", "narrow_attributes", "trial_note"]

LONGEST_REASON = 70
"""Characters of a reason among the attributes; the note has the whole."""
_FILES = (("network.svg", "image/svg+xml"), ("network.yaml", "text/plain"), ("curve.csv", "text/csv"))
"""The files of a trial, with their types; their numbers are part of their addresses."""


def narrow_attributes(record: Record) -> dict[str, Any]:
    """Return a trial's attributes as the dashboard's table shows them: short texts, and numbers that can be sorted."""
    written: dict[str, Any] = {
        "outcome": record.outcome.replace("_", " "),
        "reason": textwrap.shorten(record.reason, LONGEST_REASON, placeholder=" …") or None,
        "parameters": record.params,
        "FLOPs": record.flops,
        "peak activation bytes": record.peak_activation_bytes,
        "flash bytes": record.flash,
        "RAM bytes": record.ram,
        "latency ms": None if record.latency is None else round(1000 * record.latency, 3),
        "depth": record.depth,
        "receptive field px": record.receptive_field,
        "validation accuracy %": None if record.accuracy is None else round(100 * record.accuracy, 2),
        "epochs": record.epochs or None,
        "seconds": None if record.seconds is None else round(record.seconds, 1),
        "seed": record.seed,
        "duplicate of": record.duplicate_of,
        "copied from": record.copied_from or None,
        "repeats": record.redo_of,
    }
    return {name: value for name, value in written.items() if value is not None}


def trial_note(record: Record, trials: Trials, *, files: str = "") -> str:
    """Return a trial's note as Markdown: what it is, how it ended and why, its numbers, its drawing and its text.

    Args:
        record: the trial.
        trials: its study.
        files: address of the trial's files in the dashboard; no drawing if empty.
    """
    chosen = next((choice for choice in trials.choices if choice.trial == record.number), None)
    lines = [f"# Trial {record.number}: {record.outcome.replace('_', ' ')}", ""]
    if chosen is not None:
        lines += [f"**The study's choice**: {_escaped(chosen.text)}.", ""]
    if record.reason:
        lines += [f"{_escaped(record.reason)}.", ""]
    if record.arch:
        lines += [f"`{record.arch}`", ""]
    finalist = trials.finalist(record.number)
    rows = [
        ("parameters", count_text(record.params)),
        ("FLOPs (one multiply-add = one FLOP)", count_text(record.flops)),
        (
            "peak activation memory",
            None if record.peak_activation_bytes is None else bytes_text(record.peak_activation_bytes),
        ),
        ("latency", record.latency_text or None),
        ("validation accuracy", None if record.accuracy is None else f"{percent(record.accuracy)} %"),
        ("epochs, time", f"{record.epochs}, {duration(record.seconds)}" if record.epochs else None),
        ("trained in full, test accuracy", f"{finalist.score}" if finalist is not None and finalist.runs else None),
        ("budget", trials.study.budget_text),
    ]
    lines += ["| | |", "|---|---|", *(f"| {name} | {_cell(value)} |" for name, value in rows if value is not None)]
    if record.network:
        if files:
            lines += ["", f"![The network, drawn]({files}/{file_name(record.number, 0)})"]
        lines += ["", "```", record.network.strip(), "```"]
    name = f"{trials.study.path}:{record.number}"
    lines += ["", "```sh", trials.command("show", name), trials.command("train", name), "```"]
    return "\n".join(lines)


def _escaped(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]<>#|" else sign for sign in text)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# --- files --------------------------------------------------------------------------------------------


def file_name(number: int, file: int) -> str:
    """Return the address of a trial's file; the dashboard takes hexadecimal digits and hyphens."""
    return f"{number:x}-{file:x}"


def file_attributes(record: Record) -> dict[str, str]:
    """Return the attributes by which Optuna lists a trial's files."""
    there = [bool(record.network), bool(record.network), bool(record.curve)]
    return {
        f"artifacts:{file_name(record.number, at)}": json.dumps(
            {"artifact_id": file_name(record.number, at), "filename": name, "mimetype": kind, "encoding": None}
        )
        for at, (name, kind) in enumerate(_FILES)
        if there[at]
    }


class Files:
    """Makes the files of trials when they are asked for, so that they cost a search nothing.

    It has the interface of Optuna's artifact stores.
    """

    def __init__(self) -> None:
        self.trials: Trials | None = None
        """Everything that is known, replaced as the study goes on."""

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Return a file's content.

        Raises:
            ArtifactNotFound: there is no such file.
        """
        from optuna.artifacts.exceptions import ArtifactNotFound

        number, _, file = artifact_id.partition("-")
        records: Mapping[int, Record] = (
            {} if self.trials is None else {each.number: each for each in self.trials.records}
        )
        try:
            return io.BytesIO(self._content(records[int(number, 16)], int(file, 16)))
        except (KeyError, ValueError, IndexError, BudgetnetError) as error:
            raise ArtifactNotFound(artifact_id) from error

    def _content(self, record: Record, file: int) -> bytes:
        assert self.trials is not None
        match _FILES[file][0]:
            case "network.svg":
                from budgetnet.draw.draw import draw_network

                return draw_network(architecture_of(record, self.trials.study)).encode()
            case "network.yaml":
                return network_file.write(None, architecture_of(record, self.trials.study)).encode()
            case _:
                table = io.StringIO()
                lines = csv.writer(table, lineterminator="\n")
                lines.writerow(["epoch", "validation_accuracy"])
                lines.writerows(enumerate(record.curve, start=1))
                return table.getvalue().encode()

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:  # noqa: ARG002
        """Refuse: the dashboard shows a copy.

        Raises:
            PermissionError: always.
        """
        raise PermissionError("the dashboard shows a copy of the study; files cannot be added to it")

    def remove(self, artifact_id: str) -> None:
        """Keep the file: the dashboard shows a copy."""
