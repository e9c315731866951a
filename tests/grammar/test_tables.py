"""The parser's tables, made ahead of time or built."""

from __future__ import annotations

import json
from pathlib import Path

import lark
import pytest

from budgetnet.errors import LanguageError
from budgetnet.grammar import tables
from budgetnet.grammar.parser import parse_grammar
from tools.grammar_tables import FILE, text

PRELUDE = Path(tables.__file__).with_name("prelude.grammar").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def fresh_parser():
    """Make the parser anew, before and after."""
    tables.parser_tables.cache_clear()
    yield
    tables.parser_tables.cache_clear()


def test_the_file_is_current(tmp_path, monkeypatch):
    """It belongs to the grammar as it is, is read with its version of lark, and the tool writes what can be read."""
    kept = json.loads(FILE.read_text(encoding="utf-8"))
    assert kept["grammar"] == tables.grammar_digest(), (
        "run python -m tools.grammar_tables > budgetnet/grammar/tables.json"
    )
    assert (tables._load() is not None) == (kept["lark"] == lark.__version__)
    anew = tmp_path / "tables.json"
    anew.write_text(text(), encoding="utf-8")
    monkeypatch.setattr(tables, "TABLES", anew)
    assert tables._load() is not None


@pytest.mark.parametrize("other", ["lark", "grammar", "missing"])
def test_without_the_file_the_same_is_read(monkeypatch, tmp_path, other):
    """Another lark, another grammar or no file at all: the tables are built, and trees and errors are equal."""
    tree = parse_grammar(PRELUDE)
    with pytest.raises(LanguageError) as expected:
        parse_grammar("network = conv(3 16)")
    changed = tmp_path / "tables.json"
    if other != "missing":
        changed.write_text(json.dumps({**json.loads(FILE.read_text(encoding="utf-8")), other: "0"}), encoding="utf-8")
    monkeypatch.setattr(tables, "TABLES", changed)
    tables.parser_tables.cache_clear()
    assert tables._load() is None
    assert parse_grammar(PRELUDE) == tree
    with pytest.raises(LanguageError) as found:
        parse_grammar("network = conv(3 16)")
    assert str(found.value) == str(expected.value)
