"""The house rules that a machine can check: who may import whom, what stays free of torch, how large things get."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tools.house import FULL_FOLDER, LONG_FILE, ORDER, ROOT, read_house

HOUSE = read_house(ROOT / "budgetnet")

WITHOUT_TORCH = {
    "__init__",
    "api",
    "cli",
    "errors",
    "text",
    "ops",
    "grammar",
    "network",
    "derivation",
    "space",
    "files",
    "explore",
    "draw",
    "pages",
    "keys",
    "numbers",
}
"""Rooms that load no torch when they are imported."""

WITH_TORCH = ("network.torch", "files.plugins.cost_forms", "files.plugins.read")
"""Their places that do: modules are built there, and operations from Python files are run to be counted."""


def test_every_room_has_its_place():
    """Each room stands in the order, and the order names no room that is gone."""
    assert HOUSE.homeless == ()
    assert {room for level in ORDER for room in level} == set(HOUSE.rooms)


def test_imports_go_down_only():
    """A room imports from itself and from lower levels."""
    assert [str(way) for way in HOUSE.upward] == []


def test_there_are_no_circles():
    """No modules import each other, directly or through others, inside a room or across rooms."""
    assert HOUSE.circles == ()


def test_no_folder_is_too_full():
    """A folder holds modules that one can look over."""
    assert {name: size for name, size in HOUSE.folders.items() if size > FULL_FOLDER} == {}


def test_a_public_name_means_one_thing():
    """No public name is defined in two modules."""
    assert HOUSE.repeated_names == {}


def test_most_files_are_short():
    """One idea per file: none passes 400 lines, at most one in twenty passes 300."""
    assert {name: lines for name, lines in HOUSE.long.items() if lines > 400} == {}
    assert len(HOUSE.long) <= len(HOUSE.modules) / 20, f"over {LONG_FILE} lines: {HOUSE.long}"


@pytest.mark.parametrize(
    ("library", "places"),
    [
        ("fvcore", ("network.torch.",)),
        ("optuna", ("records.", "search.", "calibrate.", "report.dashboard", "report.analysis.optuna_importance")),
        ("typer", ("cli.",)),
        ("rich", ("cli.",)),
        ("lark", ()),
        ("resvg_py", ("draw.png",)),
    ],
)
def test_libraries_stay_in_their_rooms(library, places):
    """Only these modules know the library."""
    assert [name for name in HOUSE.importing(library) if not name.startswith(places)] == []


def test_most_rooms_load_no_torch():
    """Rooms that answer in milliseconds do not load torch when they are imported."""
    modules = [
        ".".join(["budgetnet", *(part for part in name.split(".") if part != "__init__")])
        for name, module in HOUSE.modules.items()
        if module.room in WITHOUT_TORCH and not name.startswith(WITH_TORCH)
    ]
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}:\n"
        "    importlib.import_module(name)\n"
        "    assert 'torch' not in sys.modules, name\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_importing_budgetnet_loads_nothing_else():
    """`import budgetnet` is free: its public names are loaded when they are first used."""
    code = "import sys, budgetnet\nprint(sorted(name for name in sys.modules if name.startswith('budgetnet')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['budgetnet']"
