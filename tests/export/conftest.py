"""Fixtures of the export's tests: one export that they share."""

from __future__ import annotations

import pytest

from budgetnet.export.export import export_trial


@pytest.fixture(scope="session")
def exported(tmp_path_factory, study_path, run_folder):
    """The best trial's export."""
    from budgetnet.files.study_file import load_study
    from budgetnet.records.lookup import open_trials

    folder = tmp_path_factory.mktemp("export") / "best"
    return export_trial(open_trials(load_study(study_path), out=run_folder), out=folder, formats="pt2,onnx")
