"""Expression tree to text: ``parse(to_text(tree)) == tree`` for every tree in normal form.

A rule is printed on one line if it fits; otherwise its parts are on separate lines. Brackets appear only where
the meaning depends on them.
"""

from __future__ import annotations

from typing import assert_never

from budgetnet.grammar.lexer import is_name
from budgetnet.grammar.syntax import (
    Alternatives,
    Argument,
    Arithmetic,
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
    GraphTerm,
    Import,
    Name,
    Number,
    Optional,
    ParallelExpression,
    Range,
    Repeat,
    Rule,
    SequenceExpression,
    SkipExpression,
    SplitExpression,
    Text,
    Value,
)

__all__ = ["LINE_WIDTH", "expression_text", "rule_text", "term_text", "to_text", "value_text"]

LINE_WIDTH = 100
"""Longest line of a rule, in columns."""
_STEP = "    "

# Levels of precedence: a text of a lower level than its place allows gets brackets.
_CHOICE, _RANGE, _SUM, _PRODUCT, _ATOM = range(5)  # values
_ALTERNATIVES, _SEQUENCE, _PART = range(3)  # parts of a network
_ADD, _MUL, _TERM = range(3)  # graph terms


def to_text(grammar: Grammar) -> str:
    """Return the text of a grammar or a network, imports first, one rule after the other."""
    imports = [_import_text(entry) for entry in grammar.imports]
    rules = [rule_text(rule) for rule in grammar.rules]
    return "\n".join([*imports, *([""] if imports else []), *rules, ""])


def rule_text(rule: Rule) -> str:
    """Return the text of one rule, without a line end."""
    head = _head_text(rule)
    flat = f"{head} = {expression_text(rule.body)}"
    if len(flat) <= LINE_WIDTH:
        return flat
    if isinstance(rule.body, SequenceExpression | Alternatives):
        return f"{head} =\n{_STEP}{_broken(rule.body, _STEP)}"
    return f"{head} = {_broken(rule.body, '')}"


def _head_text(rule: Rule) -> str:
    parameters = [
        parameter.name if parameter.default is None else f"{parameter.name}={value_text(parameter.default)}"
        for parameter in rule.parameters
    ]
    return f"{rule.name}({', '.join(parameters)})" if parameters else rule.name


def _import_text(entry: Import) -> str:
    origin = entry.source if is_name(entry.source) else f'"{entry.source}"'
    return f"from {origin} import {', '.join(entry.names)}"


# --- values -----------------------------------------------------------------------------------------


def value_text(value: Value) -> str:
    """Return a value on one line, as an argument: ``16|24``, ``16..64:8``, ``c*2``."""
    return _value(value, _CHOICE)


def _value(value: Value, place: int) -> str:
    match value:
        case Number():
            return repr(value.value)
        case Name():
            return value.id
        case Text():
            return f'"{value.value}"'
        case Choice():
            level, text = _CHOICE, _weighted([_value(option, _RANGE) for option in value.options], value.weights, "|")
        case Range():
            level, text = _RANGE, f"{_value(value.low, _ATOM)}..{_value(value.high, _ATOM)}"
            if value.geometric:
                text += f"*{_value(value.step, _ATOM)}"
            elif value.step != Number(1):
                text += f":{_value(value.step, _ATOM)}"
        case Calculation():
            return f"{value.function}({', '.join(_value(argument, _CHOICE) for argument in value.arguments)})"
        case Arithmetic(op="+" | "-"):
            level, text = _SUM, f"{_value(value.left, _SUM)} {value.op} {_value(value.right, _PRODUCT)}"
        case Arithmetic():
            level, text = _PRODUCT, f"{_value(value.left, _PRODUCT)}{value.op}{_value(value.right, _ATOM)}"
        case _:
            assert_never(value)
    return text if level >= place else f"({text})"


def _weighted(options: list[str], weights: tuple[float, ...], bar: str) -> str:
    if not weights:
        return bar.join(options)
    return " | ".join(
        option if weight == 1.0 else f"{option} @{int(weight) if weight == int(weight) else repr(weight)}"
        for option, weight in zip(options, weights, strict=True)
    )


# --- parts of a network, on one line ----------------------------------------------------------------


def expression_text(part: Expression) -> str:
    """Return a part of a network on one line."""
    return _part(part, _ALTERNATIVES)


def _part(part: Expression, place: int) -> str:
    match part:
        case Call():
            return f"{part.name}({', '.join(map(_argument, part.arguments))})" if part.arguments else part.name
        case SequenceExpression():
            level, text = _SEQUENCE, " ".join(_part(item, _PART) for item in part.items)
        case Alternatives():
            options = [_part(option, _SEQUENCE) for option in part.options]
            level, text = _ALTERNATIVES, " | ".join(_told(options, part))
        case Repeat(mode="anew"):
            return _part(part.body, _PART) + _bounds(part)
        case Repeat():
            return f"{part.mode}({expression_text(part.body)}){_bounds(part)}"
        case Optional():
            return f"{_part(part.body, _PART)}?"
        case SkipExpression() | ParallelExpression() | SplitExpression():
            word, entries = _combination(part)
            return f"{word}({', '.join(name + expression_text(entry) for name, entry in entries)})"
        case Graph():
            statements = [f"{binding.name} = {term_text(binding.term)}" for binding in part.bindings]
            return f"{_graph_head(part)} {{ {'; '.join([*statements, f'return {term_text(part.result)}'])} }}"
        case _:
            assert_never(part)
    return text if level >= place else f"({text})"


def _told(options: list[str], part: Alternatives) -> list[str]:
    """Alternatives with their weights and conditions."""
    weights = part.weights or (1.0,) * len(options)
    conditions = part.conditions or (None,) * len(options)
    return [
        (_weighted([option], (weight,), "") if part.weights else option) + _condition(condition)
        for option, weight, condition in zip(options, weights, conditions, strict=True)
    ]


def _condition(condition: Condition | None) -> str:
    if condition is None:
        return ""
    return f" if {_value(condition.left, _SUM)} {condition.op} {_value(condition.right, _SUM)}"


def _argument(argument: Argument) -> str:
    text = value_text(argument.value)
    return text if argument.name is None else f"{argument.name}={text}"


def _bounds(repeat: Repeat) -> str:
    if repeat.low == repeat.high:
        return f"{{{value_text(repeat.low)}}}"
    return f"{{{_value(repeat.low, _ATOM)}..{_value(repeat.high, _ATOM)}}}"


def _combination(
    part: SkipExpression | ParallelExpression | SplitExpression,
) -> tuple[str, list[tuple[str, Expression]]]:
    """Return the word and its entries; an option is an entry that begins with ``name=``."""
    match part:
        case SkipExpression(project="auto"):
            return "skip", [("", part.body)]
        case SkipExpression(project=project):
            return "skip", [("", part.body), ("project=", Call(project) if isinstance(project, str) else project)]
        case ParallelExpression() | SplitExpression():
            word, usual = ("parallel", "add") if isinstance(part, ParallelExpression) else ("split", "concat")
            option = [] if part.join == usual else [("join=", Call(part.join))]
            shares = part.shares if isinstance(part, SplitExpression) and part.shares else ()
            names = [f"{value_text(share)}: " for share in shares] or [""] * len(part.branches)
            return word, [*zip(names, part.branches, strict=True), *option]
        case _:
            assert_never(part)


def _graph_head(graph: Graph[Expression]) -> str:
    return "graph" if graph.inputs == ("x",) else f"graph({', '.join(graph.inputs)})"


def term_text(term: GraphTerm[Expression]) -> str:
    """A graph term on one line: ``a(x) + h1``."""
    return _term(term, _ADD)


def _term(term: GraphTerm[Expression], place: int) -> str:
    match term:
        case GraphName():
            return term.id
        case GraphApply():
            return f"{_part(term.function, _PART)}({', '.join(term.inputs)})"
        case GraphJoin(join="concat"):
            return f"concat({', '.join(map(term_text, term.terms))})"
        case GraphJoin(join="add"):
            level, text = _ADD, " + ".join(_term(inner, _MUL) for inner in term.terms)
        case GraphJoin():
            level, text = _MUL, " * ".join(_term(inner, _TERM) for inner in term.terms)
        case _:
            assert_never(term)
    return text if level >= place else f"({text})"


# --- parts of a network, on several lines -----------------------------------------------------------


def _laid_out(part: Expression, indent: str, place: int = _ALTERNATIVES, after: int = 0) -> str:
    """Return *part* on one line if it and *after* more characters fit, else broken; begins at column *indent*."""
    flat = _part(part, place)
    if len(indent) + len(flat) + after <= LINE_WIDTH:
        return flat
    grouped = (isinstance(part, Alternatives) and place > _ALTERNATIVES) or (
        isinstance(part, SequenceExpression) and place > _SEQUENCE
    )
    if grouped:
        inner = indent + _STEP
        return f"(\n{inner}{_broken(part, inner)}\n{indent})"
    return _broken(part, indent)


def _broken(part: Expression, indent: str) -> str:
    inner = indent + _STEP
    match part:
        case Call(arguments=()):
            return part.name
        case Call():
            return _block(f"{part.name}(", [_argument(argument) for argument in part.arguments], ",", indent, ")")
        case SequenceExpression():
            return f"\n{indent}".join(_laid_out(item, indent, _PART) for item in part.items)
        case Alternatives():
            options = [_laid_out(option, indent + "  ", _SEQUENCE, 8) for option in part.options]
            return f"\n{indent}| ".join(_told(options, part))
        case Repeat(mode="anew"):
            bounds = _bounds(part)
            return _laid_out(part.body, indent, _PART, len(bounds)) + bounds
        case Repeat():
            return _block(f"{part.mode}(", [_laid_out(part.body, inner)], "", indent, f"){_bounds(part)}")
        case Optional():
            return f"{_laid_out(part.body, indent, _PART, 1)}?"
        case SkipExpression() | ParallelExpression() | SplitExpression():
            word, entries = _combination(part)
            texts = [name + _laid_out(entry, inner, after=len(name) + 1) for name, entry in entries]
            return _block(f"{word}(", texts, ",", indent, ")")
        case Graph():
            statements = [f"{binding.name} = {term_text(binding.term)}" for binding in part.bindings]
            statements.append(f"return {term_text(part.result)}")
            return _block(f"{_graph_head(part)} {{", statements, "", indent, "}")
        case _:
            assert_never(part)


def _block(begin: str, entries: list[str], comma: str, indent: str, end: str) -> str:
    inner = f"{comma}\n{indent}{_STEP}".join(entries)
    return f"{begin}\n{indent}{_STEP}{inner}\n{indent}{end}"
