"""Parameters that are parts: what may be passed, how decisions are named, and how texts come back."""

from __future__ import annotations

import random

import pytest

from budgetnet.errors import LanguageError, ShapeError
from budgetnet.grammar.checks.grammar import check
from budgetnet.grammar.given import given_parts
from budgetnet.grammar.load import load_grammar
from budgetnet.grammar.parser import parse_grammar
from budgetnet.grammar.printer import to_text
from budgetnet.network.text import network_text
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Vocabulary
from budgetnet.space.choosers import prior, replay
from budgetnet.space.recognise import Recognition, recognise
from tests.space.spaces import space_of

TEXT = """
network = conv(3, 4) model(cell) gap linear(classes)
model(p) = stage(p, 4) stage(p, 8)
stage(q, c) = conv(1, c) q{2}
cell = conv(3|5, in) se?
"""


def test_a_parameter_that_is_called_or_passed_on_is_a_part() -> None:
    """The rules that are passed for it are known, through any rules."""
    assert given_parts(load_grammar(TEXT)) == {"model": {"p": ("cell",)}, "stage": {"q": ("cell",)}}


def test_a_part_is_drawn_once_and_named_after_the_parameter_it_was_passed_for() -> None:
    """Its decisions have the names of the call that drew it, and the network holds four equal cells."""
    space = space_of(TEXT, shape=(3, 8, 8))
    drawn = space.expand(replay({"model.p.conv.kernel": 5, "model.p.se.used": True}, prior(random.Random(0))))
    assert drawn.decisions == {"model.p.conv.kernel": 5, "model.p.se.used": True}
    assert recognise(drawn.network, space) == Recognition(drawn.decisions)
    layers = network_text(drawn.network).split()[2:]
    assert " ".join(layers) == (
        "conv(3, 4) conv(1, 4) conv(5, 4) se conv(5, 4) se conv(1, 8) conv(5, 8) se conv(5, 8) se gap linear(3)"
    )


def test_calls_draw_independently() -> None:
    """Each call that a rule is passed to draws a part of its own."""
    text = "network = model(cell) model(cell) gap linear(classes)\nmodel(p) = p p\ncell = conv(3|5, 4)"
    drawn = space_of(text, shape=(3, 8, 8)).expand(prior(random.Random(0)))
    assert list(drawn.decisions) == ["model.p.conv.kernel", "model#2.p.conv.kernel"]


def test_texts_come_back() -> None:
    """Printing and parsing gives the same grammar, and nothing is suspicious about it."""
    grammar = load_grammar(TEXT)
    assert parse_grammar(to_text(grammar)) == grammar
    assert check(parse_grammar(TEXT), Vocabulary(BUILTIN)) == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("network = m(3)\nm(p) = p", "m: p is a part, so it must be the name of a rule, but got a value"),
        ("network = m(cel)\nm(p) = p\ncell = gap", "m: p is a part, but there is no rule 'cel'; did you mean 'cell'?"),
        ("network = m(gap)\nm(p) = p", "'gap' is a primitive; write a rule for it: part = gap(…)"),
        ("network = m(a)\nm(p) = p(3|5)\na(k) = conv(k, 4)", "so its arguments hold no choices; choose in its rule"),
        ("network = m(a)\nm(p) = p(3)\na = conv(3, 4)", "a takes no arguments, but got 1"),
        ("network = m(a)\nm(p) = p\na(k) = conv(k, 4)", "a needs k: a(k)"),
        (
            "network = m(a)\nm(a) = a a\na = conv(3, 4)",
            "'a' is a rule and a parameter of this one; give",
        ),
        ("network = m(a)\nm(p) = p?\na = act | m(a)", "'p' is passed a part that leads back to 'm'"),
        (
            "network = m(a|b)\nm(p) = graph { return p(x, x) }\na = graph(s, t) { return s + t }\nb = gap",
            "all rules that are passed as 'p' must take as many inputs, but 'a' takes 2 and 'b' takes 1",
        ),
    ],
)
def test_what_cannot_be_passed_is_refused(text: str, message: str) -> None:
    """With the place in the text, and a way out."""
    with pytest.raises(LanguageError) as found:
        load_grammar(text)
    assert message in str(found.value)


def test_a_part_must_take_the_same_decisions_everywhere() -> None:
    """A choice that exists at one width alone cannot be taken at another."""
    text = "network = conv(1, 2) m(a) gap linear(classes)\nm(p) = p conv(1, 4) p\na = (conv(3|5, 2) if in == 2 | act)"
    with pytest.raises(ShapeError) as found:
        space_of(text, shape=(3, 8, 8)).expand(prior(random.Random(0)))
    assert (
        "a part that is passed must be the same everywhere, but a copy does not reach kind; make its repetitions and "
        "choices independent of 'in' (at m)"
    ) in str(found.value)
