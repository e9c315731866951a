"""Printing and parsing undo each other."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from budgetnet.grammar.imports import prelude
from budgetnet.grammar.parser import parse_grammar
from budgetnet.grammar.printer import LINE_WIDTH, expression_text, to_text, value_text
from budgetnet.grammar.syntax import Grammar, Rule
from tests.grammar.strategies import expressions, grammars, values

quick = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(grammars)
def test_a_printed_grammar_parses_to_itself(grammar):
    """parse(to_text(tree)) == tree for any tree in normal form, and printing that again changes nothing."""
    text = to_text(grammar)
    parsed = parse_grammar(text)
    assert parsed == grammar
    assert to_text(parsed) == text


@quick
@given(expressions)
def test_a_part_on_one_line_parses_to_itself(part):
    """expression_text gives one line that means the part."""
    text = expression_text(part)
    assert "\n" not in text
    assert parse_grammar(f"a = {text}").rules[0].body == part


@quick
@given(values)
def test_a_value_on_one_line_parses_to_itself(value):
    """value_text gives one line that means the value."""
    call = parse_grammar(f"a = b({value_text(value)})").rules[0].body
    assert call.arguments[0].value == value


def test_the_prelude_survives_the_printer():
    """The rules that ship with the package round-trip too."""
    assert parse_grammar(to_text(prelude())) == prelude()


def test_short_rules_stand_on_one_line():
    """What fits into the width is not broken."""
    text = "stage(c, k=3) = (a | b @3){1..2} conv(3, c*2, act=relu|gelu)? skip(d, project=none)\n"
    assert to_text(parse_grammar(text)) == text


def test_long_rules_are_broken_where_they_hang_together():
    """A sequence stands with one part per line, a graph with one statement per line."""
    text = """\
network =
    skip(
        conv(3, 16, stride=2, dilation=4|8|16, norm=group)
        dwconv(3)
        conv(1, 24)
        dwconv(5)
        conv(1, 32, act=none),
        project=conv(1, 32, stride=2, act=none)
    )
    (one_alternative | another_alternative | and_a_third_alternative | a_fourth_one @2){1..3}
    gap
    linear(classes)
cell(c) = graph(first, second) {
    left = conv(3, c)(first) + conv(3, c, stride=2, dilation=2|4)(second)
    right = (conv(1, c) | conv(3, c))(left)
    return concat(left, right)
}
"""
    assert to_text(parse_grammar(text)) == text


def test_no_line_is_wider_than_it_must_be():
    """Nested long parts are broken again."""
    text = f"network = skip(skip(parallel({', '.join(['conv(3, 16) conv(5, 16)'] * 6)})))"
    lines = to_text(parse_grammar(text)).splitlines()
    assert max(map(len, lines)) <= LINE_WIDTH


def test_rules_built_by_hand_print_without_spans():
    """Trees need no source to be printed."""
    body = parse_grammar("a = conv(3, 16)").rules[0].body
    assert to_text(Grammar((Rule("network", (), body),))) == "network = conv(3, 16)\n"
