"""What a rule may name, and errors that say in which rule they are."""

from __future__ import annotations

from dataclasses import dataclass, field

from budgetnet.errors import LanguageError
from budgetnet.language.source import Source, Span
from budgetnet.language.tree import Call, Expression, Grammar, Name, Rule, Value
from budgetnet.language.vocabulary import Parameter, Vocabulary
from budgetnet.language.walk import walk

__all__ = ["GIVEN", "Scope", "Use", "rule_error", "uses_of_parameters"]

GIVEN = ("in", "classes")
"""Names that every rule may use as numbers: the width at its entry, and the data set's classes."""


@dataclass(frozen=True, slots=True)
class Use:
    """A primitive's parameter to which a value is handed."""

    primitive: str
    parameter: Parameter

    @property
    def what(self) -> str:
        """The parameter in words: ``conv: kernel``."""
        return f"{self.primitive}: {self.parameter.name}"


@dataclass(frozen=True, slots=True)
class Scope:
    """One rule among the others."""

    rule: Rule
    rules: dict[str, Rule]
    vocabulary: Vocabulary
    words: frozenset[str]
    """Every word that some primitive takes."""
    uses: dict[tuple[str, str], tuple[Use, ...]]
    """Where the parameters of rules end up: primitives' parameters by (rule, parameter)."""
    parameters: tuple[str, ...] = field(default=())
    """The parameters that may be named here: all of the rule's own in its body, the earlier ones in a default."""

    def error(self, span: Span, message: str) -> LanguageError:
        """An error at *span* of this rule's text."""
        return rule_error(self.rule, span, message)


def rule_error(rule: Rule, span: Span, message: str) -> LanguageError:
    """An error at *span* of the text that *rule* was read from."""
    source = rule.source or Source("", "<grammar>")
    return source.error(span, f"in rule {rule.name!r}: {message}")


def uses_of_parameters(grammar: Grammar, vocabulary: Vocabulary) -> dict[tuple[str, str], tuple[Use, ...]]:
    """For each rule's parameter, the primitives' parameters that it is handed to unchanged, through any rules."""
    direct: dict[tuple[str, str], list[Use]] = {}
    handed: dict[tuple[str, str], list[tuple[str, str]]] = {}
    rules = {rule.name: rule for rule in grammar.rules}
    for rule in grammar.rules:
        own = {parameter.name for parameter in rule.parameters}
        for call in _calls(rule.body):
            for target, value in _assigned(call, rules, vocabulary):
                for name in {node.id for node in _unchanged(value)} & own:
                    if isinstance(target, Use):
                        direct.setdefault((rule.name, name), []).append(target)
                    else:
                        handed.setdefault((rule.name, name), []).append(target)
    result: dict[tuple[str, str], tuple[Use, ...]] = {}
    for rule in grammar.rules:
        for parameter in rule.parameters:
            todo, seen = [(rule.name, parameter.name)], set[tuple[str, str]]()
            uses: dict[Use, None] = {}
            while todo:
                place = todo.pop()
                if place not in seen:
                    seen.add(place)
                    uses.update(dict.fromkeys(direct.get(place, ())))
                    todo.extend(handed.get(place, ()))
            result[rule.name, parameter.name] = tuple(uses)
    return result


def _calls(body: Expression) -> list[Call]:
    return [node for node in walk(body) if isinstance(node, Call)]


def _assigned(call: Call, rules: dict[str, Rule], vocabulary: Vocabulary) -> list[tuple[Use | tuple[str, str], Value]]:
    """The call's arguments by the parameter they are for; what does not fit is left out (and reported elsewhere)."""
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
    """The names whose value an argument may become as it is: itself, or as an option of a choice."""
    from_choices = [value]
    names = []
    while from_choices:
        node = from_choices.pop()
        if isinstance(node, Name):
            names.append(node)
        elif hasattr(node, "options"):
            from_choices.extend(node.options)
    return names
