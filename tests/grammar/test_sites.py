"""Sites: stable, readable, unique names of everything left to choose."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings

from budgetnet.grammar.parser import parse
from budgetnet.grammar.sites import label
from budgetnet.grammar.syntax import Alternatives, Choice, Optional, Range, Repeat
from budgetnet.grammar.walk import walk
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Vocabulary
from tests.grammar.strategies import grammars

VOCABULARY = Vocabulary(BUILTIN)


def sites(text: str) -> list[str]:
    """The sites of the first rule in the order of the text, calls included."""
    rule = label(parse(text), VOCABULARY).rules[0]
    roots = [parameter.default for parameter in rule.parameters if parameter.default is not None]
    return [node.site for root in [*roots, rule.body] for node in walk(root) if getattr(node, "site", "")]


CASES = {
    "r = conv(3|5, 16|24, act=relu|gelu)": ["conv", "conv.kernel", "conv.channels", "conv.act"],
    "r = conv(3, 8..64:8) conv(3|5, 3)": ["conv", "conv.channels", "conv#2", "conv#2.kernel"],
    "r = conv(3|5, 3) conv(3|5, 3)": ["conv", "conv.kernel", "conv#2", "conv#2.kernel"],
    "r = conv(3, (1|2)*(3|4))": ["conv", "conv.channels", "conv.channels#2"],
    "r = conv(3, 1|(2|3))": ["conv", "conv.channels", "conv.channels#2"],
    "r = a | (b | c)": ["kind", "a", "kind#2", "b", "c"],
    "r = a{1..2} a{1..3} (a b){1..2}": ["a.count", "a", "a#2.count", "a#2", "repeat.count", "a#3", "b"],
    "r = a{2} a{1..2}": ["a", "a#2.count", "a#2"],
    "r = a{2|3} (a b){1|2}": ["a", "a.times", "a#2", "b", "repeat.times"],
    "r = a{1..(2|3)}": ["a.count", "a", "a.times"],
    "r = a? (a b)?": ["a.used", "a", "part.used", "a#2", "b"],
    "r = stage(1|2) stage(3) stage = gap": ["stage", "stage.1", "stage#2"],
    "r = stage(1|2, w=3|4) stage(c, w) = gap": ["stage", "stage.c", "stage.w"],
    "r = op(relu|gelu) op(kind) = act(kind) | gap": ["op", "op.kind.value"],
    "r(c=16|24, kind=1|2) = conv(3, c|8)": ["c.default", "kind.default", "conv", "conv.channels"],
    "r = skip(a | b, project=c | d)": ["kind", "a", "b", "kind#2", "c", "d"],
    "r = graph { h = (a | b)(x); return h + c{1..2}(h) }": ["kind", "a", "b", "c.count", "c"],
}


@pytest.mark.parametrize("text", CASES)
def test_sites(text):
    """Sites are made of the names in the text; equal ones are numbered."""
    assert sites(text) == CASES[text]


def test_one_bound_is_still_one_object():
    """The choice in `{2|3}` is drawn once, so it has one site."""
    body = label(parse("r = a{2|3}"), VOCABULARY).rules[0].body
    assert body.low is body.high
    assert body.low.site == "a.times"


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(grammars)
def test_labels_change_nothing_but_sites_and_are_unique(grammar):
    """Any tree can be labelled; whatever is left to choose has a site of its own within its rule."""
    labelled = label(grammar, VOCABULARY)
    assert labelled == grammar
    for rule in labelled.rules:
        roots = [parameter.default for parameter in rule.parameters if parameter.default is not None]
        nodes = [node for root in [*roots, rule.body] for node in walk(root)]
        left = [node for node in nodes if isinstance(node, Alternatives | Choice | Range | Optional)]
        left += [node for node in nodes if isinstance(node, Repeat) and node.low != node.high]
        assert all(node.site for node in left)
        assert max(Counter(node.site for node in nodes if getattr(node, "site", "")).values(), default=1) == 1
