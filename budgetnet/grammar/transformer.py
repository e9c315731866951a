"""The parser's reductions to tree nodes in normal form; one method per rule of grammar.lark.

Normal form: a `SequenceExpression` holds at least two parts and no `SequenceExpression`; `Alternatives`, `Choice`,
`ParallelExpression`, `SplitExpression` and `GraphJoin` hold at least two; weights that are all 1 are left out;
``{n}`` has one object as low and high; ``{m..n}`` never holds a single `Range` of step one.
"""

# ruff: noqa: D102  (each method is documented by its rule in grammar.lark)
from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any, Literal, cast, get_args

from budgetnet.grammar.lalr import Token
from budgetnet.grammar.lexer import span_of
from budgetnet.grammar.source import Span
from budgetnet.grammar.syntax import (
    Alternatives,
    Argument,
    Arithmetic,
    Binding,
    Calculation,
    Call,
    Choice,
    Comparator,
    Condition,
    Expression,
    Grammar,
    Graph,
    GraphApply,
    GraphJoin,
    GraphName,
    GraphTerm,
    Import,
    Join,
    Name,
    Number,
    Operator,
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

__all__ = ["BuildError", "Builder"]

_PROJECTIONS = ("auto", "none", "pad")


class BuildError(Exception):
    """A mistake that the syntax allows; the parser converts it to a `LanguageError` with its place."""

    def __init__(self, span: Span, message: str) -> None:
        super().__init__(message)
        self.span = span
        self.message = message


_Weighted = tuple[Any, Token | None]


def _weights(parts: list[_Weighted], what: str) -> tuple[float, ...]:
    """Return the weights of alternatives or choices; empty if all are one."""
    if len(parts) == 1:
        weight = parts[0][1]
        if weight is not None:
            raise BuildError(span_of(weight), f"a weight needs more than one {what}, as in a @3 | b")
        return ()
    weights = tuple(1.0 if weight is None else float(weight) for _, weight in parts)
    return () if all(weight == 1.0 for weight in weights) else weights


class Builder:
    """Builds the nodes of `budgetnet.grammar.syntax`. Methods are named after the rules of grammar.lark."""

    def start(self, *statements: Import | Rule) -> Grammar:
        rules = tuple(statement for statement in statements if isinstance(statement, Rule))
        imports = tuple(statement for statement in statements if isinstance(statement, Import))
        return Grammar(rules, imports)

    def imports(self, origin: Token, *names: Token) -> Import:
        source = str(origin) if origin.type == "NAME" else str(origin)[1:-1]
        return Import(source, tuple(map(str, names)), span_of(origin), tuple(map(span_of, names)))

    def rule(self, head: Token, *rest: Any) -> Rule:
        *parameters, body = rest
        return Rule(str(head), parameters[0] if parameters else (), body, span_of(head))

    def parameters(self, *parameters: RuleParameter | None) -> tuple[RuleParameter, ...]:
        return tuple(parameter for parameter in parameters if parameter is not None)

    def parameter(self, name: Token, default: Value | None) -> RuleParameter:
        return RuleParameter(str(name), default, span_of(name))

    # --- parts of a network

    def alternatives(self, *parts: tuple[Expression, Token | None, Condition | None]) -> Expression:
        weights = _weights([(part, weight) for part, weight, _ in parts], "alternative")
        conditions = tuple(condition for _, _, condition in parts)
        first = parts[0][0]
        if not any(conditions):
            conditions = ()
            if len(parts) == 1:
                return first
        return Alternatives(tuple(part for part, _, _ in parts), weights, span=first.span, conditions=conditions)

    def weighted(
        self, part: Expression, weight: Token | None, condition: Condition | None
    ) -> tuple[Expression, Token | None, Condition | None]:
        return part, weight, condition

    def condition(self, left: Value, sign: Token, right: Value) -> Condition:
        return Condition(cast(Comparator, str(sign)), left, right, left.span)

    def sequence(self, *parts: Expression) -> Expression:
        if len(parts) == 1:
            return parts[0]
        items: list[Expression] = []
        for part in parts:
            if isinstance(part, SequenceExpression):
                items.extend(part.items)
            else:
                items.append(part)
        return SequenceExpression(tuple(items), items[0].span)

    def repeated(self, body: Expression, bounds: tuple[Value, Value]) -> Repeat:
        return Repeat(body, *bounds, span=body.span)

    def optional(self, body: Expression) -> Optional:
        return Optional(body, span=body.span)

    def bounds(self, value: Value) -> tuple[Value, Value]:
        if isinstance(value, Range) and not value.geometric and value.step == Number(1):
            if value.low != value.high:
                return value.low, value.high
            return self.bounds(value.low)
        return value, value

    def call(self, name: Token, arguments: tuple[Argument, ...] | None) -> Call:
        return Call(str(name), arguments or (), span=span_of(name))

    def group(self, part: Expression) -> Expression:
        return part

    def arguments(self, *arguments: Argument | None) -> tuple[Argument, ...]:
        return tuple(argument for argument in arguments if argument is not None)

    def argument(self, name: Token | None, value: Value) -> Argument:
        return Argument(None, value, value.span) if name is None else Argument(str(name), value, span_of(name))

    def portion(self, share: Value, part: Expression) -> tuple[None, _Portion]:
        return None, _Portion(share, part)

    def share(self, token: Token) -> Value:
        return self.number(None, token) if token.type == "NUMBER" else Name(str(token), span_of(token))

    def combination(
        self, word: Token, *given: tuple[Token | None, Expression | _Portion]
    ) -> SkipExpression | ParallelExpression | SplitExpression:
        portions = [part.share for _, part in given if isinstance(part, _Portion)]
        branches = [(name, part.part if isinstance(part, _Portion) else part) for name, part in given]
        if portions and word != "split":
            raise BuildError(portions[0].span, f"{word} gives each branch the whole input; shares are split's")
        if portions and len(portions) < sum(1 for name, _ in given if name is None):
            raise BuildError(portions[0].span, "split: all branches have a share, as in split(1: a, 3: b), or none")
        parts = tuple(part for name, part in branches if name is None)
        options = [(name, part) for name, part in branches if name is not None]
        legal = "project" if word == "skip" else "join"
        for index, (name, _) in enumerate(options):
            if name != legal or index:
                reason = "is given twice" if name == legal else f"is unknown; the only option is {legal}="
                raise BuildError(span_of(name), f"{word}: the option {name}= {reason}")
        if options and branches[-1][0] is None:
            raise BuildError(span_of(options[0][0]), f"{word}: the option {legal}= comes after the parts")
        if word == "skip":
            if len(parts) != 1:
                found = f"skip takes one part, but got {len(parts)}; parallel(a, b) joins several"
                raise BuildError(span_of(word), found)
            return SkipExpression(parts[0], _projection(options[0][1]) if options else "auto", span_of(word))
        if len(parts) < 2:
            raise BuildError(span_of(word), f"{word} needs at least two branches, but got {len(parts)}")
        if word == "parallel":
            return ParallelExpression(parts, _join(options[0][1]) if options else "add", span_of(word))
        join = _join(options[0][1]) if options else "concat"
        return SplitExpression(parts, join, span_of(word), tuple(portions))

    def branch(self, name: Token | None, part: Expression | Token) -> tuple[Token | None, Expression]:
        return name, Call(str(part), span=span_of(part)) if isinstance(part, Token) else part

    def alike(self, word: Token, body: Expression, bounds: tuple[Value, Value]) -> Repeat:
        return Repeat(body, *bounds, mode="tied" if word == "tied" else "shared", span=span_of(word))

    # --- values

    def value(self, *parts: tuple[Value, Token | None]) -> Value:
        weights = _weights(list(parts), "choice")
        first = parts[0][0]
        if len(parts) == 1:
            return first
        return Choice(tuple(part for part, _ in parts), weights, span=first.span)

    def weighted_value(self, value: Value, weight: Token | None) -> tuple[Value, Token | None]:
        return value, weight

    def interval(self, low: Value, high: Value, sign: Token | None = None, step: Value | None = None) -> Range:
        if step is None:
            return Range(low, high, Number(1, high.span), span=low.span)
        return Range(low, high, step, geometric=sign == "*", span=low.span)

    def added(self, first: Value, *rest: Any) -> Value:
        result = first
        for sign, operand in zip(rest[::2], rest[1::2], strict=True):
            result = Arithmetic(cast(Operator, str(sign)), result, operand, first.span)
        return result

    multiplied_values = added

    def calculation(self, name: Token, *arguments: Value) -> Calculation:
        return Calculation(str(name), arguments, span_of(name))

    def number(self, minus: Token | None, digits: Token) -> Number:
        text = str(digits) if minus is None else f"-{digits}"
        span = span_of(digits if minus is None else minus)
        return Number(int(text) if digits.isdigit() else float(text), span)

    def name(self, token: Token) -> Value:
        if token.type == "SIZE":
            height, _, width = token.partition("x")
            down, across = int(height), int(width)
            return Number(down, span_of(token)) if down == across else Name(f"{down}x{across}", span_of(token))
        return Name(str(token), span_of(token))

    def text(self, token: Token) -> Text:
        return Text(str(token)[1:-1], span_of(token))

    # --- graphs

    def graph(self, begin: Token, inputs: tuple[str, ...] | None, *rest: Any) -> Graph[Expression]:
        *bindings, result = rest
        names = inputs or ("x",)
        return _Lifter({*names, *(binding.name for binding in bindings)}).graph(names, bindings, result, span_of(begin))

    def inputs(self, *names: Token) -> tuple[str, ...]:
        return tuple(map(str, names))

    def binding(self, name: Token, term: GraphTerm[Expression]) -> Binding[Expression]:
        return Binding(str(name), term, span_of(name))

    def join(self, *terms: GraphTerm[Expression]) -> GraphTerm[Expression]:
        return terms[0] if len(terms) == 1 else GraphJoin("add", terms, terms[0].span)

    def multiplied(self, *terms: GraphTerm[Expression]) -> GraphTerm[Expression]:
        return terms[0] if len(terms) == 1 else GraphJoin("mul", terms, terms[0].span)

    def concat(self, word: Token, *terms: GraphTerm[Expression]) -> GraphJoin[Expression]:
        if len(terms) < 2:
            raise BuildError(span_of(word), _FEW)
        return GraphJoin("concat", terms, span_of(word))

    def graph_name(self, token: Token) -> GraphName:
        return GraphName(str(token), span_of(token))

    def short_apply(self, name: Token, arguments: tuple[Argument, ...]) -> GraphApply[Expression]:
        """``a(x)``: the only brackets of a call in a graph hold the values it is applied to."""
        part = Call(str(name), span=span_of(name))
        if not arguments:
            raise _unapplied(str(name), span_of(name))
        terms = [None if entry.name is not None else _as_term(entry.value) for entry in arguments]
        found = [term for term in terms if term is not None]
        if len(found) < len(terms):
            raise _unapplied(str(name), arguments[0].span)
        return self.apply(part, *found)

    def apply(self, function: Expression, *terms: GraphTerm[Expression]) -> GraphApply[Expression]:
        return cast(GraphApply[Expression], _Applied(function, terms, function.span))

    applied_group = group
    applied_repeated = repeated
    applied_optional = optional


def _projection(part: Expression) -> Literal["auto", "none", "pad"] | Expression:
    if isinstance(part, Call) and not part.arguments and part.name in _PROJECTIONS:
        return cast(Literal["auto", "none", "pad"], part.name)
    return part


def _join(part: Expression) -> Join:
    if isinstance(part, Call) and not part.arguments and part.name in get_args(Join):
        return cast(Join, part.name)
    raise BuildError(part.span, "join must be one of add, concat, mul, mean")


# --- parts applied to what has no name --------------------------------------------------------------

_FEW = "concat needs at least two values"


@dataclass(frozen=True, slots=True)
class _Portion:
    """A branch of a split with its share."""

    share: Value
    part: Expression


@dataclass(frozen=True, slots=True)
class _Applied:
    """A part applied to terms; its graph gives them names."""

    function: Expression
    terms: tuple[GraphTerm[Expression], ...]
    span: Span


def _unapplied(name: str, span: Span) -> BuildError:
    return BuildError(span, f"{name} must be applied to a value of the graph; write {name}(…)(x)")


def _as_term(value: Value) -> GraphTerm[Expression] | None:
    """Read a value as a term of a graph: ``a(x + y)`` looks like a call with a sum; None if it is none."""
    match value:
        case Name(id=name):
            return GraphName(name, value.span)
        case Arithmetic(op="+" | "*" as sign):
            join: Join = "add" if sign == "+" else "mul"
            terms: list[GraphTerm[Expression]] = []
            for side in (value.left, value.right):
                term = _as_term(side)
                if term is None:
                    return None
                terms += term.terms if isinstance(term, GraphJoin) and term.join == join else (term,)
            return GraphJoin(join, tuple(terms), value.span)
        case Calculation(function=function, arguments=arguments):
            inner = [term for term in map(_as_term, arguments) if term is not None]
            if len(inner) < len(arguments):
                return None
            if function == "concat":
                if len(inner) < 2:
                    raise BuildError(value.span, _FEW)
                return GraphJoin("concat", tuple(inner), value.span)
            return cast(GraphApply[Expression], _Applied(Call(function, span=value.span), tuple(inner), value.span))
        case _:
            return None


class _Lifter:
    """Gives names to what a graph applies its parts to: ``a(b + c)`` becomes ``v1 = b + c`` and ``a(v1)``."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken
        self._bindings: list[Binding[Expression]] = []

    def graph(
        self,
        inputs: tuple[str, ...],
        bindings: list[Binding[Expression]],
        result: GraphTerm[Expression],
        span: Span,
    ) -> Graph[Expression]:
        """Return a graph in which every part is applied to names."""
        for binding in bindings:
            term = self._named(binding.term)
            self._bindings.append(Binding(binding.name, term, binding.span))
        last = self._named(result)
        return Graph(inputs, tuple(self._bindings), last, span)

    def _named(self, term: GraphTerm[Expression] | _Applied) -> GraphTerm[Expression]:
        match term:
            case _Applied():
                names = [self._name(self._named(inner)) for inner in term.terms]
                return GraphApply(
                    term.function, tuple(name.id for name in names), term.span, tuple(name.span for name in names)
                )
            case GraphJoin():
                return GraphJoin(term.join, tuple(map(self._named, term.terms)), term.span)
            case _:
                return term

    def _name(self, term: GraphTerm[Expression]) -> GraphName:
        if isinstance(term, GraphName):
            return term
        name = next(name for number in count(1) if (name := f"v{number}") not in self._taken)
        self._taken.add(name)
        self._bindings.append(Binding(name, term, term.span))
        return GraphName(name, term.span)
