"""The blocks that ship with the package: legal, concrete, documented, and of the sizes that their papers state."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from budgetnet.derivation.expand import expand, refuse
from budgetnet.errors import LanguageError
from budgetnet.grammar.checks.grammar import check
from budgetnet.grammar.imports import prelude, resolve
from budgetnet.grammar.load import load_grammar
from budgetnet.grammar.parser import parse_grammar
from budgetnet.grammar.syntax import Graph
from budgetnet.network.cost.closed_form import cost
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Vocabulary

VOCABULARY = Vocabulary(BUILTIN)
SPACES = {"nb201_op", "nb201_cell"}
"""The only rules with something left to choose."""
GIVEN = {"c": "32", "e": "4", "n": "3"}
"""Arguments for parameters without a default."""


def call_of(rule) -> str:
    """A call of a rule with the arguments it needs."""
    needed = [GIVEN[parameter.name] for parameter in rule.parameters if parameter.default is None]
    return f"{rule.name}({', '.join(needed)})" if needed else rule.name


def network_of(text: str):
    """The one network that a text with imports stands for, for 3×32×32 inputs and 10 classes."""
    grammar = load_grammar(text, vocabulary=VOCABULARY)
    return expand(grammar, input_shape=(3, 32, 32), classes=10, vocabulary=VOCABULARY, choose=refuse).network


def params_of(text: str) -> int:
    """The parameters of that network."""
    return cost(network_of(text), (3, 32, 32)).params


def part_of(rule) -> str:
    """The rule as a part with one input."""
    if isinstance(rule.body, Graph) and len(rule.body.inputs) == 2:
        return f"graph {{ h = act(x); return {rule.name}(16)(x, h) }}"
    return call_of(rule)


@pytest.mark.parametrize("rule", prelude().rules, ids=lambda rule: rule.name)
def test_every_rule_stands_in_a_network(rule):
    """Imported alone, each rule brings what it needs, and is concrete unless it is a space."""
    text = f"from prelude import {rule.name}\nnetwork = conv(3, 32) {part_of(rule)} gap linear(classes)"
    assert check(resolve(parse_grammar(text), None), VOCABULARY) == ()
    if rule.name in SPACES:
        with pytest.raises(LanguageError, match=r"contains no choices, but nb201_.*kind is one of"):
            network_of(text)
    else:
        assert params_of(text) > 0


def test_every_rule_is_introduced_by_a_comment():
    """Each block of rules begins with a comment, and the papers' numbers are arXiv's."""
    text = files("budgetnet.grammar").joinpath("prelude.grammar").read_text(encoding="utf-8")
    for block in text.split("\n\n"):
        assert block.startswith("#") or re.match(r"(dropped|preact)_", block), block
    assert len(re.findall(r"arXiv[\s#]+\d{4}\.\d{5}", text)) >= 15


KNOWN = {
    # ResNet-20 for CIFAR-10 (He et al. 2015), with option A and option B shortcuts
    "from prelude import residual_padded network = conv(3, 16) residual_padded{3} residual_padded(32, 2)"
    " residual_padded{2} residual_padded(64, 2) residual_padded{2} gap linear(classes)": 269_722,
    "from prelude import residual_basic network = conv(3, 16) residual_basic{3} residual_basic(32, 2) residual_basic{2}"
    " residual_basic(64, 2) residual_basic{2} gap linear(classes)": 272_474,
    # "Tiniest" states 97.5k
    "from prelude import tiniest, tiniest_down network = conv(3, 48, norm=layer, act=none, bias=true) tiniest{3}"
    " tiniest_down(80) tiniest{3} gap linear(classes)": 97_530,
    # by hand: 1x1 to 128 and its norm, depthwise 3x3 and its norm, 1x1 back and its norm; stem and head
    "from prelude import mbconv network = conv(3, 32) mbconv(4) gap linear(classes)": (
        32 * 128 + 256 + 128 * 9 + 256 + 128 * 32 + 64
    )
    + (3 * 9 * 32 + 64)
    + 330,
    # by hand: the four slices of 8 channels, three of them convolved 3x3, each with a norm; stem and head
    "from prelude import res2net_split network = conv(3, 32) res2net_split gap linear(classes)": 3 * (8 * 8 * 9 + 16)
    + (3 * 9 * 32 + 64)
    + 330,
}


@pytest.mark.parametrize("text", KNOWN, ids=lambda text: text.split()[3].rstrip(","))
def test_known_sizes(text):
    """Networks made of these blocks have the parameters that papers or hand arithmetic give."""
    assert params_of(text) == KNOWN[text]


def test_darts_cells_chain_on_two_inputs():
    """Normal and reduction cells follow each other on the last two outputs."""
    text = """
    from prelude import darts_normal, darts_reduce
    network = conv(3, 48, act=none) graph {
        c1 = darts_normal(16)(x, x)
        c2 = darts_normal(16)(x, c1)
        r1 = darts_reduce(32)(c1, c2)
        c3 = darts_normal(32, 2)(c2, r1)
        return c3
    } gap linear(classes)
    """
    assert params_of(text) > 0
