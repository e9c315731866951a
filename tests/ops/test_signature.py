"""The primitives' signatures, their defaults, and their table for readers."""

from __future__ import annotations

import pytest

from budgetnet.grammar.lexer import RESERVED
from budgetnet.grammar.load import load_grammar
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Vocabulary
from tools.language_reference import primitive_table, usage

VOCABULARY = Vocabulary(BUILTIN)


def test_the_table_has_every_primitive_as_it_is_called():
    """One row each, with defaults and help."""
    table = primitive_table(VOCABULARY)
    assert table.splitlines()[:2] == ["| primitive | meaning |", "|---|---|"]
    assert len(table.splitlines()) == len(BUILTIN) + 2
    assert "| `gap` | global average pooling to 1x1 |" in table
    assert "`maxpool(kernel=2, stride=auto, padding=0, ceil=false)`" in table
    assert "`linear(features, bias=true, act=none, dropout=0.0)`" in table


@pytest.mark.parametrize("name", BUILTIN)
def test_a_primitive_can_be_called_as_its_usage_says(name):
    """What the table shows is legal text once the required arguments are filled in."""
    text = usage(BUILTIN[name])
    for parameter in BUILTIN[name].parameters:
        if parameter.default is None:
            text = text.replace(parameter.name, f"{parameter.name}={0.5 if parameter.kind == 'float' else 3}", 1)
    load_grammar(f"network = {text}")


def test_a_study_may_change_defaults():
    """A new default shows in the table and leaves the built-in signatures alone."""
    changed = VOCABULARY.with_defaults({"conv": {"act": "gelu"}})
    assert "act=gelu" in primitive_table(changed)
    assert "act=gelu" not in primitive_table(VOCABULARY)


def test_no_primitive_is_a_word_of_the_language():
    """Reserved words are not callable."""
    assert not RESERVED & BUILTIN.keys()
