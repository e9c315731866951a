"""Checks of a whole grammar, without choosing or building anything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from budgetnet.grammar.checks.arity import check_inputs, input_counts
from budgetnet.grammar.checks.calls import check_entry, check_options, check_parts
from budgetnet.grammar.checks.conditions import compared_words
from budgetnet.grammar.checks.parts import check_passed_part
from budgetnet.grammar.checks.scope import RuleScope, rule_error, uses_of_parameters
from budgetnet.grammar.checks.values import check_value, constant
from budgetnet.grammar.given import GivenParts, given_parts, passed_parts
from budgetnet.grammar.lexer import RESERVED
from budgetnet.grammar.syntax import (
    Alternatives,
    Call,
    Choice,
    Expression,
    Grammar,
    Graph,
    Name,
    Optional,
    ParallelExpression,
    Range,
    Repeat,
    Rule,
    SequenceExpression,
    SkipExpression,
    SplitExpression,
    Value,
)
from budgetnet.grammar.walk import children, walk
from budgetnet.ops.signature import Vocabulary

__all__ = ["Warning_", "check"]


@dataclass(frozen=True, slots=True)
class Warning_:  # noqa: N801  (`Warning` is Python's)
    """Something legal that is probably not intended."""

    text: str
    """The complete text: file, line, column, the line and a caret."""


def check(grammar: Grammar, vocabulary: Vocabulary) -> tuple[Warning_, ...]:
    """Refuse a grammar that breaks a rule of the language, and return warnings about what is legal but suspicious.

    Args:
        grammar: parsed, imports resolved.
        vocabulary: the primitives that may be called.

    Raises:
        LanguageError: with file, line, column, a caret and the rule's name.
    """
    rules = _check_names(grammar, vocabulary)
    _check_shadows(grammar, rules)
    uses = uses_of_parameters(grammar, vocabulary)
    inputs = input_counts(rules)
    given = given_parts(grammar)
    words = compared_words(grammar) | frozenset(
        word for signature in vocabulary.signatures.values() for entry in signature.parameters for word in entry.names
    )
    for rule in grammar.rules:
        names = tuple(parameter.name for parameter in rule.parameters)
        for index, parameter in enumerate(rule.parameters):
            if parameter.default is not None:
                scope = RuleScope(rule, rules, vocabulary, words, uses, inputs, given, names[:index])
                what = f"the default of {parameter.name}"
                if parameter.name in scope.parts:
                    check_passed_part(scope, parameter.default, what)
                else:
                    check_value(scope, parameter.default, what, uses[rule.name, parameter.name])
                if "entry" not in scope.parameters:
                    check_entry(scope, parameter.default)
                for node in walk(parameter.default):
                    if isinstance(node, Choice):
                        check_options(scope, node)
        scope = RuleScope(rule, rules, vocabulary, words, uses, inputs, given, names)
        check_parts(scope)
        check_inputs(scope)
    _check_start(grammar.start, inputs[grammar.start.name])
    _check_ends(grammar, rules)
    _check_passed(grammar, rules, given)
    return (*_unreachable(grammar, rules, given), *_repeated_options(grammar), *_unused_parameters(grammar))


def _check_names(grammar: Grammar, vocabulary: Vocabulary) -> dict[str, Rule]:
    rules: dict[str, Rule] = {}
    for rule in grammar.rules:
        if rule.name in vocabulary.signatures:
            raise rule_error(rule, rule.span, f"{rule.name!r} is a primitive; give the rule another name")
        if rule.name in rules:
            first = rules[rule.name]
            where = f" at {_place(first)}" if first.source is not None else ""
            raise rule_error(rule, rule.span, f"a rule of this name already exists{where}; rename one of them")
        rules[rule.name] = rule
        names = Counter(parameter.name for parameter in rule.parameters)
        optional = ""
        for parameter in rule.parameters:
            if parameter.name in RESERVED:
                raise rule_error(rule, parameter.span, f"{parameter.name!r} is reserved and cannot name a parameter")
            if names[parameter.name] > 1:
                raise rule_error(rule, parameter.span, f"the parameter {parameter.name!r} is named twice")
            if parameter.default is None and optional:
                raise rule_error(
                    rule,
                    parameter.span,
                    f"the parameter {parameter.name!r} without a default follows {optional!r} with one; swap them",
                )
            optional = parameter.name if parameter.default is not None else optional
    return rules


def _check_shadows(grammar: Grammar, rules: dict[str, Rule]) -> None:
    """Refuse a call that could mean a rule or a parameter."""
    for rule in grammar.rules:
        names = {parameter.name for parameter in rule.parameters} & rules.keys()
        for call in walk(rule.body) if names else ():
            if isinstance(call, Call) and call.name in names:
                message = f"{call.name!r} is a rule and a parameter of this one"
                raise rule_error(rule, call.span, f"{message}; give the parameter another name")


def _place(rule: Rule) -> str:
    if rule.source is None:
        return "another place"
    return f"{rule.source.name}:{rule.source.first_line + rule.span.line - 1}:{rule.span.column + rule.source.indent}"


def _check_start(start: Rule, inputs: int) -> None:
    required = [parameter.name for parameter in start.parameters if parameter.default is None]
    if start.parameters:
        raise rule_error(
            start,
            start.parameters[0].span,
            f"the network starts here, so nothing passes it {required[0] if required else start.parameters[0].name!r}; "
            "write the value into the rule, or name the start rule 'network'",
        )
    if inputs != 1:
        raise rule_error(
            start, start.body.span, f"the network starts here and takes one input, but got a graph of {inputs}"
        )


# --- endless derivations ------------------------------------------------------------------------------


def _check_ends(grammar: Grammar, rules: dict[str, Rule]) -> None:
    """Refuse rules from which no finite network can be derived."""
    callers: dict[str, list[str]] = {name: [] for name in rules}
    for rule in grammar.rules:
        for name in dict.fromkeys(_called(rule, rules)):
            callers[name].append(rule.name)
    ends: set[str] = set()
    todo = list(reversed(rules))
    while todo:  # a rule is checked once, and again whenever one that it calls turns out to end
        name = todo.pop()
        if name not in ends and _can_end(rules[name].body, rules, ends):
            ends.add(name)
            todo += callers[name]
    endless = [rule for rule in grammar.rules if rule.name not in ends]
    if endless:
        # Each of them calls another of them, so following the calls reaches one of them twice.
        rule, met = endless[0], set[str]()
        while rule.name not in met:
            met.add(rule.name)
            rule = next(rules[name] for name in _called(rule, rules) if name not in ends)
        raise rule_error(
            rule,
            rule.span,
            f"{rule.name!r} never ends: every derivation of it contains it again; add an alternative without it",
        )


def _can_end(part: Expression, rules: dict[str, Rule], ends: set[str]) -> bool:
    match part:
        case Call():
            return part.name not in rules or part.name in ends
        case Alternatives() if len(part.options) == 1:
            return True
        case Alternatives():
            return any(_can_end(option, rules, ends) for option in part.options)
        case Optional():
            return True
        case Repeat() if _may_be_zero(part.low):
            return True
        case _:
            # Everything else needs all of its parts; values have none.
            todo = list(children(part))
            inner: list[Expression] = []
            while todo:
                node = todo.pop()
                if isinstance(
                    node,
                    Call
                    | SequenceExpression
                    | Alternatives
                    | Repeat
                    | Optional
                    | SkipExpression
                    | ParallelExpression
                    | SplitExpression
                    | Graph,
                ):
                    inner.append(node)
                else:
                    todo.extend(children(node))
            return all(_can_end(node, rules, ends) for node in inner)


def _called(rule: Rule, rules: dict[str, Rule]) -> list[str]:
    """Return the rules that a rule calls, in the order of the text."""
    return [node.name for node in walk(rule.body) if isinstance(node, Call) and node.name in rules]


def _check_passed(grammar: Grammar, rules: dict[str, Rule], given: GivenParts) -> None:
    """Refuse a part that leads back to the rule it is passed to: what it draws would hold itself."""
    leads: dict[str, set[str]] = {
        rule.name: {*_called(rule, rules), *passed_parts(rule.body, rules, given)} for rule in grammar.rules
    }
    for name, parts in given.items():
        for parameter, passed in parts.items():
            todo, reached = list(passed), set[str]()
            while todo:
                here = todo.pop()
                if here not in reached:
                    reached.add(here)
                    todo.extend(leads[here])
            if name in reached:
                rule = rules[name]
                span = next(entry.span for entry in rule.parameters if entry.name == parameter)
                message = f"{parameter!r} is passed a part that leads back to {name!r}"
                raise rule_error(rule, span, f"{message}; a part that is drawn once cannot hold itself")


def _may_be_zero(count: Value) -> bool:
    match count:
        case Choice():
            return any(_may_be_zero(option) for option in count.options)
        case Range():
            return _may_be_zero(count.low)
        case _:
            number = constant(count)
            return number is None or number == 0


# --- warnings -----------------------------------------------------------------------------------------


def _unreachable(grammar: Grammar, rules: dict[str, Rule], given: GivenParts) -> list[Warning_]:
    reached: set[str] = set()
    todo = [grammar.start.name]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo.extend((*_called(rules[name], rules), *passed_parts(rules[name].body, rules, given)))
    return [
        Warning_(str(rule_error(rule, rule.span, f"this rule is never reached from {grammar.start.name!r}")))
        for rule in grammar.rules
        if rule.name not in reached
    ]


def _unused_parameters(grammar: Grammar) -> list[Warning_]:
    """Parameters that neither the rule nor the default of a later parameter reads."""
    found = []
    for rule in grammar.rules:
        defaults = [parameter.default for parameter in rule.parameters if parameter.default is not None]
        nodes = [node for root in (rule.body, *defaults) for node in walk(root)]
        read = {node.id for node in nodes if isinstance(node, Name)}
        read |= {node.name for node in nodes if isinstance(node, Call)}
        for parameter in rule.parameters:
            if parameter.name not in read:
                message = f"the parameter {parameter.name!r} is never used; use it or leave it out"
                found.append(Warning_(str(rule_error(rule, parameter.span, message))))
    return found


def _repeated_options(grammar: Grammar) -> list[Warning_]:
    found = []
    for rule in grammar.rules:
        for node in walk(rule.body):
            if isinstance(node, Alternatives | Choice) and not getattr(node, "conditions", ()):
                seen: set[Expression | Value] = set()
                for option in node.options:
                    if option in seen:
                        message = "this option is given twice; use a weight to make one more likely: a @2 | b"
                        found.append(Warning_(str(rule_error(rule, option.span, message))))
                    seen.add(option)
    return found
