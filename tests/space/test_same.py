"""Warnings about options that build the same thing, and about parameters that are never used."""

from __future__ import annotations

import pytest

from budgetnet.network.cost.closed_form import cost
from budgetnet.space.lint.lint import lint
from tests.space.spaces import FLAGSHIP, space_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("network = conv(3, 8, bias=auto|false) gap linear(classes)", "conv.bias=auto, false build the same thing"),
        (
            "network = conv(3, 8, bias=auto|true|false, act=relu|silu) gap linear(classes)",
            "conv.bias=auto, false build the same thing; leave one of them out",
        ),
        ("network = conv(3, 8) (identity | act(none)) gap linear(classes)", "build the same thing"),
        ("network = b(4, 5) gap linear(classes)\nb(c, k) = conv(3, c)", "the parameter 'k' is never used"),
    ],
)
def test_a_choice_without_effect_is_warned_of(text: str, words: str) -> None:
    """The warning names the place and the options, or the parameter."""
    (warning,) = lint(space_of(text))
    assert words in warning.text


@pytest.mark.parametrize(
    "text",
    [
        "network = conv(3, 8, norm=none, bias=auto|false) gap linear(classes)",
        "network = conv(1, 4) tied(dwconv(3|5)){2..3} gap linear(classes)",
        "network = b(4|6) gap linear(classes)\nb(c, k=c) = conv(3, k)",
        FLAGSHIP,
    ],
)
def test_choices_with_an_effect_are_not(text: str) -> None:
    """Options that differ in a layer or later, and parameters that a default reads, give no warning."""
    assert lint(space_of(text, shape=(3, 32, 32))) == ()


def test_a_nats_cell_may_change_the_width() -> None:
    """The cell of NATS-Bench projects its shortcut where its width is not its input's."""
    text = "from prelude import nats_cell\nnetwork = conv(3, 16) nats_cell(24) gap linear(classes)"
    space = space_of(text, shape=(3, 8, 8))
    found = space.expand(lambda decision: decision.allowed.index(True))
    assert cost(found.network, space.input_shape) == space.cost(found.network)
    assert "skip" in repr(found.network).lower()
