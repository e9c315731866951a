"""Hypothesis strategies: arbitrary expression trees in normal form, covering every construct of the language.

The trees mean nothing (rules and names are drawn freely), so they suit the parser and the printer, not the
checker.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from budgetnet.grammar.lexer import LARGEST_NUMBER, RESERVED
from budgetnet.grammar.syntax import (
    Alternatives,
    Argument,
    Arithmetic,
    Binding,
    Calculation,
    Call,
    Choice,
    Condition,
    Expression,
    Grammar,
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
    Rule,
    RuleParameter,
    SequenceExpression,
    SkipExpression,
    SplitExpression,
    Text,
    Value,
)

__all__ = ["expressions", "grammars", "rules", "terms", "values"]


def _brief(strategy: st.SearchStrategy[Any], name: str) -> st.SearchStrategy[Any]:
    """The same strategy with a short repr; Hypothesis warns of long ones."""

    def function(draw: st.DrawFn) -> Any:
        return draw(strategy)

    function.__name__ = name
    return st.composite(function)()


WORDS = (
    "a",
    "b",
    "c",
    "conv",
    "gap",
    "x",
    "h1",
    "stage",
    "none",
    "auto",
    "pad",
    "join",
    "a_rather_long_name_of_a_rule",
)
_invented = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(lambda word: word not in RESERVED)
names = _brief(st.sampled_from(WORDS) | _invented, "names")
texts = st.text(st.characters(exclude_characters='"\n', exclude_categories=["Cs"]), max_size=12)


def _weights(count: int) -> st.SearchStrategy[tuple[float, ...]]:
    weight = st.sampled_from([1.0, 2.0, 3.0, 0.5, 1e-05, 12.25]) | st.floats(1e-9, 1e9)
    some = st.tuples(*[weight] * count).filter(lambda weights: any(entry != 1.0 for entry in weights))
    return st.just(()) | some


# --- values -----------------------------------------------------------------------------------------

numbers = st.builds(
    Number,
    st.integers(0, 64)
    | st.integers(-LARGEST_NUMBER, LARGEST_NUMBER)
    | st.floats(-LARGEST_NUMBER, LARGEST_NUMBER, allow_nan=False),
)
_atoms: st.SearchStrategy[Value] = (
    numbers
    | st.builds(Name, names | st.sampled_from(["in", "classes", "true", "false", "1x7"]))
    | st.builds(Text, texts)
)


@st.composite
def _choices(draw: st.DrawFn, inner: st.SearchStrategy[Value]) -> Choice:
    options = tuple(draw(st.lists(inner, min_size=2, max_size=4)))
    return Choice(options, draw(_weights(len(options))))


def _bigger_values(inner: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    step = st.just(Number(1)) | inner
    return (
        _choices(inner)
        | st.builds(Range, inner, inner, step, st.booleans())
        | st.builds(Arithmetic, st.sampled_from(["+", "-", "*", "/", "//"]), inner, inner)
        | st.builds(Calculation, st.sampled_from(["max", "round"]), st.lists(inner, min_size=1, max_size=2).map(tuple))
    )


values: st.SearchStrategy[Value] = _brief(st.recursive(_brief(_atoms, "atoms"), _bigger_values, max_leaves=5), "values")


# --- parts ------------------------------------------------------------------------------------------

_arguments = st.lists(st.builds(Argument, st.none() | names, values), max_size=2).map(tuple)
_calls = st.builds(Call, names, _arguments)
_joins = st.sampled_from(["add", "concat", "mul"])


_sums = _atoms | st.builds(Arithmetic, st.sampled_from(["+", "-", "*", "/", "//"]), _atoms, _atoms)
_conditions = st.builds(Condition, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), _sums, _sums)


@st.composite
def _alternatives(draw: st.DrawFn, inner: st.SearchStrategy[Expression]) -> Alternatives:
    options = tuple(draw(st.lists(inner, min_size=1, max_size=3)))
    conditions = tuple(draw(st.lists(st.none() | _conditions, min_size=len(options), max_size=len(options))))
    if not any(conditions):
        conditions = ()
        if len(options) == 1:
            options *= 2
    weights = draw(_weights(len(options))) if len(options) > 1 else ()
    return Alternatives(options, weights, conditions=conditions)


@st.composite
def _splits(draw: st.DrawFn, inner: st.SearchStrategy[Expression]) -> SplitExpression:
    branches = tuple(draw(st.lists(inner, min_size=2, max_size=3)))
    share = st.builds(Number, st.integers(0, 64)) | st.builds(Name, names | st.just("in"))
    shares = tuple(draw(share) for _ in branches) if draw(st.booleans()) else ()
    return SplitExpression(branches, draw(st.sampled_from(["add", "concat", "mul", "mean"])), shares=shares)


def _sequence(items: list[Expression]) -> SequenceExpression:
    flat: list[Expression] = []
    for item in items:
        flat.extend(item.items if isinstance(item, SequenceExpression) else (item,))
    return SequenceExpression(tuple(flat))


@st.composite
def _repeats(draw: st.DrawFn, inner: st.SearchStrategy[Expression]) -> Repeat:
    low, high = draw(values), draw(values)
    if draw(st.booleans()):
        high = low
    while low == high and isinstance(low, Range) and low.step == Number(1) and not low.geometric:
        low, high = low.low, low.high  # `{m..n}` is the normal form of `{(m..n)}`
    return Repeat(draw(inner), low, high, draw(st.sampled_from(["anew", "tied", "shared"])))


def _is_projection_word(part: Any) -> bool:
    return isinstance(part, Call) and not part.arguments and part.name in ("auto", "none", "pad")


def _term_of(part: st.SearchStrategy[Expression]) -> st.SearchStrategy[Any]:
    inputs = st.lists(names, min_size=1, max_size=3).map(tuple)
    leaf = st.builds(GraphName, names) | st.builds(GraphApply, part, inputs)
    return st.recursive(
        leaf,
        lambda inner: st.builds(GraphJoin, _joins, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        max_leaves=4,
    )


def _graphs(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Graph]:
    inputs = st.just(("x",)) | st.lists(names, min_size=1, max_size=3).map(tuple)
    bindings = st.lists(st.builds(Binding, names, _term_of(inner)), max_size=3).map(tuple)
    return st.builds(Graph, inputs, bindings, _term_of(inner))


def _bigger_parts(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    branches = st.lists(inner, min_size=2, max_size=3).map(tuple)
    projections = st.sampled_from(["auto", "none", "pad"]) | inner.filter(lambda part: not _is_projection_word(part))
    return (
        st.lists(inner, min_size=2, max_size=4).map(_sequence)
        | _alternatives(inner)
        | _repeats(inner)
        | st.builds(Optional, inner)
        | st.builds(SkipExpression, inner, projections)
        | st.builds(ParallelExpression, branches, _joins | st.just("mean"))
        | _splits(inner)
        | _graphs(inner)
    )


expressions: st.SearchStrategy[Expression] = _brief(
    st.recursive(_brief(_calls, "calls"), lambda inner: _bigger_parts(_brief(inner, "parts")), max_leaves=8),
    "expressions",
)
terms = _term_of(expressions)

# --- rules ------------------------------------------------------------------------------------------

_parameters = st.lists(st.builds(RuleParameter, names, st.none() | values), max_size=3).map(tuple)
rules = _brief(st.builds(Rule, names, _parameters, expressions), "rules")
_imports = st.builds(Import, names | texts, st.lists(names, min_size=1, max_size=3).map(tuple))
grammars = _brief(
    st.builds(Grammar, st.lists(rules, min_size=1, max_size=2).map(tuple), st.lists(_imports, max_size=2).map(tuple)),
    "grammars",
)
