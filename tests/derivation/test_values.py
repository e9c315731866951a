"""Arguments: parameters, defaults, arithmetic, choices and ranges, and what is wrong with them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torchvision.models._utils import _make_divisible

from budgetnet.derivation.decision import Decision, Label
from budgetnet.derivation.expand import expand, refuse
from budgetnet.derivation.values import told_apart
from budgetnet.errors import LanguageError
from budgetnet.grammar.functions import FUNCTIONS
from budgetnet.grammar.load import load_grammar
from budgetnet.network.nodes import (
    Conv,
    DepthwiseConv,
    GlobalAvgPool,
    Linear,
    Sequence,
    Skip,
)
from tests.derivation.derivations import (
    IMAGE,
    VOCABULARY,
    built,
    conv,
    derive,
    names,
)

# --- values -----------------------------------------------------------------------------------------


def test_a_parameter_is_drawn_once_and_shared() -> None:
    """A choice in a call's argument is one decision, whatever uses the parameter."""
    text = "network = stage(24|32){2}\nstage(c) = conv(3, c) skip(conv(3, c))"
    expansion = derive(text, {"stage[1].c": 32})
    assert expansion.decisions == {"stage[0].c": 24, "stage[1].c": 32}
    assert expansion.network == Sequence((conv(3, 24), Skip(conv(3, 24)), conv(3, 32), Skip(conv(3, 32))))


def test_defaults_see_the_width_at_entry() -> None:
    """`in` in a default is the width where the rule is called, everywhere else the width at hand."""
    text = "network = conv(3, 8) mbconv(3) a\nmbconv(e, c=in) = skip(conv(1, c*e) dwconv(5) conv(1, c, act=none))\n"
    text += "a(c=in*2, d=c+1) = conv(1, c) conv(1, in+1) conv(1, d)"
    assert built(text) == Sequence(
        (
            conv(3, 8),
            Skip(Sequence((conv(1, 24), DepthwiseConv(5), Conv(1, 8, act="none")))),
            conv(1, 16),
            conv(1, 17),
            conv(1, 17),
        )
    )


def test_choices_in_defaults() -> None:
    """A default's choice is asked under the called rule's path, once per call, and only if it is needed."""
    text = "network = a a(5) a\na(k=3|5, c=8) = conv(k, c)"
    assert derive(text, {"a#3.k.default": 5}).decisions == {"a.k.default": 3, "a#3.k.default": 5}
    text = "network = a\na(k=3|5, c=(4|8)*k) = conv(k, c)"
    expansion = derive(text, {"a.k.default": 5, "a.c.default": 8})
    assert expansion.network == conv(5, 40)


def test_arguments_by_name_in_any_order() -> None:
    """Arguments go by position or name."""
    text = "network = a(c=4, k=1) a(3, c=8)\na(k, c) = conv(k, channels=c)"
    assert built(text) == Sequence((conv(1, 4), conv(3, 8)))


def test_arithmetic_and_choices_inside_it() -> None:
    """`+ - * //` on numbers, with choices anywhere in them; `//` rounds down."""
    text = "network = conv(3, (8|16)*(1|2) + 7//2 - 1)"
    assert built(text, {"conv.channels": 16, "conv.channels#2": 2}) == conv(3, 34)
    assert names(text) == ["conv.channels", "conv.channels#2"]
    assert built("network = conv(3, classes*2)") == conv(3, 20)


@pytest.mark.parametrize(
    ("written", "width"),
    [
        ("in*0.75", 45), ("in/4", 15), ("60*0.1*3", 18), ("in/8 + 0.5", 8), ("max(in, 64, 7)", 64),
        ("min(in//2, 64)", 30),
        ("max(3)", 3), ("min(in)", 60), ("round(in/8)", 8), ("round(in/8 - 0.1)", 7), ("round(in*0.7, 8)", 40),
        ("round(44, 8)", 48), ("round(10, 8)", 8),
        ("divisible(10, 8)", 16), ("divisible(240/4, 8)", 64), ("divisible(72/4, 4)", 20), ("divisible(3, 8)", 8),
    ],
)  # fmt: skip
def test_functions_and_fractions(written: str, width: int) -> None:
    """A result that is whole is a whole number; widths are rounded as MobileNetV3 (64) and GhostNet (20) do."""
    assert built(f"network = conv(1, 60) conv(1, {written})") == Sequence((conv(1, 60), conv(1, width)))


def test_choices_inside_functions() -> None:
    """Each choice is asked, and the record reads like the text."""
    text = "network = a(8|16)\na(c) = conv(3, max(c, 4|12))"
    assert built(text, {"a.c": 8, "a.conv.channels": 12}) == conv(3, 12)
    assert built(text, {"a.c": 16, "a.conv.channels": 12}) == conv(3, 16)


@given(st.integers(1, 2000), st.sampled_from([1, 2, 4, 8, 16]))
def test_divisible_is_the_rounding_of_mobilenet(number: int, divisor: int) -> None:
    """As torchvision rounds the widths of its MobileNets."""
    assert FUNCTIONS["divisible"].compute(number, divisor) == _make_divisible(number, divisor)


@pytest.mark.parametrize(
    ("written", "labels", "stable"),
    [
        ("conv(3, 16|24|32)", (16, 24, 32), True),
        ("conv(3, 16..48:8)", (16, 24, 32, 40, 48), True),
        ("conv(3, 16..50:8)", (16, 24, 32, 40, 48), True),
        ("conv(3, 16..128*2)", (16, 32, 64, 128), True),
        ("conv(1..4, 8, padding=2)", (1, 2, 3, 4), True),
        ("conv(3, in..12:3)", (3, 6, 9, 12), False),
        ("dropout(0.1..0.5:0.1)", (0.1, 0.2, 0.3, 0.4, 0.5), True),
        ("dropout(0.01..0.1*2)", (0.01, 0.02, 0.04, 0.08), True),
        ("conv(3, 8, bias=true|false)", (True, False), True),
        ("conv(3, 8, act=relu|silu|none)", ("relu", "silu", "none"), True),
        (
            'conv(3, 8, order="conv norm act drop" | "conv act norm drop")',
            ("conv norm act drop", "conv act norm drop"),
            True,
        ),
        ("conv(3, 8|in*2)", (8, "in*2"), True),
    ],
)
def test_choices_and_ranges(written: str, labels: tuple[Label, ...], stable: bool) -> None:
    """Ints, floats, words, booleans and texts; a range includes its end where its step meets it."""
    seen: list[Decision] = []
    derive(f"network = {written}", seen=seen)
    assert [(decision.labels, decision.stable) for decision in seen] == [(labels, stable)]
    assert sum(seen[0].weights) == pytest.approx(1)


def test_weights_of_values() -> None:
    """Prior weights stand behind options of values, too."""
    seen: list[Decision] = []
    derive("network = conv(3, 16 @3 | 24)", seen=seen)
    assert seen[0].weights == (0.75, 0.25)


def test_nested_choices() -> None:
    """A choice may hold ranges, and a range's bounds choices; each is asked in turn."""
    text = "network = conv(3, 8 | (16..32:8))"
    assert built(text, {"conv.channels": "16..32:8", "conv.channels#2": 24}) == conv(3, 24)
    assert names(text) == ["conv.channels"]
    text = "network = conv(3, (8|16)..32:8)"
    seen: list[Decision] = []
    derive(text, {"conv.channels#2": 16, "conv.channels": 24}, seen=seen)
    assert [(decision.name, decision.labels) for decision in seen] == [
        ("conv.channels#2", (8, 16)),
        ("conv.channels", (16, 24, 32)),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("network = a(4)\na(c) = conv(3, c-4)", "conv: channels must be at least 1, but got 0"),
        ("network = a(4)\na(c) = conv(3, 8//(c-4))", "a divisor must not be 0, but got 8 // 0"),
        ("network = a(3)\na(c) = conv(3, c*1.5)", "channels takes a whole number, but got 4.5|must be a whole number"),
        ("network = a(4)\na(c) = conv(3, 8/(c-4))", "a divisor must not be 0, but got 8 / 0"),
        ("network = a(4)\na(c) = conv(3, round(8, c-4))", r"a multiple must not be 0, but got round\(8, 0\)"),
        ("network = a(relu)\na(c) = conv(3, max(8, c))", r"max needs numbers, but got max\(8, relu\)"),
        (
            "network = a(4)\na(c) = conv(3, 8){c-5}",
            r"a repetition \{m..n\} needs 0 <= m <= n <= 200, but got \{-1..-1\}",
        ),
        ("network = a(4)\na(c) = conv(3, 8){c*100}", "<= 200, but got"),
        ("network = a(4)\na(c) = conv(3, 8){c..2}", r"got \{4..2\}"),
        ("network = a(0.5)\na(c) = conv(3, 8){c}", r"needs whole numbers, but got \{0.5..0.5\}|must be a whole number"),
        ("network = a(4)\na(c) = conv(3, c..2)", "a range must not decrease, but got 4..2"),
        ("network = a(0)\na(c) = conv(3, 4..8:c)", "step must be above 0, but got 4..8:0"),
        ("network = a(1)\na(c) = conv(3, 4..8*c)", r"must start above 0 and grow, but got 4..8\*1"),
        ("network = a(1)\na(c) = conv(3, c..9000)", "a range holds at most 1,000 values; take a larger step"),
        ("network = a(relu)\na(c) = conv(3, c+1)", "needs numbers?, but got 'relu' . 1|needs a number|whole number"),
        (
            "network = a(relu)\na(c) = conv(3, 1..c)",
            "a range needs numbers, but got 1..'relu'|whole number|needs a number",
        ),
        (
            "network = a(10000000)\na(c) = conv(3, c*c*c)",
            "results must be at most 1e.15, but got .*; use smaller numbers",
        ),
        ('network = a("conv norm")\na(o) = conv(3, 8, order=o)', "act=relu is set but order=.conv norm. has no 'act'"),
    ],
)
def test_values_outside_their_limits(text: str, message: str) -> None:
    """What only a derivation can know is checked there, and shown in the text."""
    with pytest.raises(LanguageError, match=message) as caught:
        derive(text)
    assert re.match(r"<text>:2:\d+: in rule 'a': |<text>:", str(caught.value))
    assert "^" in str(caught.value)


def test_numbers_of_different_types_stay_apart() -> None:
    """1, 1.0 and true are three values: what is kept for one is not given out for another."""
    text = "network = a(1) a(true)\na(v) = linear(4, bias=v)"
    with pytest.raises(LanguageError, match=r"bias takes true or false, but got 1|must be true or false"):
        derive(text)
    assert built("network = a(true) a(false)\na(v) = linear(4, bias=v)") == Sequence((Linear(4), Linear(4, bias=False)))


def test_study_defaults() -> None:
    """A vocabulary with other defaults changes what is left out in the text."""
    vocabulary = VOCABULARY.with_defaults({"conv": {"order": "conv act norm drop", "dropout": 0.1}})
    grammar = load_grammar("network = conv(3, 10) gap", vocabulary=vocabulary)
    network = expand(grammar, input_shape=IMAGE, classes=10, vocabulary=vocabulary, choose=refuse).network
    assert network == Sequence((Conv(3, 10, dropout=0.1, order="conv act norm drop"), GlobalAvgPool()))


def test_equal_options_have_labels_of_their_own():
    """Labels tell options apart even where the text does not, and 1 is not 1.0."""
    assert told_apart(["a", "b", "a", "a", "b"]) == ("a", "b", "a (again)", "a (again 3)", "b (again)")
    assert told_apart([1, 1.0, True, 1]) == (1, 1.0, True, "1 (again)")
    assert told_apart(["a (again)", "a", "a"]) == ("a (again)", "a", "a (again 3)")
