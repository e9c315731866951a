"""A study around an imported network: its grammar with choices around the widths, kernels and repeats it has."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import lcm

from budgetnet.grammar import syntax
from budgetnet.grammar.graph import rebuild
from budgetnet.grammar.parser import parse_grammar
from budgetnet.grammar.printer import LINE_WIDTH, to_text
from budgetnet.grammar.walk import walk
from budgetnet.ops.registry import BUILTIN

__all__ = ["opened_grammar"]

_KERNELS = {3: (3, 5), 5: (3, 5, 7), 7: (5, 7)}
"""Choices around a kernel that keeps the image's size."""
_WIDTHS = {"conv": "channels", "linear": "features"}
_FEW = 32
"""Widths below it have steps of 4 and less."""
_MOST_TIED = 4
"""Widths used in several places that become one choice each; further ones stay as they are.

All of them are drawn before the first layer, so a search for the network in its grammar tries their combinations.
"""


def opened_grammar(text: str) -> str:
    """Return the rules of a network with choices around its numbers; the network itself is one of its choices.

    A width that the network uses in several places is one choice, so that residuals stay what they are. Other widths
    and kernels are chosen at each place, and repetitions may be one fewer or one more.

    Args:
        text: the rules of a network, without choices.

    >>> print(opened_grammar("network = conv(3, 16) conv(3, 16){2} gap linear(classes)"), end="")
    network = variant
    variant(c1=8|12|16|20) = conv(3|5, c1) conv(3|5, c1){1..3} gap linear(classes)
    """
    grammar = parse_grammar(text, name="network")
    opener = _Opener(grammar)
    rules = tuple(replace(rule, body=opener.opened(rule)) for rule in grammar.rules)
    parameters = opener.parameters()
    if not parameters:
        return to_text(syntax.Grammar(rules))
    # Nothing passes values to the first rule, so it calls one whose parameters are drawn once for the whole network.
    name = "variant"
    while grammar.rule(name) is not None:
        name += "_"
    start = syntax.Rule("network", (), syntax.Call(name))
    text = to_text(syntax.Grammar((start, replace(rules[0], name=name, parameters=parameters), *rules[1:])))
    return "\n".join(_broken_head(line) for line in text.split("\n"))


def _broken_head(line: str) -> str:
    """Return the head of a rule with many parameters on several lines."""
    if len(line) <= LINE_WIDTH or not line.endswith(" ="):
        return line
    name, _, parameters = line.removesuffix(") =").partition("(")
    listed = textwrap.fill(parameters, LINE_WIDTH, initial_indent="    ", subsequent_indent="    ")
    return f"{name}(\n{listed}\n) ="


@dataclass
class _Opener:
    """Opens the rules of one grammar."""

    grammar: syntax.Grammar

    def __post_init__(self) -> None:
        self._names: dict[int, str] = {}
        self._uses: dict[int, int] = {}
        self._single: dict[int, int] = {}
        self._unit = 1
        self._rules = {rule.name: rule for rule in self.grammar.rules}
        for rule in self.grammar.rules:
            for node in walk(rule.body):
                if isinstance(node, syntax.SplitExpression):
                    shares = [share.value for share in node.shares if isinstance(share, syntax.Number)]
                    self._unit = lcm(self._unit, sum(map(int, shares)) or len(node.branches))
                if isinstance(node, syntax.Call):
                    self._unit = lcm(self._unit, *_divisors(node, self._rules))
        self.opened(self.grammar.rules[0])  # only to see which widths there are
        self._single = dict(self._uses)
        tied = sorted((width for width, count in self._uses.items() if count > 1), key=lambda each: -self._uses[each])
        for width in self._uses:
            if width in tied[:_MOST_TIED] and len(self._around(width)) > 1:
                self._names[width] = f"c{len(self._names) + 1}"

    def parameters(self) -> tuple[syntax.RuleParameter, ...]:
        """Return the tied widths as parameters of the network's rule."""
        found = []
        for width, name in self._names.items():
            options = tuple(map(syntax.Number, self._around(width)))
            found.append(syntax.RuleParameter(name, options[0] if len(options) == 1 else syntax.Choice(options)))
        return tuple(found)

    def opened(self, rule: syntax.Rule) -> syntax.Expression:
        """Return a rule's body with choices."""
        first = rule is self.grammar.rules[0]
        return self._expression(rule.body, tied=first)

    def _expression(self, part: syntax.Expression, *, tied: bool) -> syntax.Expression:
        def inner(child: syntax.Expression) -> syntax.Expression:
            return self._expression(child, tied=tied)

        match part:
            case syntax.Call():
                return self._call(part, tied=tied)
            case syntax.SequenceExpression():
                return replace(part, items=tuple(map(inner, part.items)))
            case syntax.Repeat():
                low, high = _bounds(part)
                return replace(part, body=inner(part.body), low=low, high=high)
            case syntax.SkipExpression():
                # A projection fits its body: what it leaves to the language stays so, and its widths are the body's.
                project = part.project if isinstance(part.project, str) else inner(part.project)
                return replace(part, body=inner(part.body), project=project)
            case syntax.ParallelExpression() | syntax.SplitExpression():
                return replace(part, branches=tuple(map(inner, part.branches)))
            case syntax.Graph():
                return rebuild(part, inner)
            case _:
                return part

    def _call(self, call: syntax.Call, *, tied: bool) -> syntax.Call:
        rule = self._rules.get(call.name)
        if rule is not None:
            names = [parameter.name for parameter in rule.parameters]
            change: Callable[[str, syntax.Value], syntax.Value] = self._argument if tied else lambda _, value: value
        elif call.name in BUILTIN:
            names = [parameter.name for parameter in BUILTIN[call.name].parameters]
            plain = _keeps_size(call)

            def change(name: str, value: syntax.Value) -> syntax.Value:
                if name == "kernel" and plain:
                    return _kernel(value)
                return self._tied(value) if tied and _WIDTHS.get(call.name) == name else value
        else:
            return call
        arguments = tuple(
            replace(argument, value=change(argument.name or names[place], argument.value))
            for place, argument in enumerate(call.arguments)
        )
        return replace(call, arguments=arguments)

    def _argument(self, name: str, value: syntax.Value) -> syntax.Value:
        """Open an argument of a rule by what its letter says: a width, a kernel, a number of repetitions."""
        letter = name.rstrip("0123456789")
        if letter in ("c", "e"):
            return self._tied(value)
        if letter == "k":
            return _kernel(value)
        return value

    def _tied(self, value: syntax.Value) -> syntax.Value:
        """Return a width's name, or a choice where it is used once."""
        width = value.value if isinstance(value, syntax.Number) else None
        if not isinstance(width, int):
            return value
        self._uses[width] = self._uses.get(width, 0) + 1
        if width in self._names:
            return syntax.Name(self._names[width])
        options = tuple(map(syntax.Number, self._around(width)))
        return syntax.Choice(options) if self._single.get(width) == 1 and len(options) > 1 else value

    def _around(self, width: int) -> list[int]:
        """Return widths around one, a quarter of it apart, that groups and slices still divide."""
        base = 8 if width > _FEW else 4 if width > _FEW // 4 else 1
        unit = lcm(base, self._unit)
        step = max(1, round(width / 4 / unit)) * unit
        return [each for each in (width - 2 * step, width - step, width, width + step) if each > 0]


def _bounds(part: syntax.Repeat) -> tuple[syntax.Value, syntax.Value]:
    """Return one repetition fewer to one more; shared and computed ones stay."""
    count = part.low.value if isinstance(part.low, syntax.Number) else None
    if not isinstance(count, int) or part.mode != "anew":
        return part.low, part.high
    return syntax.Number(max(1, count - 1)), syntax.Number(count + 1)


def _kernel(value: syntax.Value) -> syntax.Value:
    size = value.value if isinstance(value, syntax.Number) else None
    options = _KERNELS.get(size) if isinstance(size, int) else None
    return value if options is None else syntax.Choice(tuple(map(syntax.Number, options)))


def _keeps_size(call: syntax.Call) -> bool:
    """Return whether a convolution's padding follows its kernel."""
    return call.name in _WIDTHS | {"dwconv": ""} and not any(argument.name == "padding" for argument in call.arguments)


def _divisors(call: syntax.Call, rules: dict[str, syntax.Rule]) -> list[int]:
    """Return numbers that must go on dividing the widths: groups of convolutions and shuffles, heads, slices."""
    signature = BUILTIN.get(call.name)
    rule = rules.get(call.name)
    names = (
        [each.name for each in signature.parameters]
        if signature
        else [each.name for each in rule.parameters]
        if rule
        else []
    )
    found = [1]
    for place, argument in enumerate(call.arguments):
        name = argument.name or names[place]
        value = argument.value.value if isinstance(argument.value, syntax.Number) else None
        letter = name.rstrip("0123456789")
        if isinstance(value, int) and (name in ("groups", "heads", "norm_groups") or letter in ("g", "h")):
            found.append(value)
    if call.name == "shuffle" and not call.arguments:
        found.append(2)
    return found
