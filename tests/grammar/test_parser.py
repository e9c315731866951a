"""Each construct of the language becomes the tree it stands for."""

from __future__ import annotations

import pytest

from budgetnet.grammar.parser import parse_grammar
from budgetnet.grammar.syntax import (
    Alternatives,
    Argument,
    Arithmetic,
    Binding,
    Calculation,
    Call,
    Choice,
    Graph,
    GraphApply,
    GraphJoin,
    GraphName,
    Import,
    Name,
    Number,
    Optional,
    ParallelExpression,
    Range,
    Repeat,
    RuleParameter,
    SequenceExpression,
    SkipExpression,
    SplitExpression,
    Text,
)
from tests.pace import pace

A, B, C = Call("a"), Call("b"), Call("c")
ONE, TWO, THREE = Number(1), Number(2), Number(3)
X, H = GraphName("x"), GraphName("h")

PARTS = {
    "a b c": SequenceExpression((A, B, C)),
    "a (b c)": SequenceExpression((A, B, C)),
    "(a)": A,
    "a()": A,
    "a | b": Alternatives((A, B)),
    "a @3 | b": Alternatives((A, B), (3.0, 1.0)),
    "a @1 | b": Alternatives((A, B)),
    "a | b c @0.5": Alternatives((A, SequenceExpression((B, C))), (1.0, 0.5)),
    "a | (b | c)": Alternatives((A, Alternatives((B, C)))),
    "a (b | c)": SequenceExpression((A, Alternatives((B, C)))),
    "a(b | c)": Call("a", (Argument(None, Choice((Name("b"), Name("c")))),)),
    "a?": Optional(A),
    "(a b)?": Optional(SequenceExpression((A, B))),
    "a{2}": Repeat(A, TWO, TWO),
    "a{1..3}": Repeat(A, ONE, THREE),
    "a{1..n}": Repeat(A, ONE, Name("n")),
    "a{n}": Repeat(A, Name("n"), Name("n")),
    "a{1|3}": Repeat(A, Choice((ONE, THREE)), Choice((ONE, THREE))),
    "a{1..3:2}": Repeat(A, Range(ONE, THREE, TWO), Range(ONE, THREE, TWO)),
    "a{(1|2)..3}": Repeat(A, Choice((ONE, TWO)), THREE),
    "a{2}?{3}": Repeat(Optional(Repeat(A, TWO, TWO)), THREE, THREE),
    "tied(a b){1..2}": Repeat(SequenceExpression((A, B)), ONE, TWO, "tied"),
    "shared(a){3}": Repeat(A, THREE, THREE, "shared"),
    "skip(a b)": SkipExpression(SequenceExpression((A, B))),
    "skip(a, project=auto)": SkipExpression(A),
    "skip(a, project=none)": SkipExpression(A, "none"),
    "skip(a, project=pad)": SkipExpression(A, "pad"),
    "skip(a, project=pad(64))": SkipExpression(A, Call("pad", (Argument(None, Number(64)),))),
    "skip(a, project=b c)": SkipExpression(A, SequenceExpression((B, C))),
    "parallel(a, b c)": ParallelExpression((A, SequenceExpression((B, C)))),
    "parallel(a, b, join=concat)": ParallelExpression((A, B), "concat"),
    "parallel(a, b, join=mul)": ParallelExpression((A, B), "mul"),
    "split(a, b)": SplitExpression((A, B)),
    "split(a, b, join=add)": SplitExpression((A, B), "add"),
    "graph { h = a(x) return h }": Graph(("x",), (Binding("h", GraphApply(A, ("x",))),), H),
    "graph { h = a(x); return h; }": Graph(("x",), (Binding("h", GraphApply(A, ("x",))),), H),
    "graph { return x + a(x) * h }": Graph(
        ("x",), (), GraphJoin("add", (X, GraphJoin("mul", (GraphApply(A, ("x",)), H))))
    ),
    "graph { return (x + h) * x }": Graph(("x",), (), GraphJoin("mul", (GraphJoin("add", (X, H)), X))),
    "graph { return concat(x, a(x)) }": Graph(("x",), (), GraphJoin("concat", (X, GraphApply(A, ("x",))))),
    "graph(p, q) { return a(p, q) }": Graph(("p", "q"), (), GraphApply(A, ("p", "q"))),
    "graph { return a(c)(x) }": Graph(("x",), (), GraphApply(Call("a", (Argument(None, Name("c")),)), ("x",))),
    "graph { return a (x) }": Graph(("x",), (), GraphApply(A, ("x",))),
    "graph { return (a b)(x) }": Graph(("x",), (), GraphApply(SequenceExpression((A, B)), ("x",))),
    "graph { return (a | b)(x) }": Graph(("x",), (), GraphApply(Alternatives((A, B)), ("x",))),
    "graph { return a{2}(x) }": Graph(("x",), (), GraphApply(Repeat(A, TWO, TWO), ("x",))),
    "graph { return (a b)?(x) }": Graph(("x",), (), GraphApply(Optional(SequenceExpression((A, B))), ("x",))),
    "graph { return skip(a)(x) }": Graph(("x",), (), GraphApply(SkipExpression(A), ("x",))),
    "graph { return a(h=3)(x) }": Graph(("x",), (), GraphApply(Call("a", (Argument("h", THREE),)), ("x",))),
}

VALUES = {
    "3": THREE,
    "-3": Number(-3),
    "0.05": Number(0.05),
    "1e-6": Number(1e-06),
    "relu": Name("relu"),
    "in": Name("in"),
    "true": Name("true"),
    '"conv act"': Text("conv act"),
    "1|2|3": Choice((ONE, TWO, THREE)),
    "1 @2|2": Choice((ONE, TWO), (2.0, 1.0)),
    "1|(2|3)": Choice((ONE, Choice((TWO, THREE)))),
    "1..3": Range(ONE, THREE, ONE),
    "1..3:2": Range(ONE, THREE, TWO),
    "1..3*2": Range(ONE, THREE, TWO, geometric=True),
    "c..(2*c):n": Range(Name("c"), Arithmetic("*", TWO, Name("c")), Name("n")),
    "1..2|3": Choice((Range(ONE, TWO, ONE), THREE)),
    "1 + 2*3": Arithmetic("+", ONE, Arithmetic("*", TWO, THREE)),
    "(1 + 2)*3": Arithmetic("*", Arithmetic("+", ONE, TWO), THREE),
    "1 - 2 - 3": Arithmetic("-", Arithmetic("-", ONE, TWO), THREE),
    "1 - (2 - 3)": Arithmetic("-", ONE, Arithmetic("-", TWO, THREE)),
    "c/2*3": Arithmetic("*", Arithmetic("/", Name("c"), TWO), THREE),
    "max(c, 1|2)": Calculation("max", (Name("c"), Choice((ONE, TWO)))),
    "2*round(c/3, 2)": Arithmetic("*", TWO, Calculation("round", (Arithmetic("/", Name("c"), THREE), TWO))),
    "c//2*3": Arithmetic("*", Arithmetic("//", Name("c"), TWO), THREE),
    "c-1": Arithmetic("-", Name("c"), ONE),
    "1|2 + 3": Choice((ONE, Arithmetic("+", TWO, THREE))),
}


@pytest.mark.parametrize("text", PARTS)
def test_parts(text):
    """A part of a network means the tree next to it."""
    assert parse_grammar(f"network = {text}").rules[0].body == PARTS[text]


@pytest.mark.parametrize("text", VALUES)
def test_values(text):
    """A value in argument position means the tree next to it."""
    assert parse_grammar(f"network = f({text})").rules[0].body == Call("f", (Argument(None, VALUES[text]),))


def test_rules_need_no_terminator():
    """A rule ends where the next head begins, wherever lines break."""
    one = parse_grammar("network = a b(k=1)\nb(k, c=in) = c\nc = a")
    other = parse_grammar("network =\n  a\n  b(k=1) b(k,\n c=in) = c c = a")
    assert one == other
    assert [rule.name for rule in one.rules] == ["network", "b", "c"]
    assert one.rules[1].parameters == (RuleParameter("k"), RuleParameter("c", Name("in")))


def test_comments_and_windows_line_ends_are_blank():
    """A comment runs to the end of its line; a carriage return and a byte order mark are nothing."""
    assert parse_grammar("\ufeff# about\r\nnetwork = a # (b\r\n  c\r\n") == parse_grammar("network = a c")


def test_imports_come_with_their_names():
    """Both kinds of imports are read; where they come from keeps its spelling."""
    grammar = parse_grammar('from prelude import mbconv, fire from "my blocks.grammar" import cell network = cell')
    assert grammar.imports == (Import("prelude", ("mbconv", "fire")), Import("my blocks.grammar", ("cell",)))


def test_the_network_starts_at_its_rule_or_at_the_first():
    """The rule called network is the start, else the first one."""
    assert parse_grammar("a = b network = a").start.name == "network"
    assert parse_grammar("a = b b = c").start.name == "a"


def test_bounds_that_are_one_are_one_object():
    """`{n}` is one value that is drawn once."""
    body = parse_grammar("network = a{1|2}").rules[0].body
    assert body.low is body.high


def test_numbers_keep_their_type():
    """1 and 1.0 are two numbers."""
    assert parse_grammar("a = f(1)") != parse_grammar("a = f(1.0)")


def test_spans_and_sources_point_into_the_text():
    """Every node knows line, column and length; every rule its text."""
    rule = parse_grammar("\nnetwork = a\n  conv(3, width|24)\n", name="n.yaml", first_line=5, indent=2).rules[0]
    call = rule.body.items[1]
    assert (call.span.line, call.span.column, call.span.length) == (3, 3, 4)
    choice = call.arguments[1].value
    assert (choice.span.line, choice.span.column, choice.span.length) == (3, 11, 5)
    assert rule.source.name == "n.yaml"
    assert str(rule.source.error(call.span, "wrong")).startswith("n.yaml:7:5: wrong\n  7 |   conv(3, width|24)\n")


def test_a_typical_grammar_parses_in_milliseconds():
    """The parser is no reason to wait: the best of five runs stays far below a tenth of a second."""
    from time import process_time

    text = (
        "network = "
        + " ".join(f"r{i}(16|24)" for i in range(15))
        + "".join(f"\nr{i}(c) = conv(3|5, c, act=relu|gelu) | skip(dwconv(3) conv(1, c)){{1..3}}" for i in range(15))
    )
    parse_grammar(text)
    times = []
    for _ in range(5):
        begin = process_time()
        parse_grammar(text)
        times.append(process_time() - begin)
    assert min(times) < 0.1 or min(times) < 0.1 * pace()
