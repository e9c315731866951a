"""Tied parts let loose: a grammar whose copies may differ has more networks, and far fewer states to look at."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from budgetnet.grammar import syntax
from budgetnet.grammar.graph import rebuild

__all__ = ["loosened"]


def loosened(grammar: syntax.Grammar) -> syntax.Grammar:
    """Return the grammar with ``tied(a){n}`` replaced by ``a{n}``; what is impossible there is impossible here."""
    return replace(grammar, rules=tuple(replace(rule, body=_part(rule.body)) for rule in grammar.rules))


def _part(part: syntax.Expression) -> syntax.Expression:
    """The part with ``tied(a){n}`` replaced by ``a{n}``."""
    match part:
        case syntax.Call():
            return part
        case syntax.Sequence():
            return replace(part, items=tuple(map(_part, part.items)))
        case syntax.Alternatives():
            return replace(part, options=tuple(map(_part, part.options)))
        case syntax.Repeat():
            return replace(part, body=_part(part.body), mode="anew" if part.mode == "tied" else part.mode)
        case syntax.Optional():
            return replace(part, body=_part(part.body))
        case syntax.Skip():
            project = part.project if isinstance(part.project, str) else _part(part.project)
            return replace(part, body=_part(part.body), project=project)
        case syntax.Parallel() | syntax.Split():
            return replace(part, branches=tuple(map(_part, part.branches)))
        case syntax.Graph():
            return rebuild(part, _part)
        case _:
            assert_never(part)
