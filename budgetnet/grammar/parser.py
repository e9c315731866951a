"""Text to expression tree: syntax only, no knowledge of primitives.

`parse_grammar` is the only entry point.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

from budgetnet.errors import LanguageError
from budgetnet.grammar.lalr import Token, UnexpectedTokenError, parser
from budgetnet.grammar.lexer import RESERVED, scan, span_of
from budgetnet.grammar.source import Source, Span
from budgetnet.grammar.syntax import Grammar
from budgetnet.grammar.transformer import Builder, BuildError
from budgetnet.grammar.walk import children

__all__ = ["DEPTH", "parse_grammar"]

DEPTH = 100
"""Deepest nesting of nodes in one rule; every recursive walk over a tree relies on this limit."""


def parse_grammar(text: str, *, name: str = "<text>", first_line: int = 1, indent: int = 0) -> Grammar:
    """Read a grammar or a network.

    Args:
        text: the rules.
        name: the file's name, for errors.
        first_line: the file's line on which the text begins.
        indent: columns of the file before each line of the text.

    Raises:
        LanguageError: with file, line, column, the line and a caret.
    """
    source = Source(text.removeprefix("\ufeff"), name, first_line, indent)
    tokens = scan(source)
    try:
        grammar = cast(Grammar, parser().parse(tokens, Builder()))
    except BuildError as problem:
        raise source.error(problem.span, problem.message) from None
    except UnexpectedTokenError as error:
        raise _unexpected(source, tokens, error) from None
    if not grammar.rules:
        what = "holds comments only" if source.text.strip() else "is empty"
        raise source.error(
            Span(1, 1), f"the text {what}; write at least one rule, such as network = conv(3, 16) gap linear(10)"
        )
    for rule in grammar.rules:
        _limit_depth(source, rule.body)
        for parameter in rule.parameters:
            if parameter.default is not None:
                _limit_depth(source, parameter.default)
    return replace(grammar, rules=tuple(replace(rule, source=source) for rule in grammar.rules))


def _limit_depth(source: Source, root: Any) -> None:
    todo = [(root, 1)]
    while todo:
        node, depth = todo.pop()
        if depth > DEPTH:
            raise source.error(node.span, f"nested deeper than {DEPTH} parts; give the inner part its own rule")
        todo.extend((child, depth + 1) for child in children(node))


# --- expected tokens, in words ------------------------------------------------------------------------

_PART = "a part such as conv(3, 16) or a rule's name"
_VALUE = "a value such as 16, 16|24 or 16..64:8"
_WORDS = {
    "HEAD": "a rule such as stem = conv(3, 16)",
    "BIND": "a binding such as h = conv(3, 16)(x)",
    "RETURN": "'return'",
    "NUMBER": "a number",
    "OPENBRACE": "a repetition such as {2} or {1..3}",
    "CLOSE": "')'",
    "CLOSEBRACE": "'}'",
    "EQUALS": "'='",
    "COMMA": "','",
    "BAR": "'|'",
    "_GROUP": "'('",
    "_CALL": "'('",
    "NAME": "a name",
    "TEXT": "a file's name in double quotes",
    "IMPORT": "'import'",
    "PLUS": "'+'",
    "TIMES": "'*'",
    "STEP": "':'",
    "RANGE": "'..'",
    "WEIGHT": "'@'",
    "COMPARE": "a comparison such as ==",
}


def _words(expected: Iterable[str]) -> list[str]:
    """Return the tokens that the parser would have accepted, in words; at most four."""
    left = set(expected)
    words = []
    if {"CONCAT", "SKIP", "_GROUP"} <= left:
        words.append("a value of the graph such as conv(3, 16)(x)")
        left -= {"NAME", "_GROUP", "_CALL"}
    elif "SKIP" in left:
        words.append(_PART)
        left -= {"NAME", "_GROUP", "_CALL"}
    elif {"NUMBER", "NAME"} <= left:
        words.append(_VALUE)
        left -= {"NUMBER", "NAME", "TEXT", "_GROUP", "_CALL"}
    for terminal, word in _WORDS.items():
        if terminal in left and word not in words:
            words.append(word)
    return words[:4]


def _unexpected(source: Source, tokens: list[Token], error: UnexpectedTokenError) -> LanguageError:
    token = error.token
    span = span_of(token)
    if token.type == "$END":
        found = "the end of the text"
        if tokens:
            span = Span(tokens[-1].line, tokens[-1].end_column)
    elif token.type == "HEAD":
        found = f"the next rule, {str(token)!r}"
    else:
        found = f"{str(token)!r}"
    words = _words(error.accepted)
    expected = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
    return source.error(span, f"expected {expected}, but got {found}{_hint(tokens, token)}")


def _hint(tokens: list[Token], token: Token) -> str:
    """Return a hint at the probable intention for common mistakes, or an empty text."""
    index = next((index for index, other in enumerate(tokens) if other is token), len(tokens))
    before = tokens[index - 1] if 0 < index <= len(tokens) else None
    if before is not None and before.type in ("_GROUP", "_APPLIED") and index > 1 and tokens[index - 2].type == "NAME":
        return f"; write arguments without a space before them: {tokens[index - 2]}(…)"
    if token.type == "HEAD" and before is not None and before.type == "IF":
        return f"; a condition compares, as in {token} == 1"
    if token.type == "RANGE":
        return "; computed ends of a range need brackets, as in (c*2)..64"
    if token in RESERVED:
        return f"; {str(token)!r} is reserved"
    return ""
