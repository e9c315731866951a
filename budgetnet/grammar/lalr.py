"""The parser of the language: it runs LALR(1) tables that lark made from grammar.lark ahead of time.

``python -m tools.grammar_tables`` writes the tables to tables.json. So reading a text needs no lark, whose import
takes as long as everything else that `budgetnet show` does with a small network.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Self

__all__ = ["TABLES", "Parser", "Reduction", "Token", "UnexpectedTokenError", "parser"]

TABLES = Path(__file__).with_name("tables.json")
_END = "$END"


class Token(str):
    """A word or sign of a text: its letters, its terminal of the grammar, and its place (lines and columns from 1)."""

    __slots__ = ("column", "end_column", "end_pos", "line", "start_pos", "type")

    type: str
    start_pos: int
    """Characters of the text before it."""
    line: int
    column: int
    end_column: int
    """The column behind its last letter."""
    end_pos: int

    def __new__(cls, type: str, text: str, start_pos: int = 0, line: int = 1, column: int = 1) -> Self:  # noqa: A002
        """Make a token that stays on one line."""
        self = super().__new__(cls, text)
        self.type, self.start_pos, self.line, self.column = type, start_pos, line, column
        self.end_column, self.end_pos = column + len(text), start_pos + len(text)
        return self


class UnexpectedTokenError(Exception):
    """No rule of the grammar continues with this token."""

    def __init__(self, token: Token, accepted: frozenset[str]) -> None:
        super().__init__(token, accepted)
        self.token = token
        self.accepted = accepted
        """The terminals that could stand in its place."""


class Reduction(NamedTuple):
    """One production of the grammar, and what of it a rule's method is given."""

    rule: str
    """The rule; one whose name begins with ``_`` is written out in the rules that use it, and has no method."""
    size: int
    """Symbols of the production."""
    kept: tuple[tuple[int, bool, int], ...]
    """For each symbol that is kept: its index, whether it is written out, and how many left-out options precede it."""
    left_out: int
    """Options left out at the end; each one is a None."""


class Parser:
    """Runs LALR(1) tables.

    Args:
        states: for each state, what follows each symbol: the next state, or for a reduction minus its index, minus 1.
        reductions: the productions.
        start: the first state.
        end: the state in which the start symbol is complete.
    """

    def __init__(
        self, states: Sequence[dict[str, int]], reductions: Sequence[Reduction], *, start: int, end: int
    ) -> None:
        self._states = states
        self._reductions = reductions
        self._start = start
        self._end = end

    def parse(self, tokens: Sequence[Token], builder: Any) -> Any:
        """Return what *builder*'s methods, one per rule, make of the tokens.

        Raises:
            UnexpectedTokenError: a token does not continue any rule.
        """
        stack = [self._start]
        values: list[Any] = []
        methods = [
            None if reduction.rule.startswith("_") else getattr(builder, reduction.rule)
            for reduction in self._reductions
        ]
        for token in (*tokens, Token(_END, "")):
            while True:
                action = self._states[stack[-1]].get(token.type)
                if action is None:
                    raise UnexpectedTokenError(token, self._accepted(stack))
                if action >= 0:
                    stack.append(action)
                    values.append(token)
                    break
                reduction, method = self._reductions[-action - 1], methods[-action - 1]
                first = len(values) - reduction.size
                parts = _kept(reduction, values[first:])
                del values[first:], stack[first + 1 :]
                values.append(parts if method is None else method(*parts))
                stack.append(self._states[stack[-1]][reduction.rule])
                if token.type == _END and stack[-1] == self._end:
                    break
        return values[-1]

    def _accepted(self, stack: list[int]) -> frozenset[str]:
        """The terminals after which the parser would go on."""
        expected = [symbol for symbol in self._states[stack[-1]] if symbol.isupper()]
        return frozenset(symbol for symbol in expected if self._shifts(stack, symbol)) or frozenset(expected)

    def _shifts(self, stack: list[int], symbol: str) -> bool:
        stack = stack.copy()
        while (action := self._states[stack[-1]].get(symbol)) is not None and action < 0:
            reduction = self._reductions[-action - 1]
            del stack[len(stack) - reduction.size :]
            stack.append(self._states[stack[-1]][reduction.rule])
        return action is not None or (symbol == _END and stack[-1] == self._end)


def _kept(reduction: Reduction, values: list[Any]) -> list[Any]:
    parts: list[Any] = []
    for index, written_out, left_out in reduction.kept:
        parts += [None] * left_out
        if written_out:
            parts += values[index]
        else:
            parts.append(values[index])
    parts += [None] * reduction.left_out
    return parts


@cache
def parser() -> Parser:
    """Return the parser of the language."""
    kept = json.loads(TABLES.read_text(encoding="utf-8"))
    reductions = [
        Reduction(rule, size, tuple(map(tuple, symbols)), left_out)
        for rule, size, symbols, left_out in kept["reductions"]
    ]
    return Parser(kept["states"], reductions, start=kept["start"], end=kept["end"])
