"""What breaks a rule of the language is refused where it stands; what is merely odd is a warning."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings

from budgetnet.errors import LanguageError
from budgetnet.grammar.checks.grammar import Warning_, check
from budgetnet.grammar.parser import parse_grammar
from budgetnet.grammar.syntax import Grammar
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Parameter, Signature, Vocabulary
from tests.grammar.strategies import grammars

VOCABULARY = Vocabulary(BUILTIN)


def checked(text: str, vocabulary: Vocabulary = VOCABULARY) -> tuple[Warning_, ...]:
    """The warnings of a text."""
    return check(parse_grammar(text, name="f"), vocabulary)


# Text, and what its error says: pieces with " … " between them.
WRONG = {
    # names
    "network = blok block = gap": "f:1:11: in rule 'network': unknown rule or primitive 'blok'; did you mean 'block'?",
    "network = dvconv(3)": "unknown rule or primitive 'dvconv'; did you mean 'dwconv'?",
    "network = zzz": "unknown rule or primitive 'zzz'; write a rule for it or use one of conv, dwconv",
    "network = mbconv(3)": "unknown rule 'mbconv'; the prelude has one: from prelude import mbconv",
    "network = a(1) a(k) = k": "a: k is a part, so it must be the name of a rule, but got a value",
    "network = conv(3, 16) conv = gap": "f:1:23: in rule 'conv': 'conv' is a primitive; give the rule another name",
    "network = a a = gap\na = gmp": "f:2:1: in rule 'a': a rule of this name already exists at f:1:13; rename one",
    "network = a(1, 2) a(k, k) = conv(3, k)": "f:1:21: in rule 'a': the parameter 'k' is named twice",
    "network = a(1) a(k=1, c) = conv(k, c)": "f:1:23: … 'c' without a default follows 'k' with one; swap them",
    # arguments
    "network = conv(3)": "f:1:11: in rule 'network': conv needs channels: conv(kernel, channels, …)",
    "network = conv": "conv needs kernel and channels",
    "network = a a(k, c=3) = conv(k, c)": "a needs k: a(k, …)",
    "network = conv(3, 16, kernl=3)": "f:1:23: … conv has no parameter 'kernl'; did you mean 'kernel'?",
    "network = gap(x=3)": "gap has no parameter 'x'; it has none",
    "network = gap(3)": "f:1:15: … gap takes no arguments, but got 1",
    "network = shuffle(2, 3)": "f:1:22: … shuffle takes at most 1 argument, but got 2",
    "network = conv(3, channels=3, 3)": "f:1:31: … conv: an argument without a name cannot follow one with a name",
    "network = conv(3, 16, kernel=3)": "f:1:23: … conv: kernel is given twice",
    "network = conv(3, 16, act=relu, act=relu)": "f:1:33: … conv: act is given twice",
    # literals
    "network = conv(0, 16)": "f:1:16: … conv: kernel must be a whole number of at least 1, two as in 1x7, but got 0",
    "network = conv(3|0, 16)": "f:1:18: … kernel must be a whole number of at least 1, two as in 1x7, but got 0",
    "network = conv(0..3, 16)": "f:1:16: … kernel must be a whole number of at least 1, two as in 1x7, but got 0",
    "network = conv(3, 2 - 2)": "f:1:19: … channels must be a whole number of at least 1, but got 0",
    "network = conv(3, 1.5)": "channels must be a whole number of at least 1, but got 1.5",
    "network = conv(3, 7/2)": "f:1:19: … channels must be … but got 3.5; write round(7/2)",
    "network = conv(3, 16/0)": "f:1:22: … division by zero",
    "network = conv(3, ruond(in*1.5))": "f:1:19: … unknown function 'ruond'; did you mean 'round'?",
    "network = conv(3, sqrt(in))": "f:1:19: … unknown function 'sqrt'; functions are max, min, round, divisible",
    "network = conv(3, conv(1, 8))": "f:1:19: … arguments hold values, but got 'conv', a part of a network",
    "network = conv(3, round(in, 8, 4))": "f:1:19: … round is written round(a), but got 3 arguments",
    "network = conv(3, divisible(in))": "f:1:19: … divisible is written divisible(a, 8), but got 1 arguments",
    "network = conv(3, round(in, 0))": "f:1:29: … a multiple must be above 0, but got 0",
    "network = conv(3, max(in, relu))": "f:1:27: … needs a number",
    "network = conv(3, max(0, 0))": "f:1:19: … channels must be a whole number of at least 1, but got 0",
    "network = conv(3, 16, dropout=1)": "dropout must be a number from 0 to 0.95, but got 1",
    "network = conv(3, 16, act=rleu)": "f:1:27: … act must be one of relu, … but got 'rleu'; did you mean 'relu'?",
    "network = conv(3, 16, act=relu|gleu)": "f:1:32: … but got 'gleu'; did you mean 'gelu'?",
    "network = conv(3, 16, act=3)": "act must be one of … but got 3",
    "network = conv(3, 16, act=1..2)": "act must be one of … but got 1..2",
    "network = conv(3, 16, padding=sane)": "padding must be … or same, but got 'sane'; did you mean 'same'?",
    "network = conv(3, same)": "channels must be a whole number of at least 1, but got 'same'",
    'network = conv(3, "16")': "channels must be … but got a text; remove the quotes",
    "network = linear(3, bias=maybe)": "linear: bias must be true or false, but got 'maybe'",
    "network = linear(3, bias=1)": "linear: bias must be true or false, but got 1",
    "network = conv(3, 16, order=conv)": "order must be a text such as \"conv norm act drop\", but got 'conv'",
    'network = conv(3, 16, order="conv nrm act")': "but got 'nrm'; did you mean 'norm'?",
    'network = conv(3, 16, order="conv act norm act")': "an order must name each part once, but got 'act' twice",
    'network = conv(3, 16, order="norm act")': "an order must name conv, but got 'norm act'",
    'network = conv(3, 16, order="conv norm")': "act is relu but the order 'conv norm' leaves act out; add act or",
    'network = conv(3, 16, dropout=0.1, order="conv norm act")': "dropout is 0.1 but the order",
    "network = a(gap) a(k) = conv(k, 3)": "but got 'gap'; that is a part of a network, and arguments hold values",
    "network = conv(3, c)": "channels must be … but got 'c'",
    "network = a(3) a(chan) = conv(3, chn)": "but got 'chn'; did you mean 'chan'?",
    "network = conv(3, relu + 1)": "f:1:19: … conv: channels needs a number, but got 'relu'",
    'network = conv(3, 2*"a")': "f:1:21: … conv: channels needs a number, but got the text 'a'",
    "network = conv(3, 16//0)": "f:1:23: … division by zero",
    "network = conv(3, 96..16)": "f:1:19: … a range must not decrease, but got 96..16; swap its ends",
    "network = conv(3, 16..96:0)": "f:1:26: … a range's step must be above 0, but got 0",
    "network = conv(3, 16..96*1)": "f:1:26: … a range's factor must be above 1, but got 1",
    "network = dropout(0..0.5*2)": "f:1:19: … a range with a factor must begin above 0, but got 0",
    "network = conv(3, 1..100000)": "a range holds at most 1000 values; give a step",
    "network = conv(3, 16 @0 | 24)": "f:1:19: … a weight must be above 0, but got 0; leave the option out",
    "network = gap | gmp @0": "f:1:17: … a weight must be above 0",
    # what is handed on
    "network = a(rleu) a(k) = b(k) b(f) = conv(3, 16, act=f)": "f:1:13: … a: k (act of conv) must be one",
    "network = a(0) a(k) = conv(3, k)": "a: k (channels of conv) must be a whole number of at least 1, but got 0",
    "network = a(3|2.5) a(k) = conv(1|k, 3)": "f:1:15: … a: k (kernel of conv) must be a whole number",
    "network = a a(k=rleu) = act(k)": "f:1:17: in rule 'a': the default of k (kind of act) must be one of",
    "network = a(blub) a(k) = conv(3, k + 1)": "f:1:13: … a: k: unknown name 'blub'",
    "network = a a(k=c, c=3) = conv(k, c)": "but got 'c'; a default may use the parameters before it, not after it",
    "network = a a(k=3 @0 | 4) = conv(k, 3)": "f:1:17: in rule 'a': a weight must be above 0",
    # repetitions
    "network = gap{3..2}": "f:1:15: … a repetition's bounds must not decrease, but got 3..2; swap them",
    "network = gap{201}": "f:1:15: … a repetition must be a whole number from 0 to 200, but got 201",
    "network = gap{-1..2}": "a repetition must be a whole number from 0 to 200, but got -1",
    "network = gap{1|2.5}": "f:1:17: … a repetition must be a whole number from 0 to 200, but got 2.5",
    "network = gap{n}": "a repetition needs a number, but got 'n'",
    # graphs
    "network = graph { return act(y) }": "f:1:30: … 'y' is not a value of this graph, or not yet; the values",
    "network = graph { h1 = act(h2); h2 = act(x); return h2 }": "'h2' is not a value of this graph, or not yet",
    "network = graph { h = act(x); h = act(x); return h }": "f:1:31: … 'h' is bound twice in this graph",
    "network = graph { x = act(x); return x }": "'x' is bound twice in this graph",
    "network = graph { return a(x, x) } a = graph(p, p) { return p }": "the graph's input 'p' is named twice",
    "network = graph { return x + conv(3, 3) (y) }": "'y' is not a value of this graph",
    "network = graph(p, q) { return p + q }": "the network starts here and takes one input, but got a graph of 2",
    "network = gap cell cell = graph(p, q) { return p + q }": "f:1:15: … 'cell' takes 2 inputs and must be applied",
    "network = graph { return cell(x) } cell = graph(p, q) { return p + q }": "'cell' takes 2 inputs",
    "network = graph { return gap(x, x) }": "'gap' takes 1 input, but got 2",
    "network = graph { return (gap gap)(x, x) }": "f:1:27: … 'gap' takes 1 input, but got 2",
    "network = graph { return gap{2}(x, x) }": "this part takes 1 input, but got 2",
    "network = graph { return (gap cell)(x, x) } cell = graph(p, q) { return p + q }": "'gap' takes 1 input, but got 2",
    "network = cell gap cell = graph(p, q) { return p + q }": "takes one input, but got a graph of 2",
    "network = graph { return (cell | gap)(x, x) } cell = graph(p, q) { return p*q }": "'gap' takes 1 input, but got 2",
    "network = gap cell{2} cell = graph(p, q) { return p + q }": "'cell' takes 2 inputs",
    # the start and the end
    "network(c) = conv(3, c)": "f:1:9: … the network starts here, so nothing passes it 'c'",
    "network = gap network": "f:1:1: … 'network' never ends: every derivation of it contains it again",
    "network = a | b a = gap b b = a gap": "never ends",
    "network = gap | a a = gap a{1..2}": "'a' never ends",
    "network = a gap a = gap b b = b gap": "f:1:27: … 'b' never ends: every derivation of it contains it again",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_broken_rule_is_reported_where_it_is_broken(text):
    """Place, rule, what came instead and the nearest legal word."""
    with pytest.raises(LanguageError) as raised:
        checked(text)
    message = str(raised.value)
    for piece in WRONG[text].split(" … "):
        assert piece in message
    assert "\n  1 | " in message or "\n  2 | " in message


RIGHT = [
    "network = conv(3, 16|24, act=relu|gelu|none, padding=same|0, bias=true|auto) gap linear(classes, bias=false)",
    "network = a(16, relu, true) a(c, f, b) = conv(3, c*2, act=f) linear(c, b)",
    "network = a(none) a(k) = conv(3, 16, act=k, norm=k)",
    "network = a{0..3} b{n} a = gap n = gap b = gap".replace("{n}", "{2|4}"),
    "network = a(3) a(n) = gap{n} gap{1..n} gap{(n//2)..n}",
    "network = conv(3, in*2) conv(3, 16..64*2) conv(3, 8..64:8) dropout(0.1..0.5:0.1) conv(3, 2*(8|16))",
    "network = a a(c=in, k=c*2) = conv(3, k)",
    "network = gap | conv(3, 16) network",
    "network = a? a = conv(3, 16) a{0..2}",
    "network = a(2) a(n) = gap a(n - 1){n}",
    "network = graph { return cell(x, x) + gap(x) } cell = other | other other = graph(p, q) { return p * q }",
    "network = graph { return cell(x, x) + gap(x) } cell = (other | other) gap other = graph(p, q) { return p * q }",
    'network = conv(3, 16, act=none, order="conv norm") conv(3, 16, norm=none, dropout=0, order="act conv")',
    'network = a(relu) a(x) = conv(3, 16, act=none|x, order="conv norm")',
]


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_legal_is_not_refused(text):
    """These break no rule."""
    checked(text)


def test_rules_that_nothing_leads_to_are_warned_of():
    """An unreachable rule is legal; the warning has its place."""
    (warning,) = checked("network = a\na = gap\nb = c\n".replace("c", "a"))
    assert warning.text.startswith("f:3:1: in rule 'b': this rule is never reached from 'network'\n  3 | b = a\n")


def test_equal_options_are_warned_of():
    """The same option twice is a clumsy weight."""
    warnings = checked("network = conv(3|5|3, 16) (gap | gmp | gap)")
    assert [warning.text.split(":")[2] for warning in warnings] == ["20", "40"]
    assert "this option is given twice; use a weight to make one more likely: a @2 | b" in warnings[0].text


def test_a_study_may_bring_primitives():
    """A plug-in's signature is checked like the built-in ones."""
    blur = Signature(name="blur", help="low pass", parameters=(Parameter(name="size", kind="int", low=3, high=7),))
    vocabulary = Vocabulary({**BUILTIN, "blur": blur})
    assert checked("network = blur(5)", vocabulary) == ()
    with pytest.raises(LanguageError, match="blur: size must be a whole number from 3 to 7, but got 9"):
        checked("network = blur(9)", vocabulary)


def test_trees_built_by_hand_are_checked_too():
    """Without a source the message still names the rule."""
    rule = parse_grammar("network = blok").rules[0]
    bare = Grammar((type(rule)(rule.name, rule.parameters, rule.body),))
    with pytest.raises(LanguageError, match="in rule 'network': unknown rule or primitive 'blok'"):
        check(bare, VOCABULARY)


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(grammars)
def test_no_tree_brings_the_checker_down(grammar):
    """Any tree is legal or gives a LanguageError."""
    with contextlib.suppress(LanguageError):
        check(Grammar(grammar.rules), VOCABULARY)
