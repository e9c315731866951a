"""Suggestions for a file name that does not exist."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from budgetnet.errors import RequestError, closest
from budgetnet.text import escaped

__all__ = ["check_utf8_place", "near", "network_in", "study_in"]

_SUFFIXES = (".yaml", ".yml")


def near(path: Path) -> str:
    """Return ``"; did you mean 'studies/quickstart.yaml'?"`` for a file near *path* that exists, or ``""``.

    Candidates are the name with a suffix, the same in the folder ``studies``, and the nearest name of a YAML file in
    the folder of *path* or in ``studies``; hidden files are none. If the folder does not exist, or the file is a link
    to nothing, the text says so.
    """
    if path.is_symlink():
        return f"; it is a link to {path.readlink()}, which is not there"
    named = [path, *(path.with_name(path.name + suffix) for suffix in _SUFFIXES)] if path.name else []
    for found in (*named, *("studies" / candidate for candidate in named if not candidate.is_absolute())):
        if found.is_file():
            return f"; did you mean {str(found)!r}?"
    if not path.parent.is_dir():
        return f"; there is no folder {path.parent}"
    for folder in (path.parent, *(() if path.is_absolute() else ("studies" / path.parent, Path("studies/networks")))):
        there = {file.stem: file for file in _files(folder)}
        stem = closest(path.stem, there)
        if stem is not None:
            return f"; did you mean {str(there[stem])!r}?"
    return ""


def check_utf8_place(folder: Path) -> None:
    """Refuse a folder for results whose path is not UTF-8 text: the files of weights cannot be opened there.

    Raises:
        RequestError: it is not.
    """
    path = str(folder.absolute())
    try:
        path.encode()
    except UnicodeEncodeError:
        raise RequestError(
            f"the path of a folder for results must be UTF-8 text, but got {escaped(path)}; choose another with --out, "
            "or rename its folders"
        ) from None


def study_in(folder: Path) -> str:
    """Return ``"; name a file in it, such as studies/quickstart.yaml"``: the first study in a folder."""
    return _named(folder, lambda text: not _is_network(text) and "\ngrammar:" in f"\n{text}")


def network_in(folder: Path) -> str:
    """Return ``"; name a file in it, such as studies/networks/tiniest.yaml"``: the first network in a folder."""
    return _named(folder, _is_network)


def _named(folder: Path, wanted: Callable[[str], bool]) -> str:
    for place in (folder, *sorted(entry for entry in folder.iterdir() if entry.is_dir())):
        for file in _files(place):
            with suppress(OSError, UnicodeDecodeError):
                if wanted(file.read_text(encoding="utf-8")):
                    return f"; name a file in it, such as {file}"
    return "; name a file"


def _is_network(text: str) -> bool:
    return "\nnetwork:" in f"\n{text}" and "\ngrammar:" not in f"\n{text}"


def _files(folder: Path) -> list[Path]:
    """The YAML files of a folder that may be a user's: no hidden ones."""
    if not folder.is_dir():
        return []
    try:
        found = (file for file in folder.iterdir() if file.suffix in _SUFFIXES and not file.name.startswith("."))
        return sorted(file for file in found if file.exists())
    except OSError:
        return []
