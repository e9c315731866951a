"""Checks that a wheel holds the package and nothing else.

python -m tools.wheel_contents dist/budgetnet-0.1.0-py3-none-any.whl
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from collections.abc import Collection, Sequence
from pathlib import Path

__all__ = ["check_contents", "main", "package_files"]

ROOT = Path(__file__).parents[1]


def package_files(root: Path) -> set[str]:
    """List the files of the package in a checkout, relative to the checkout; caches are left out."""
    return {
        path.relative_to(root).as_posix()
        for path in root.joinpath("budgetnet").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def check_contents(names: Collection[str], expected: Collection[str]) -> list[str]:
    """Compare a wheel's files with those of the package.

    Args:
        names: what the wheel holds.
        expected: what belongs into it besides its own metadata.

    Returns:
        One sentence for each file that is missing or should not be there.

    >>> check_contents(["budgetnet/text.py", "tests/test_text.py"], ["budgetnet/text.py", "budgetnet/py.typed"])
    ['the wheel lacks budgetnet/py.typed', 'the wheel holds tests/test_text.py, which is not part of the package']
    """
    inside = {name for name in names if not name.split("/")[0].endswith(".dist-info")}
    lacks = [f"the wheel lacks {name}" for name in sorted(set(expected) - inside)]
    stray = [f"the wheel holds {name}, which is not part of the package" for name in sorted(inside - set(expected))]
    return lacks + stray


def main(arguments: Sequence[str] | None = None) -> None:
    """Check a wheel against this checkout, and say how many files it holds."""
    parser = argparse.ArgumentParser(prog="python -m tools.wheel_contents", description="Check what a wheel holds.")
    parser.add_argument("wheel", type=Path)
    wheel: Path = parser.parse_args(arguments).wheel
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    if faults := check_contents(names, package_files(ROOT)):
        sys.exit("\n".join(faults))
    print(f"{wheel.name}: {len(names)} files, those of budgetnet/ and metadata")


if __name__ == "__main__":
    main()
