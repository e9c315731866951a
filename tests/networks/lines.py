"""Lines of grammar beside lines of the usual Python, for every shipped network.

Run as ``python -m tests.networks.lines`` for the table in Markdown. Counted on both sides: lines with code on
them; not blank lines, comments and docstrings, and on the Python side not imports. A network's grammar is the text
in its file, and beside it the rules that it takes from the prelude; its Python is the classes that a
reader needs to rebuild it, torchvision's where it has the network, else the ones these tests compare with.
"""

from __future__ import annotations

import ast
import inspect
import io
import sys
import textwrap
import tokenize
from importlib.resources import files
from types import FunctionType

import yaml

from budgetnet.grammar.imports import prelude
from budgetnet.grammar.load import load_grammar
from tests.networks.published import FOLDER, PUBLISHED, Published

__all__ = ["Lines", "count", "table"]

_NO_CODE = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)

Lines = tuple[int, int, int]
"""Of a network's own grammar, of the prelude's rules in it, of the usual Python."""


def count(known: Published) -> Lines:
    """Count one network's lines."""
    text = yaml.safe_load((FOLDER / f"{known.name}.yaml").read_text(encoding="utf-8"))["network"]
    imported = {rule.name for rule in load_grammar(text).rules if rule.source and rule.source.name == "prelude.grammar"}
    sizes = _prelude_lines()
    return _grammar_lines(text), sum(sizes[name] for name in imported), sum(map(_python_lines, known.python))


def table() -> str:
    """The Markdown table."""
    rows = ["| network | grammar | + prelude rules | usual Python | from |", "|---|---:|---:|---:|---|"]
    for known in PUBLISHED:
        own, shared, python = count(known)
        origin = "torchvision" if known.python[0].__module__.startswith("torchvision") else "tests/networks"
        rows.append(f"| {known.name} | {own} | {shared} | {python} | {origin} |")
    return "\n".join(rows) + "\n"


def _grammar_lines(text: str) -> int:
    return sum(1 for line in text.splitlines() if line.split("#")[0].strip())


def _prelude_lines() -> dict[str, int]:
    """Lines of each rule of the prelude, to where the next one begins."""
    lines = files("budgetnet.grammar").joinpath("prelude.grammar").read_text(encoding="utf-8").splitlines()
    starts = sorted((rule.span.line, rule.name) for rule in prelude().rules)
    ends = [line for line, _ in starts[1:]] + [len(lines) + 1]
    return {
        name: _grammar_lines("\n".join(lines[line - 1 : end - 1]))
        for (line, name), end in zip(starts, ends, strict=True)
    }


def _python_lines(part: type | FunctionType) -> int:
    source = textwrap.dedent(inspect.getsource(part))
    code = {
        line
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in _NO_CODE
        for line in range(token.start[0], token.end[0] + 1)
    }
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False) is not None:
            docstring = node.body[0]
            code -= set(range(docstring.lineno, (docstring.end_lineno or docstring.lineno) + 1))
    return len(code)


if __name__ == "__main__":
    sys.stdout.write(table())
