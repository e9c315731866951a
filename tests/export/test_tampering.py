"""Every kind of tampering with an exported folder is found, by the check that it concerns."""

from __future__ import annotations

import shutil

import pytest

from budgetnet.export import export as export_module
from budgetnet.export.export import export_trial
from budgetnet.export.verify import folder_check
from budgetnet.export.verify import verify as verify_module
from budgetnet.export.verify.verify import verify_folder
from tests.export.tamperings import TAMPERINGS, Tampering, checked_here

HERE = [kind for kind in TAMPERINGS if kind.needs != "model.pte"]
"""Programs for microcontrollers are in `tests/export/mcu`; their libraries are large."""


@pytest.fixture(scope="module")
def handed(exported, study_path, run_folder, tmp_path_factory):
    """An export with all formats that need no microcontroller's libraries; those in float32 are copied."""
    from budgetnet.files.study_file import load_study
    from budgetnet.records.lookup import open_trials

    def copied(_, __, place, ___, **____):
        for name in ("model.pt2", "model.onnx"):
            shutil.copyfile(exported.folder / name, place / name)

    folder = tmp_path_factory.mktemp("handed") / "best"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export_module, "write_formats", copied)
        trials = open_trials(load_study(study_path), out=run_folder)
        return export_trial(trials, out=folder, formats="pt2,onnx", int8=True).folder


@pytest.fixture
def folder(handed, tmp_path, monkeypatch):
    """A copy that may be spoilt; its check runs in this process, which has torch already."""
    monkeypatch.setattr(verify_module, "ask_folder", checked_here)
    return shutil.copytree(handed, tmp_path / "copy")


def test_the_folder_holds_as_it_was_handed_over(folder):
    """With every format checked and compiled code that Python made itself."""
    import py_compile

    py_compile.compile(str(folder / "network.py"))
    found = verify_folder(folder)
    assert found.holds, found.text()
    assert {"files", "model.pt2", "model.onnx", "model.int8.onnx", "record.json", "README.md"} <= {
        check.check for check in found.checks if check.holds
    }


@pytest.mark.parametrize("kind", HERE, ids=[f"{kind.name}, {kind.found_by}" for kind in HERE])
def test_tampering_is_found(folder, kind: Tampering):
    """By the last check that is made, and all before it hold."""
    kind.on(folder)
    found = verify_folder(folder)
    assert not found.holds
    assert (found.checks[-1].check, found.checks[-1].text) == (kind.found_by, found.checks[-1].text)
    assert all(check.holds for check in found.checks[:-1])


@pytest.mark.parametrize("kind", [kind for kind in HERE if kind.renewed], ids=lambda kind: kind.name)
def test_tampering_is_found_by_the_manifest(folder, kind: Tampering):
    """Where it was not made to fit."""
    kind.change(folder)
    (found,) = folder_check.checks(folder)
    assert (found["check"], found["holds"]) == ("files", False)
    assert "\n" not in found["text"]


def test_every_kind_has_its_row():
    """No two kinds are alike, and all of them can be named."""
    rows = [(kind.name, kind.found_by) for kind in TAMPERINGS]
    assert len(set(rows)) == len(rows)
