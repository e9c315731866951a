"""The names that a rule may use, and errors that name their rule."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from budgetnet.errors import LanguageError
from budgetnet.grammar.given import GivenParts
from budgetnet.grammar.source import Source, Span
from budgetnet.grammar.syntax import Call, Expression, Grammar, Name, Rule, Value
from budgetnet.grammar.walk import walk
from budgetnet.ops.signature import Parameter, Vocabulary

__all__ = ["GIVEN", "RuleScope", "Use", "rule_error", "uses_of_parameters"]

GIVEN = ("in", "classes", "entry")
"""Names that every rule may use as numbers: the width at its entry, the data set's classes, and inside a skip the width
at the skip's entry."""


@dataclass(frozen=True, slots=True)
class Use:
    """A primitive's parameter that receives a value."""

    primitive: str
    parameter: Parameter

    @property
    def what(self) -> str:
        """The parameter in words: ``conv: kernel``."""
        return f"{self.primitive}: {self.parameter.name}"


@dataclass(frozen=True, slots=True)
class RuleScope:
    """One rule among the others."""

    rule: Rule
    rules: dict[str, Rule]
    vocabulary: Vocabulary
    words: frozenset[str]
    """All words that a primitive accepts as a value."""
    uses: dict[tuple[str, str], tuple[Use, ...]]
    """The primitives' parameters that receive a rule's parameter unchanged, by (rule, parameter)."""
    inputs: dict[str, int]
    """Number of inputs of each rule."""
    given: GivenParts = field(default_factory=dict)
    """The parameters of all rules that are parts."""
    parameters: tuple[str, ...] = field(default=())
    """The parameters that may be used here: all of the rule's own in its body, the earlier ones in a default."""

    @property
    def parts(self) -> dict[str, tuple[str, ...]]:
        """The rule's own parameters that are parts, with the rules that are passed for them."""
        return self.given.get(self.rule.name, {})

    def error(self, span: Span, message: str) -> LanguageError:
        """Return an error at *span* of this rule's text."""
        return rule_error(self.rule, span, message)


def rule_error(rule: Rule, span: Span, message: str) -> LanguageError:
    """Return an error at *span* of the text that *rule* was read from."""
    source = rule.source or Source("", "<grammar>")
    return source.error(span, f"in rule {rule.name!r}: {message}")


def uses_of_parameters(grammar: Grammar, vocabulary: Vocabulary) -> dict[tuple[str, str], tuple[Use, ...]]:
    """Return, for each rule's parameter, the primitives' parameters that receive it unchanged, through any rules."""
    rules = {rule.name: rule for rule in grammar.rules}
    found: dict[tuple[str, str], dict[Use, None]] = {
        (rule.name, parameter.name): {} for rule in grammar.rules for parameter in rule.parameters
    }
    givers: dict[tuple[str, str], list[tuple[str, str]]] = {}
    todo: deque[tuple[tuple[str, str], Use]] = deque()
    for rule in grammar.rules:
        for call in _calls(rule.body):
            for target, value in _assigned(call, rules, vocabulary):
                for name in _unchanged(value):
                    place = (rule.name, name.id)
                    if place in found and isinstance(target, Use):
                        todo.append((place, target))
                    elif place in found and not isinstance(target, Use):
                        givers.setdefault(target, []).append(place)
    while todo:
        place, use = todo.popleft()
        if use not in found[place]:
            found[place][use] = None
            todo.extend((giver, use) for giver in givers.get(place, ()))
    return {place: tuple(uses) for place, uses in found.items()}


def _calls(body: Expression) -> list[Call]:
    return [node for node in walk(body) if isinstance(node, Call)]


def _assigned(call: Call, rules: dict[str, Rule], vocabulary: Vocabulary) -> list[tuple[Use | tuple[str, str], Value]]:
    """Return a call's arguments with their parameters, leaving out those without one (reported elsewhere)."""
    targets: dict[str, Use | tuple[str, str]] = {}
    if call.name in rules:
        targets = {parameter.name: (call.name, parameter.name) for parameter in rules[call.name].parameters}
    elif call.name in vocabulary.signatures:
        targets = {p.name: Use(call.name, p) for p in vocabulary.signatures[call.name].parameters}
    order = list(targets)
    assigned = []
    for index, argument in enumerate(call.arguments):
        name = argument.name or (order[index] if index < len(order) else "")
        if name in targets:
            assigned.append((targets[name], argument.value))
    return assigned


def _unchanged(value: Value) -> list[Name]:
    """Return the names that an argument may pass unchanged: itself, or an option of a choice."""
    from_choices = [value]
    names = []
    while from_choices:
        node = from_choices.pop()
        if isinstance(node, Name):
            names.append(node)
        elif hasattr(node, "options"):
            from_choices.extend(node.options)
    return names
