"""What a wheel holds."""

from __future__ import annotations

import zipfile

import pytest

from tools.house import ROOT
from tools.wheel_contents import main, package_files


@pytest.fixture
def make_wheel(tmp_path):
    """Writes a wheel of empty files."""

    def make(names):
        path = tmp_path / "budgetnet-1-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name in [*names, "budgetnet-1.dist-info/METADATA"]:
                archive.writestr(name, "")
        return str(path)

    return make


def test_the_package_and_nothing_else_passes(make_wheel, capsys):
    """Data files belong to the package; metadata is allowed."""
    files = package_files(ROOT)
    assert {"budgetnet/py.typed", "budgetnet/grammar/prelude.grammar", "budgetnet/files/study.schema.json"} <= files
    main([make_wheel(files)])
    assert f"{len(files) + 1} files" in capsys.readouterr().out


def test_files_too_many_and_too_few_are_named(make_wheel):
    """Both at once."""
    files = package_files(ROOT) - {"budgetnet/py.typed"} | {"tests/test_text.py"}
    with pytest.raises(SystemExit) as refused:
        main([make_wheel(files)])
    assert refused.value.code == (
        "the wheel lacks budgetnet/py.typed\nthe wheel holds tests/test_text.py, which is not part of the package"
    )
