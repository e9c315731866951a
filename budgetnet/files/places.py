"""Suggestions for a file name that does not exist."""

from __future__ import annotations

from pathlib import Path

from budgetnet.errors import closest

__all__ = ["near"]

_SUFFIXES = (".yaml", ".yml")


def near(path: Path) -> str:
    """Return ``"; did you mean 'studies/quickstart.yaml'?"`` for a file near *path* that exists, or ``""``.

    Candidates are the name with a suffix, the same in the folder ``studies``, and the nearest name of a YAML file in
    the folder of *path*. If that folder does not exist, the text says so.
    """
    named = [path, *(path.with_name(path.name + suffix) for suffix in _SUFFIXES)] if path.name else []
    for found in (*named, *("studies" / candidate for candidate in named if not candidate.is_absolute())):
        if found.is_file():
            return f"; did you mean {str(found)!r}?"
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.suffix in _SUFFIXES]
    except OSError:
        return f"; there is no folder {path.parent}"
    name = closest(path.name, names)
    return f"; did you mean {str(path.with_name(name))!r}?" if name else ""
