"""Writes ``docs/notebook.ipynb`` from ``docs/notebook.py``, a script in percent format, with the outputs of its cells.

``python -m tools.notebook`` runs the cells and writes the notebook; ``--check`` says whether the written one has the
script's cells. A cell's last expression is shown as a notebook would: as HTML where its value has it, and as text.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["NOTEBOOK", "SCRIPT", "Cell", "cells_of", "main", "notebook", "run_cells", "sources"]

FOLDER = Path(__file__).parents[1] / "docs"
SCRIPT = FOLDER / "notebook.py"
NOTEBOOK = FOLDER / "notebook.ipynb"
_MARK = "# %%"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the script."""

    kind: str
    """``markdown`` or ``code``."""
    text: str


def cells_of(script: str) -> list[Cell]:
    """Cut a script at its ``# %%`` lines; the comments of ``# %% [markdown]`` cells are their text."""
    cells = []
    for part in script.split(f"{_MARK}")[1:]:
        head, _, body = part.partition("\n")
        text = body.strip("\n")
        if head.strip() == "[markdown]":
            text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in text.split("\n"))
        cells.append(Cell("markdown" if head.strip() == "[markdown]" else "code", text))
    return cells


def run_cells(cells: Sequence[Cell]) -> Iterator[tuple[Cell, list[dict[str, Any]]]]:
    """Run code cells in one namespace, and yield each cell with its outputs as a notebook keeps them.

    Raises:
        Exception: whatever a cell raises.
    """
    names: dict[str, Any] = {}
    count = 0
    for cell in cells:
        if cell.kind != "code":
            yield cell, []
            continue
        count += 1
        tree = ast.parse(cell.text)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        printed = io.StringIO()
        value = None
        with contextlib.redirect_stdout(printed):
            exec(compile(tree, f"<cell {count}>", "exec"), names)  # noqa: S102 - the script is the repository's own
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), f"<cell {count}>", "eval"), names)  # noqa: S307
        outputs: list[dict[str, Any]] = []
        if printed.getvalue():
            outputs.append({"output_type": "stream", "name": "stdout", "text": printed.getvalue().splitlines(True)})
        if value is not None:
            outputs.append(
                {"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": _data(value)}
            )
        yield cell, outputs


def _data(value: Any) -> dict[str, list[str]]:
    html = value._repr_html_() if hasattr(value, "_repr_html_") else None
    text = {"text/plain": repr(value).splitlines(keepends=True)}
    return text if html is None else {"text/html": html.splitlines(keepends=True), **text}


def notebook(cells: Sequence[tuple[Cell, Sequence[dict[str, Any]]]]) -> dict[str, Any]:
    """Return a notebook of format 4.5 as JSON holds it."""
    entries: list[dict[str, Any]] = []
    count = 0
    for number, (cell, outputs) in enumerate(cells):
        entry: dict[str, Any] = {
            "cell_type": cell.kind,
            "id": f"cell-{number}",
            "metadata": {},
            "source": cell.text.splitlines(keepends=True),
        }
        if cell.kind == "code":
            count += 1
            entry |= {"execution_count": count, "outputs": list(outputs)}
        entries.append(entry)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": entries,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def sources(document: dict[str, Any]) -> list[Cell]:
    """Return the cells of a notebook without their outputs."""
    return [Cell(entry["cell_type"], "".join(entry["source"])) for entry in document["cells"]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the notebook, or check it."""
    parser = argparse.ArgumentParser(prog="python -m tools.notebook", description="Write docs/notebook.ipynb.")
    parser.add_argument("--check", action="store_true", help="only say whether it has the script's cells")
    cells = cells_of(SCRIPT.read_text(encoding="utf-8"))
    if parser.parse_args(arguments).check:
        if sources(json.loads(NOTEBOOK.read_text(encoding="utf-8"))) != cells:
            sys.exit(f"{NOTEBOOK} is older than {SCRIPT}; run python -m tools.notebook")
        return
    document = notebook(list(run_cells(cells)))
    NOTEBOOK.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
