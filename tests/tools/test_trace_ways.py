"""The way of a command through the rooms."""

from __future__ import annotations

import pytest

from tools.house import ROOT
from tools.trace_ways import changes_of_room, main, measure_way


def test_a_change_of_room_is_a_pair_of_neighbours():
    """Files of one room in a row are no change; coming back is one."""
    assert changes_of_room(["cli/app.py", "cli/options.py", "ops/conv.py", "cli/output.py"]) == 2
    assert changes_of_room([]) == 0


def test_the_way_of_show_begins_at_the_command_line_and_visits_each_file_once(tmp_path):
    """Paths are those of files of this package."""
    files, workers = measure_way("show", ROOT, tmp_path)
    assert files[0].startswith("cli/")
    assert len(files) == len(set(files)) > 10
    assert all((ROOT / "budgetnet" / file).is_file() for file in files)
    assert workers == []


def test_an_unknown_way_is_refused(capsys):
    """The message names those that exist."""
    with pytest.raises(SystemExit):
        main(["walk"])
    assert "a way is one of show, trial, list, but got walk" in capsys.readouterr().err
