"""Wording that holds for the whole package: how docstrings begin, and one voice in error messages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import budgetnet
from budgetnet import errors

PACKAGE = Path(budgetnet.__file__).parent

FRAGMENT = re.compile(r"(Of|What|Whether|Where|How many|How much)\b")
"""Beginnings of a docstring that leave out the noun or the verb."""

RAISED = {name for name in errors.__all__ if name.endswith("Error")} | {"BuildError"}
"""Errors whose text a user reads."""

LOCATED = ("error", "rule_error")
"""Functions that put a message behind its place in a text; the message is their last argument."""


def sources() -> list[Path]:
    """The modules of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of every string that is a statement: docstrings, and the descriptions below fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value.strip()


def messages(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Line, beginning and end of every literal error message; a value inside it is shown as ``{}``."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name not in RAISED and name not in LOCATED:
            continue
        text = node.args[-1]
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            yield node.lineno, text.value, text.value
        elif isinstance(text, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in text.values]
            yield node.lineno, str(parts[0]), str(parts[-1])


def wrong_docstrings(tree: ast.Module) -> list[tuple[int, str]]:
    """Lines and texts of the docstrings that begin with a fragment."""
    return [(line, text) for line, text in docstrings(tree) if FRAGMENT.match(text)]


def wrong_messages(tree: ast.Module) -> list[tuple[int, str]]:
    """Lines and beginnings of the messages with a capital letter in front or a full stop at the end.

    Acronyms and names of classes keep their letters.
    """
    return [
        (line, begin) for line, begin, end in messages(tree) if re.match(r"[A-Z][a-z]*\b", begin) or end.endswith(".")
    ]


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_docstrings_and_messages_have_one_voice(path: Path) -> None:
    """No docstring begins with a fragment; messages begin in lower case and end without a full stop."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not wrong_docstrings(tree)
    assert not wrong_messages(tree)


@pytest.mark.parametrize(
    "source",
    [
        '"""Whether it rains."""',
        'class Day:\n    rain: float\n    """Of the whole day."""',
        'def rain():\n    """How much it rains."""',
    ],
)
def test_fragments_are_found(source: str) -> None:
    """Docstrings of modules, fields and functions are checked."""
    assert wrong_docstrings(ast.parse(source))


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        ('raise RequestError("A day must be dry")', True),
        ('raise RequestError(f"a day must be dry, but got {rain}.")', True),
        ('raise source.error(span, f"Days are {rain}")', True),
        ('raise RequestError(f"{path} is wet; dry it")', False),
        ('raise RequestError("a day must be dry; wait")', False),
        ('raise ValueError("Not for users.")', False),
    ],
)
def test_wrong_messages_are_found(statement: str, wrong: bool) -> None:
    """Capital letters and full stops are found in plain and formatted messages of the package's errors."""
    assert bool(wrong_messages(ast.parse(statement))) is wrong
