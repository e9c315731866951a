"""The measures of the layout, on packages made for the purpose."""

from __future__ import annotations

import pytest

from tools.house import main, read_house


@pytest.fixture
def package(tmp_path):
    """Writes files of a package and returns its folder."""

    def write(**files):
        folder = tmp_path / "budgetnet"
        for name, text in {"__init__": "", **files}.items():
            path = (
                folder.joinpath(*name.split("__DOT__")).with_suffix(".py")
                if "__DOT__" in name
                else folder / f"{name}.py"
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return folder

    return write


def test_a_circle_is_found_through_a_third_module_and_inside_functions(package):
    """All kinds of import statements count."""
    folder = package(
        text="from budgetnet import errors\n",
        errors="def f():\n    import budgetnet.api\n",
        api="from .text import name\n",
    )
    assert read_house(folder).circles == (("api", "errors", "text"),)


def test_imports_upwards_and_sideways_are_found(package):
    """A room may not import a higher one, nor its neighbour on the same level; downwards is fine."""
    folder = package(
        ops__DOT__conv="from budgetnet.training.fit import fit\nfrom budgetnet.errors import Error\n",
        training__DOT__fit="def fit(): ...\n",
        errors="if True:\n    from budgetnet.ops import conv\n",
    )
    assert [str(way) for way in read_house(folder).upward] == ["errors → ops.conv", "ops.conv → training.fit"]


def test_names_are_repeated_where_they_are_defined_not_where_they_are_imported(package):
    """Imports and private names define nothing; constants and names under `if` do."""
    folder = package(
        errors="LIMIT = 3\n_HIDDEN = 1\nclass Error: ...\n",
        text="from budgetnet.errors import Error\nif Error:\n    LIMIT: int = 4\n_HIDDEN = 2\n",
    )
    assert read_house(folder).repeated_names == {"LIMIT": ("errors", "text")}


def test_file_names_are_repeated_across_rooms_only(package):
    """Two files of one name inside a room are that room's business."""
    folder = package(
        ops__DOT__base="",
        network__DOT__cost__DOT__base="",
        space__DOT__one__DOT__twin="",
        space__DOT__two__DOT__twin="",
    )
    assert read_house(folder).repeated_files == {"base": ("network.cost.base", "ops.base")}


def test_the_tool_prints_what_it_measures(package, capsys):
    """Numbers first, then what they count."""
    main(["--package", str(package(errors="x = 1\n", text="from budgetnet.errors import x\n", attic="y = 2\n"))])
    printed = capsys.readouterr().out
    assert printed.startswith("files: 4\nlines: 3\nlargest folder: budgetnet/ with 3 modules\n")
    assert "rooms without a place in the order: 1\n  attic\n" in printed


def test_a_folder_without_a_package_is_refused(tmp_path):
    """The message says what a package is."""
    with pytest.raises(SystemExit, match=r"a package is a folder with an __init__\.py, but .* has none"):
        main(["--package", str(tmp_path)])
