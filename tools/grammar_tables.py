"""The parser's tables, made ahead of time from the language's grammar by lark.

    python -m tools.grammar_tables > budgetnet/grammar/tables.json

`budgetnet.grammar.lalr` runs them and says what is in them.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from typing import Any

from lark import Lark, Token
from lark.grammar import Rule
from lark.lexer import Lexer, TerminalDef

from budgetnet.grammar.lalr import TABLES

__all__ = ["FILE", "ReadyTokens", "grammar_digest", "text"]

FILE = TABLES
_GRAMMAR = FILE.with_name("grammar.lark")


class ReadyTokens(Lexer):
    """Stands for `budgetnet.grammar.lexer`, so that lark makes none."""

    def __init__(self, lexer_conf: object) -> None:
        pass

    def lex(self, tokens: Any, parser_state: object = None) -> Iterator[Token]:  # noqa: ARG002  (lark's signature)
        """Pass the tokens on."""
        return iter(tokens)


def grammar_digest() -> str:
    """Return a digest of the grammar's text."""
    return hashlib.sha256(_GRAMMAR.read_bytes()).hexdigest()


def text() -> str:
    """Return the file's text."""
    made = Lark(_GRAMMAR.read_text(encoding="utf-8"), parser="lalr", lexer=ReadyTokens, maybe_placeholders=True)
    data, memo = made.memo_serialize([TerminalDef, Rule])
    table: Any = data["parser"]["parser"]
    rules = sorted((_reduction(rule), index) for index, rule in memo.items() if "origin" in rule)
    position = {index: place for place, (_, index) in enumerate(rules)}
    actions = {
        state: {
            table["tokens"][symbol]: -position[target["@"]] - 1 if reduces else target
            for symbol, (reduces, target) in found.items()
        }
        for state, found in table["states"].items()
    }
    start, end = table["start_states"]["start"], table["end_states"]["start"]
    order = _in_order(actions, start)  # lark numbers states differently each time
    document = {
        "grammar": grammar_digest(),
        "start": order[start],
        "end": order[end],
        "reductions": [rule for rule, _ in rules],
        "states": [
            {symbol: target if target < 0 else order[target] for symbol, target in sorted(actions[state].items())}
            for state in order
        ],
    }
    return json.dumps(document, separators=(",", ":")) + "\n"


def _in_order(actions: dict[int, dict[str, int]], start: int) -> dict[int, int]:
    """Number the states as they are reached from the first one."""
    order = {start: 0}
    for state in (found := [start]):
        for _, target in sorted(actions[state].items()):
            if target >= 0 and target not in order:
                order[target] = len(order)
                found.append(target)
    return order


def _reduction(rule: Any) -> list[Any]:
    """One production, as `budgetnet.grammar.lalr.Reduction` has it: lark's way to shape a tree."""
    symbols, options = rule["expansion"], rule["options"]["empty_indices"]
    gaps = [0] * (len(symbols) + 1)  # options left out before each symbol, and after the last one
    if options:
        place = 0
        for empty in options:
            if empty:
                gaps[place] += 1
            else:
                place += 1
    kept, waiting = [], 0
    for index, symbol in enumerate(symbols):
        waiting += gaps[index]
        if not symbol.get("filter_out"):
            inlined = symbol["__type__"] == "NonTerminal" and symbol["name"].startswith("_")
            kept.append([index, inlined, waiting])
            waiting = 0
    return [rule["origin"]["name"], len(symbols), kept, waiting + gaps[-1]]


if __name__ == "__main__":
    sys.stdout.write(text())
