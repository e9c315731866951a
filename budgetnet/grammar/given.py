"""Parameters that are parts: which parameters of which rules, and the rules that are passed for them.

``model(cell) = conv(3, 16) cell{5} down(32) cell{5}`` calls its parameter, so a caller passes it a rule:
``model(block)``. What the rule derives is drawn once, as a number would be, and is the same wherever it is named.
"""

from __future__ import annotations

from collections.abc import Mapping

from budgetnet.grammar.syntax import Call, Choice, Expression, Grammar, Name, Rule, Value
from budgetnet.grammar.walk import walk

__all__ = ["GivenParts", "given_parts", "passed_parts", "passed_values"]

GivenParts = dict[str, dict[str, tuple[str, ...]]]
"""For each rule with parameters that are parts: for each of these, the rules that are passed for it anywhere."""


def given_parts(grammar: Grammar) -> GivenParts:
    """Return the parameters of a grammar's rules that are parts: those that are called, or passed on to such."""
    rules = {rule.name: rule for rule in grammar.rules}
    bodies = {rule.name: [node for node in walk(rule.body) if isinstance(node, Call)] for rule in grammar.rules}
    found: dict[tuple[str, str], dict[str, None]] = {}
    for rule in grammar.rules:
        called = {call.name for call in bodies[rule.name]}
        for parameter in rule.parameters:
            if parameter.name in called and parameter.name not in rules:
                found[rule.name, parameter.name] = {}
    if not found:
        return {}
    passed = _all_passed(grammar, rules, bodies)
    changed = True
    while changed:
        changed = False
        for home, target, value in passed:
            if target not in found:
                continue
            for name in _names_in(value):
                own = home.name, name
                if any(parameter.name == name for parameter in home.parameters):
                    if own not in found:
                        found[own] = {}
                        changed = True
                    new = found[own]
                else:
                    new = {name: None} if name in rules else {}
                if new.keys() - found[target].keys():
                    found[target] |= new
                    changed = True
    parts: GivenParts = {}
    for (rule_name, parameter_name), names in found.items():
        parts.setdefault(rule_name, {})[parameter_name] = tuple(names)
    return parts


def passed_values(call: Call, rule: Rule) -> dict[str, Value]:
    """Return the values of a call by the called rule's parameters, defaults included."""
    names = [parameter.name for parameter in rule.parameters]
    given = {parameter.name: parameter.default for parameter in rule.parameters if parameter.default is not None}
    for index, argument in enumerate(call.arguments):
        name = argument.name or (names[index] if index < len(names) else "")
        if name in names:
            given[name] = argument.value
    return given


def passed_parts(body: Expression, rules: Mapping[str, Rule], given: GivenParts) -> list[str]:
    """Return the rules that a part passes to parameters that are parts."""
    found: list[str] = []
    for call in walk(body):
        if isinstance(call, Call) and call.name in given:
            for name, value in passed_values(call, rules[call.name]).items():
                if name in given[call.name]:
                    found += [word for word in _names_in(value) if word in rules]
    return found


def _names_in(value: Value) -> list[str]:
    """Return the names that a value is, or that it is a choice of."""
    match value:
        case Name():
            return [value.id]
        case Choice():
            return [name for option in value.options for name in _names_in(option)]
        case _:
            return []


def _all_passed(
    grammar: Grammar, rules: dict[str, Rule], bodies: dict[str, list[Call]]
) -> list[tuple[Rule, tuple[str, str], Value]]:
    """Return all values that are passed to parameters of rules, with the rule in whose text they stand."""
    found = []
    for rule in grammar.rules:
        for call in bodies[rule.name]:
            called = rules.get(call.name)
            if called is None:
                continue
            own = {argument.name for argument in call.arguments}
            defaults = {parameter.name: parameter.default for parameter in called.parameters}
            for name, value in passed_values(call, called).items():
                default = value is defaults[name] and name not in own
                found.append((called if default else rule, (called.name, name), value))
    return found
