"""The notebook of the Python API: its script runs, and the notebook beside it has the script's cells."""

from __future__ import annotations

import json

from tools.notebook import NOTEBOOK, SCRIPT, Cell, cells_of, notebook, run_cells, sources


def test_the_script_runs(monkeypatch, data_directory):
    """From the repository's folder; what it shows of networks and spaces is HTML."""
    monkeypatch.chdir(SCRIPT.parents[1])
    done = list(run_cells(cells_of(SCRIPT.read_text(encoding="utf-8"))))
    shown = [output["data"] for _, outputs in done for output in outputs if output["output_type"] == "execute_result"]
    assert sum("text/html" in data for data in shown) == 3
    assert ["True"] in [data["text/plain"] for data in shown]
    assert ["False"] not in [data["text/plain"] for data in shown]


def test_the_notebook_is_current():
    """``python -m tools.notebook`` has been run since the script changed."""
    document = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert sources(document) == cells_of(SCRIPT.read_text(encoding="utf-8"))
    shown = [output["output_type"] for entry in document["cells"] for output in entry.get("outputs", ())]
    assert shown.count("execute_result") == 9


def test_cells_keep_what_they_print_and_show():
    """The last expression's value, and what was printed before it."""
    cells = cells_of("# %% [markdown]\n# # Title\n#\n# Text\n\n# %%\nprint('a')\n1 + 1\n")
    assert cells == [Cell("markdown", "# Title\n\nText"), Cell("code", "print('a')\n1 + 1")]
    document = notebook(list(run_cells(cells)))
    outputs = document["cells"][1]["outputs"]
    assert outputs[0]["text"] == ["a\n"]
    assert outputs[1]["data"] == {"text/plain": ["2"]}
    assert sources(document) == cells
