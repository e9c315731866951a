"""The parser's LALR tables: read from a file that was made ahead of time, or built by lark from the grammar."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import lark
from lark import Lark, Token
from lark.lexer import Lexer

from budgetnet.grammar.transformer import Builder

__all__ = ["TABLES", "build_tables", "grammar_digest", "parser_tables"]

TABLES = Path(__file__).with_name("tables.json")
"""Written by ``python -m tools.grammar_tables``; reading it is ten times as fast as building."""

_GRAMMAR = Path(__file__).with_name("grammar.lark")


class _Ready(Lexer):
    """Passes on tokens that are already scanned."""

    def __init__(self, lexer_conf: object) -> None:
        pass

    def lex(self, tokens: Any, parser_state: object = None) -> Iterator[Token]:  # noqa: ARG002  (lark's signature)
        return iter(tokens)


@cache
def parser_tables() -> Lark:
    """Return lark's parser of the language, made once per process."""
    return _load() or build_tables()


def build_tables() -> Lark:
    """Build the parser from the grammar."""
    text = _GRAMMAR.read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer=_Ready, transformer=Builder(), maybe_placeholders=True)


def grammar_digest() -> str:
    """Return a digest of the grammar's text."""
    return hashlib.sha256(_GRAMMAR.read_bytes()).hexdigest()


def _load() -> Lark | None:
    """The parser from the file; None if that belongs to another version of lark or another grammar."""
    if not TABLES.is_file():
        return None
    kept = json.loads(TABLES.read_text(encoding="utf-8"))
    if (kept["lark"], kept["grammar"]) != (lark.__version__, grammar_digest()):
        return None
    data = _with_numbers(kept["data"])
    data["options"] |= {"lexer": _Ready, "transformer": Builder()}  # classes and objects are not in JSON
    data["parser"]["lexer_conf"]["lexer_type"] = _Ready
    return Lark.load({"data": data, "memo": _with_numbers(kept["memo"])})  # a dict stands for the file


def _with_numbers(value: Any) -> Any:
    """Turn keys that were numbers before they were JSON into numbers again."""
    if isinstance(value, dict):
        return {int(key) if key.isdigit() else key: _with_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_numbers(inner) for inner in value]
    return value
