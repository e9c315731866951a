"""Number of inputs of a part: one, except for a graph with named inputs and for parts that are or begin with one."""

from __future__ import annotations

from budgetnet.errors import nearest
from budgetnet.grammar.checks.scope import RuleScope
from budgetnet.grammar.source import Span
from budgetnet.grammar.syntax import (
    Alternatives,
    Call,
    Expression,
    Graph,
    GraphApply,
    GraphJoin,
    GraphName,
    GraphTerm,
    Rule,
    SequenceExpression,
)
from budgetnet.grammar.walk import Element, children
from budgetnet.text import counted

__all__ = ["check_inputs", "input_counts"]


def input_counts(rules: dict[str, Rule]) -> dict[str, int]:
    """Return the number of inputs of each rule: those of the graph or rule that it is or begins with, else one."""
    counts: dict[str, int] = {}
    for name in rules:
        chain: dict[str, None] = {}
        found: str | int = name
        while isinstance(found, str) and found not in counts and found not in chain:
            chain[found] = None
            found = _inputs(rules[found].body, rules)
        count = counts.get(found, 1) if isinstance(found, str) else found  # 1: a circle of rules
        counts.update(dict.fromkeys(chain, count))
    return counts


def _inputs(part: Expression, rules: dict[str, Rule]) -> str | int:
    """Return the number of a part's inputs, or the rule that decides it."""
    while isinstance(part, Alternatives | SequenceExpression):
        part = part.options[0] if isinstance(part, Alternatives) else part.items[0]
    match part:
        case Graph(inputs=inputs):
            return len(inputs)
        case Call(name=name) if name in rules:
            return name
        case _:
            return 1


def check_inputs(scope: RuleScope) -> None:
    """Check every graph of a rule, and that parts with several inputs stand only where they get them.

    Raises:
        LanguageError: a name is bound twice or used before it is bound, or a part gets the wrong number of inputs.
    """
    _check_part(scope, scope.rule.body, scope.inputs[scope.rule.name])


def _check_part(scope: RuleScope, part: Element, given: int) -> None:
    match part:
        case Graph():
            if len(part.inputs) != given:
                raise _wrong_count(scope, part.span, "this graph", len(part.inputs), given)
            _check_graph(scope, part)
        case Alternatives():
            for option in part.options:
                _check_part(scope, option, given)
        case SequenceExpression():
            for index, item in enumerate(part.items):
                _check_part(scope, item, 1 if index else given)
        case Call():
            passed = scope.parts.get(part.name, ()) if part.name not in scope.rules else ()
            needed = scope.inputs.get(passed[0] if passed else part.name, 1)
            for other in passed:
                if scope.inputs[other] != needed:
                    raise scope.error(
                        part.span,
                        f"all rules that are passed as {part.name!r} must take as many inputs, but {passed[0]!r} takes "
                        f"{needed} and {other!r} takes {scope.inputs[other]}",
                    )
            if needed != given:
                raise _wrong_count(scope, part.span, repr(part.name), needed, given)
        case _:
            if given != 1:
                raise _wrong_count(scope, part.span, "this part", 1, given)
            for child in children(part):
                _check_part(scope, child, 1)


def _wrong_count(scope: RuleScope, span: Span, what: str, needed: int, given: int) -> Exception:
    if given == 1:
        names = ", ".join("pqrstuvw"[:needed]) if needed <= 8 else "…"
        return scope.error(span, f"{what} takes {needed} inputs and must be applied in a graph, as in cell({names})")
    return scope.error(span, f"{what} takes {counted(needed, 'input')}, but got {given}")


def _check_graph(scope: RuleScope, graph: Graph[Expression]) -> None:
    bound: list[str] = []
    for name in graph.inputs:
        if name in bound:
            raise scope.error(graph.span, f"the graph's input {name!r} is named twice")
        bound.append(name)
    for binding in graph.bindings:
        if binding.name in bound:
            raise scope.error(
                binding.span, f"{binding.name!r} is bound twice in this graph; each value needs its own name"
            )
        _check_term(scope, binding.term, bound)
        bound.append(binding.name)
    _check_term(scope, graph.result, bound)
    _check_used(scope, graph)


def _check_used(scope: RuleScope, graph: Graph[Expression]) -> None:
    """Check that the result depends on every value: one that is computed in vain has parameters and runs for nothing.

    What runs is what is counted: fvcore counts no FLOPs of a value that nothing uses, though the module computes it.
    """
    used = _names(graph.result)
    for binding in reversed(graph.bindings):
        if binding.name in used:
            used |= _names(binding.term)
    for binding in graph.bindings:
        if binding.name not in used:
            raise scope.error(
                binding.span,
                f"the result of a graph must depend on every value, but {binding.name!r} is not used; use it or leave "
                "it out",
            )
    for name in graph.inputs:
        if name not in used:
            raise scope.error(
                graph.span,
                f"the result of a graph must depend on every input, but {name!r} is not used; use it or leave it out",
            )


def _names(term: GraphTerm[Expression]) -> set[str]:
    """The values that a term reads."""
    match term:
        case GraphName():
            return {term.id}
        case GraphApply():
            return set(term.inputs)
        case GraphJoin():
            return set[str]().union(*map(_names, term.terms))


def _check_term(scope: RuleScope, term: GraphTerm[Expression], bound: list[str]) -> None:
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


def _check_bound(scope: RuleScope, name: str, span: Span, bound: list[str]) -> None:
    if name not in bound:
        hint = nearest(name, bound) or f"; the values above are {', '.join(bound)}"
        raise scope.error(
            span,
            f"{name!r} is not a value of this graph, or not yet{hint} (apply a part to one: conv(3, 16)({bound[0]}))",
        )
