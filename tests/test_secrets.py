"""Neither passwords nor places of this machine in what a search, a report and an export write."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from budgetnet.cli import app
from tests.conftest import SECRET_STORAGE

PASSWORDS = (b"chanterelle", b"parasol")


def written(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_passwords_and_places_are_in_no_file(study_path, run_folder, tmp_path):
    """Database, weights, pages and exports hold no password, and what is handed over no path of this machine."""
    page = tmp_path / "report.html"
    exported = tmp_path / "export"
    listing = ["list", str(study_path), "--run", str(run_folder), "--json"]
    said = []
    for words in (
        listing,
        ["report", str(study_path), "--run", str(run_folder), "--out", str(page)],
        ["export", str(study_path), "--run", str(run_folder), "--out", str(exported), "--format", "torch"],
    ):
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, result.output
        said.append(result.output.encode())
    environment = json.loads(said[0])["trials"][0]["training"]["environment"]
    assert "--storage 'postgresql+psycopg://me:***@host/db" in environment["command"], "the command is recorded"
    assert SECRET_STORAGE not in environment["command"]
    files = written(run_folder) | written(exported) | {"page": page.read_bytes()} | dict(enumerate(said))
    assert {"study.db", "model.safetensors", "README.md"} <= set(map(str, files))
    assert [name for name, text in files.items() if any(word in text for word in PASSWORDS)] == []
    here = [str(place).encode() for place in (study_path.parent, tmp_path, Path(__file__).parents[1])]
    for folder in (exported, run_folder / "export"):
        assert [name for name, text in written(folder).items() if any(place in text for place in here)] == []
