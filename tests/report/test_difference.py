"""Two networks side by side."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from budgetnet.errors import ShapeError
from budgetnet.files.network_file import parse_network_file
from budgetnet.report.difference import difference, difference_document, difference_text

OTHER = """\
format: budgetnet/1
name: other
input: [1, 8, 8]
classes: 10
network: |
  network = conv(3, 8) skip(conv(3, 8) conv(1, 8)) maxpool gap linear(10)
"""


@pytest.fixture
def found(by_hand):
    """The comparison of two networks that differ inside a skip."""
    return difference(by_hand, parse_network_file(OTHER), ("a.yaml", "b.yaml"))


def test_changes_have_signs(found):
    """B minus A: one more 1x1 convolution of 8 channels with its norm on 8x8 positions."""
    document = difference_document(found)
    assert document["change"]["params"] == 8 * 8 + 2 * 8
    assert document["change"]["flops"] == (8 * 8 + 2 * 8) * 64
    assert document["change"]["depth"] == 1
    text = "\n".join(difference_text(found))
    assert "+80 (" in text
    assert "±0" in text


def test_lines_tell_what_each_network_has(found):
    """Without the other's lines, each side reads as its own text."""
    assert [text for mark, text in found.lines if mark != "+"] == [
        "conv(3, 8)",
        "skip(conv(3, 8))",
        "maxpool",
        "gap",
        "linear(10)",
    ]
    assert [text for mark, text in found.lines if mark != "-"][1] == "skip(conv(3, 8) conv(1, 8))"
    assert [mark for mark, _ in found.lines] == [" ", "-", "+", " ", " ", " "]


def test_a_network_equals_itself(by_hand):
    """No line differs, and the text says so."""
    same = difference(by_hand, by_hand, ("a", "a"))
    assert same.same
    assert difference_text(same)[-1] == "The two networks are the same."
    assert json.loads(json.dumps(difference_document(same)))["same"] is True


def test_different_inputs_are_said(by_hand):
    """Counts at different inputs cannot be compared silently."""
    wide = replace(by_hand, input_shape=(1, 16, 16))
    found = difference(by_hand, wide, ("a", "b"))
    assert not found.same
    assert "counted at different inputs: 1×8×8 and 1×16×16" in difference_text(found)


def test_a_network_that_does_not_suit_its_input_is_an_error(by_hand):
    """The closed form's complaint reaches the user."""
    with pytest.raises(ShapeError, match=r"kernel 2"):
        difference(by_hand, replace(by_hand, input_shape=(1, 1, 1)), ("a", "b"))
