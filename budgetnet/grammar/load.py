"""Text to a grammar that is ready for use: parsed, with imports resolved, checked and labelled."""

from __future__ import annotations

from pathlib import Path

from budgetnet.grammar.checks.grammar import check
from budgetnet.grammar.imports import resolve
from budgetnet.grammar.parser import parse
from budgetnet.grammar.sites import label
from budgetnet.grammar.syntax import Grammar
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Vocabulary

__all__ = ["load"]


def load(
    text: str,
    *,
    name: str = "<text>",
    first_line: int = 1,
    indent: int = 0,
    vocabulary: Vocabulary | None = None,
    folder: Path | None = None,
) -> Grammar:
    """Read a grammar or a network from text.

    Imported rules follow the text's own rules, each with its own source; the result has no imports left. Warnings
    are not reported here: `budgetnet.grammar.checks.grammar.check` returns them.

    Args:
        text: the rules.
        name: the file's name, for errors.
        first_line: the file's line on which the text begins.
        indent: columns of the file before each line of the text.
        vocabulary: the primitives that may be called; the built-in ones by default.
        folder: the folder of imported files; None forbids importing files.

    Raises:
        LanguageError: with file, line, column, the line and a caret.
    """
    words = vocabulary or Vocabulary(BUILTIN)
    grammar = resolve(parse(text, name=name, first_line=first_line, indent=indent), folder)
    check(grammar, words)
    return label(grammar, words)
