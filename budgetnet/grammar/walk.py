"""Walks over syntax trees, in the order of the text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from budgetnet.grammar.syntax import (
    Alternatives,
    Arithmetic,
    Calculation,
    Call,
    Choice,
    Expression,
    Graph,
    GraphApply,
    GraphJoin,
    GraphName,
    GraphTerm,
    Name,
    Number,
    Optional,
    ParallelExpression,
    Range,
    Repeat,
    SequenceExpression,
    SkipExpression,
    SplitExpression,
    Text,
    Value,
)

__all__ = ["Element", "children", "walk"]

Element = Expression | Value | GraphTerm[Expression]


def children(node: Element) -> tuple[Element, ...]:
    """Return the parts, values and graph terms directly inside *node*."""
    match node:
        case Number() | Name() | Text() | GraphName():
            return ()
        case Choice(options=options):
            return options
        case Alternatives(options=options, conditions=conditions):
            compared = [side for condition in conditions if condition for side in (condition.left, condition.right)]
            return (*options, *compared)
        case Range(low=low, high=high, step=step):
            return low, high, step
        case Arithmetic(left=left, right=right):
            return left, right
        case Calculation(arguments=arguments):
            return arguments
        case Call(arguments=arguments):
            return tuple(argument.value for argument in arguments)
        case SequenceExpression(items=items):
            return items
        case Repeat(body=body, low=low, high=high):
            return (body, low) if low == high else (body, low, high)
        case Optional(body=body):
            return (body,)
        case SkipExpression(body=body, project=project):
            return (body,) if isinstance(project, str) else (body, project)
        case ParallelExpression(branches=branches):
            return branches
        case SplitExpression(branches=branches, shares=shares):
            return (*branches, *shares)
        case Graph(bindings=bindings, result=result):
            return (*(binding.term for binding in bindings), result)
        case GraphApply(function=function):
            return (function,)
        case GraphJoin(terms=terms):
            return terms
        case _:
            assert_never(node)


def walk(root: Element) -> Iterator[Element]:
    """Yield *root* and everything inside it, in the order of the text."""
    todo = [root]
    while todo:
        node = todo.pop()
        yield node
        todo.extend(reversed(children(node)))
