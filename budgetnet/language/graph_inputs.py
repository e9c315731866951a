"""How many inputs a part takes: one, except a graph with named inputs and what stands for one."""

from __future__ import annotations

from budgetnet.errors import nearest
from budgetnet.language.scope import Scope
from budgetnet.language.source import Span
from budgetnet.language.tree import (
    Alternatives,
    Call,
    Expression,
    Graph,
    GraphApply,
    GraphJoin,
    GraphName,
    GraphTerm,
    Rule,
)
from budgetnet.language.walk import Element, children

__all__ = ["check_inputs", "input_count"]


def input_count(part: Expression, rules: dict[str, Rule]) -> int:
    """The inputs of *part*: a graph's own, through calls of rules and the first of alternatives; else one."""
    seen: set[str] = set()
    while True:
        match part:
            case Graph(inputs=inputs):
                return len(inputs)
            case Alternatives(options=options):
                part = options[0]
            case Call(name=name) if name in rules and name not in seen:
                seen.add(name)
                part = rules[name].body
            case _:
                return 1


def check_inputs(scope: Scope) -> None:
    """Check every graph of a rule, and that parts with several inputs stand only where they get them.

    Raises:
        LanguageError: a name is bound twice or used before it is bound, or a part gets the wrong number of inputs.
    """
    body = scope.rule.body
    _check_part(scope, body, input_count(body, scope.rules))


def _check_part(scope: Scope, part: Element, given: int) -> None:
    match part:
        case Graph():
            if len(part.inputs) != given:
                raise _wrong_count(scope, part.span, "this graph", len(part.inputs), given)
            _check_graph(scope, part)
        case Alternatives():
            for option in part.options:
                _check_part(scope, option, given)
        case Call():
            needed = input_count(part, scope.rules)
            if needed != given:
                raise _wrong_count(scope, part.span, repr(part.name), needed, given)
        case _:
            if given != 1:
                raise _wrong_count(scope, part.span, "this part", 1, given)
            for child in children(part):
                _check_part(scope, child, 1)


def _wrong_count(scope: Scope, span: Span, what: str, needed: int, given: int) -> Exception:
    if given == 1:
        names = ", ".join("pqrstuvw"[:needed]) if needed <= 8 else "…"
        return scope.error(
            span, f"{what} takes {needed} inputs and stands only in a graph, applied as in cell({names})"
        )
    inputs = "one input" if needed == 1 else f"{needed} inputs"
    return scope.error(span, f"{what} takes {inputs}, found {given}")


def _check_graph(scope: Scope, graph: Graph) -> None:
    bound: list[str] = []
    for name in graph.inputs:
        if name in bound:
            raise scope.error(graph.span, f"the graph's input {name!r} is named twice")
        bound.append(name)
    for binding in graph.bindings:
        if binding.name in bound:
            raise scope.error(
                binding.span, f"{binding.name!r} is bound twice in this graph; each value needs a name of its own"
            )
        _check_term(scope, binding.term, bound)
        bound.append(binding.name)
    _check_term(scope, graph.result, bound)


def _check_term(scope: Scope, term: GraphTerm, bound: list[str]) -> None:
    match term:
        case GraphName():
            _check_bound(scope, term.id, term.span, bound)
        case GraphApply():
            for index, name in enumerate(term.inputs):
                _check_bound(scope, name, term.input_spans[index] if term.input_spans else term.span, bound)
            _check_part(scope, term.function, len(term.inputs))
        case GraphJoin():
            for inner in term.terms:
                _check_term(scope, inner, bound)


def _check_bound(scope: Scope, name: str, span: Span, bound: list[str]) -> None:
    if name not in bound:
        hint = nearest(name, bound) or f"; the values above are {', '.join(bound)}"
        raise scope.error(
            span,
            f"{name!r} is no value of this graph, or not yet{hint} (a part is applied to one: conv(3, 16)({bound[0]}))",
        )
