"""Growth of recursive rules."""

from __future__ import annotations

import pytest

from budgetnet.derivation.growth import growth_of
from budgetnet.grammar.load import load_grammar
from budgetnet.space.lint.lint import examine
from tests.space.spaces import space_of


@pytest.mark.parametrize(
    ("rules", "growth"),
    [
        ("tree = conv(3, 4) | parallel(tree, tree) | skip(tree)", {"tree": 1.0}),
        ("tree = conv(3, 4) @3 | parallel(tree, conv(1, 4))", {"tree": 0.25}),
        ("tree = conv(3, 4) skip(tree)?", {"tree": 0.5}),
        ("tree = conv(3, 4) skip(tree{1..3} | identity)", {"tree": 1.0}),
        ("tree = conv(3, 4) | skip(leaf leaf)\nleaf = dwconv(3) | tree tree", {"tree": 1.0, "leaf": 1.0}),
        ("tree = graph { h = (conv(3, 4) | tree)(x); return h + (identity | tree)(x) }", {"tree": 1.0}),
        ("tree = conv(3, 4) skip(dwconv(3|5))", {}),
    ],
)
def test_growth_is_the_mean_number_of_further_calls(rules: str, growth: dict[str, float]) -> None:
    """By the weights of the grammar, over direct calls and over rules that call each other."""
    assert growth_of(load_grammar(f"network = conv(1, 4) tree gap linear(classes)\n{rules}")) == growth


def test_a_rule_that_grows_by_itself_is_warned_of() -> None:
    """The warning names the rule and its growth; a rule that ends by itself gives none."""
    text = "network = conv(1, 4) tree gap linear(classes)\ntree = {}"
    growing = space_of(text.format("conv(3, 4) | parallel(tree, tree) | skip(tree)"), params=5000)
    (warning,) = examine(growing, steps=1000).warnings
    assert "the rule 'tree' tends to grow without end: each call leads to 1 further calls on average" in warning.text
    ending = space_of(text.format("conv(3, 4) @3 | parallel(tree, tree) | skip(tree)"), params=5000)
    assert not examine(ending, steps=1000).warnings
