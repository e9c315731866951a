"""Names for every choice of a grammar: fills the ``site`` fields of a tree.

A site is unique within its rule; the second of two equal ones gets ``#2``. Sites consist of names that the
author wrote, so they survive edits elsewhere in the text:

- ``kind``: alternatives;
- ``block.count`` (``repeat.count`` for a group): the number of repetitions of a part; none if ``{n}`` is fixed;
- ``block.times``: a choice in the bounds of a repetition;
- ``block.used`` (``part.used`` for a group): an optional part;
- ``conv.kernel``: a choice in an argument (``op.kind.value`` for a rule's parameter called kind, since
  ``op.kind`` is the name of the alternatives inside the rule op);
- ``c.default``: a choice in the default of a rule's parameter;
- ``stage``, ``stage#2``: calls, which form the path in front of the sites of the called rule; the sites of their
  own arguments and repetitions follow them (``stage#2.c``, ``stage#2.count``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from budgetnet.grammar.graph import rebuild
from budgetnet.grammar.syntax import (
    Alternatives,
    Argument,
    Arithmetic,
    Calculation,
    Call,
    Choice,
    Expression,
    Grammar,
    Graph,
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
from budgetnet.ops.signature import Vocabulary

__all__ = ["label"]


def label(grammar: Grammar, vocabulary: Vocabulary) -> Grammar:
    """Return *grammar* with every ``site`` filled; the order of the text decides which one is ``#2``."""
    positional = {name: tuple(p.name for p in entry.parameters) for name, entry in vocabulary.signatures.items()}
    rules = {rule.name: tuple(parameter.name for parameter in rule.parameters) for rule in grammar.rules}
    return replace(grammar, rules=tuple(_Labeller(positional, rules).rule(rule) for rule in grammar.rules))


class _Labeller:
    """Labels one rule."""

    def __init__(self, primitives: dict[str, tuple[str, ...]], rules: dict[str, tuple[str, ...]]) -> None:
        self.primitives = primitives
        self.rules = rules
        self.used: dict[str, int] = {}

    def fresh(self, wish: str) -> str:
        number = self.used.get(wish, 0) + 1
        self.used[wish] = number
        return wish if number == 1 else f"{wish}#{number}"

    def rule(self, rule: Rule) -> Rule:
        parameters = tuple(
            parameter
            if parameter.default is None
            else RuleParameter(
                parameter.name, self.value(parameter.default, f"{parameter.name}.default"), parameter.span
            )
            for parameter in rule.parameters
        )
        return replace(rule, parameters=parameters, body=self.part(rule.body))

    def value(self, value: Value, wish: str) -> Value:
        match value:
            case Number() | Name() | Text():
                return value
            case Choice():
                site = self.fresh(wish)
                options = tuple(self.value(option, wish) for option in value.options)
                return Choice(options, value.weights, site, value.span)
            case Range():
                site = self.fresh(wish)
                low, high, step = (self.value(bound, wish) for bound in (value.low, value.high, value.step))
                return Range(low, high, step, value.geometric, site, value.span)
            case Arithmetic():
                return Arithmetic(value.op, self.value(value.left, wish), self.value(value.right, wish), value.span)
            case Calculation():
                arguments = tuple(self.value(argument, wish) for argument in value.arguments)
                return Calculation(value.function, arguments, value.span)
            case _:
                assert_never(value)

    def parts(self, parts: tuple[Expression, ...]) -> tuple[Expression, ...]:
        return tuple(self.part(part) for part in parts)

    def part(self, part: Expression) -> Expression:
        match part:
            case Call():
                return self.call(part)
            case SequenceExpression():
                return SequenceExpression(self.parts(part.items), part.span)
            case Alternatives():
                site = self.fresh("kind")
                return Alternatives(self.parts(part.options), part.weights, site, part.span, part.conditions)
            case Repeat():
                return self.repeat(part)
            case Optional():
                body = self.part(part.body)
                return Optional(body, self.fresh(f"{_called(body) or 'part'}.used"), part.span)
            case SkipExpression():
                body = self.part(part.body)
                project = part.project if isinstance(part.project, str) else self.part(part.project)
                return SkipExpression(body, project, part.span)
            case ParallelExpression():
                return ParallelExpression(self.parts(part.branches), part.join, part.span)
            case SplitExpression():
                return SplitExpression(self.parts(part.branches), part.join, part.span, part.shares)
            case Graph():
                return rebuild(part, self.part)
            case _:
                assert_never(part)

    def call(self, call: Call) -> Call:
        # Sites inside a call begin with the call's own site, so `stage#2.c` is the width of the stage `stage#2`.
        site = self.fresh(call.name)
        names = self.rules.get(call.name, self.primitives.get(call.name, ()))
        arguments = []
        for index, argument in enumerate(call.arguments):
            name = argument.name or (names[index] if index < len(names) else str(index + 1))
            if name == "kind" and call.name in self.rules:
                name = "kind.value"
            arguments.append(Argument(argument.name, self.value(argument.value, f"{site}.{name}"), argument.span))
        return Call(call.name, tuple(arguments), site, call.span)

    def repeat(self, repeat: Repeat) -> Repeat:
        body = self.part(repeat.body)
        name = _called(body) or "repeat"
        if repeat.low == repeat.high:  # drawn once, so both bounds are one object
            site = ""
            low = high = self.value(repeat.low, f"{name}.times")
        else:
            site = self.fresh(f"{name}.count")
            low, high = self.value(repeat.low, f"{name}.times"), self.value(repeat.high, f"{name}.times")
        return Repeat(body, low, high, repeat.mode, site, repeat.span)


def _called(part: Expression) -> str | None:
    """Return the site of a call, after which its repetition is named, or None."""
    return part.site if isinstance(part, Call) else None
