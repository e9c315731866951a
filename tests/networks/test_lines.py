"""The table of lines of grammar beside lines of the usual Python."""

from __future__ import annotations

import pytest

from tests.networks.lines import count, table
from tests.networks.published import BY_NAME, PUBLISHED, Published


@pytest.mark.parametrize("known", PUBLISHED, ids=lambda known: known.name)
def test_grammar_is_shorter(known: Published):
    """A network's own text and the prelude's rules in it are shorter than the usual Python."""
    own, shared, python = count(known)
    assert own + shared < python


def test_lines_are_counted_without_blanks_and_comments():
    """By hand: one import and six lines of network; the prelude's rule is one line long."""
    assert count(BY_NAME["resnet-20-option-a"])[:2] == (7, 1)


def test_the_table_has_a_row_for_each_network():
    """Names, three numbers and where the Python is from."""
    rows = table().splitlines()
    assert len(rows) == 2 + len(PUBLISHED)
    assert "| squeezenet-1.1 |" in table()
    assert rows[2].startswith("| resnet-20-option-a | 7 | 1 | ")
