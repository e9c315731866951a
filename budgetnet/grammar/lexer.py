"""Text to tokens, including everything that one token of lookahead cannot decide.

Brackets are matched here, so an unclosed one is reported where it was opened and not at the end of the text.
Names that begin a rule or bind a value in a graph are marked, so rules need no terminator. Limits are enforced
here too: the tokens are few enough for every later step.
"""

from __future__ import annotations

import re

from budgetnet.errors import LanguageError
from budgetnet.grammar.lalr import Token
from budgetnet.grammar.source import Source, Span

__all__ = [
    "LARGEST_NUMBER",
    "LONGEST_TEXT",
    "LONGEST_WORD",
    "MOST_RULES",
    "MOST_TOKENS",
    "NESTING",
    "RESERVED",
    "is_name",
    "scan",
    "span_of",
]

LONGEST_TEXT = 200_000
"""Most characters in one grammar's text."""
MOST_TOKENS = 60_000
"""Most words and signs in one grammar's text; that many are parsed in about a second."""
LONGEST_WORD = 200
"""Most letters of one name, or of one text in quotes."""
LARGEST_NUMBER = 10**12
MOST_RULES = 2_000
NESTING = 60
"""Deepest nesting of brackets."""

RESERVED = frozenset(
    "skip parallel split tied shared graph return concat from import in classes true false if".split()  # noqa: SIM905
)
"""Words that cannot name a rule, a parameter or a graph's value."""

_TOKEN = re.compile(
    r"""
      (?P<blank>[ \t\r]+|\#[^\n]*)
    | (?P<line>\n)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<size>[0-9]{1,9}x[0-9]{1,9}(?![A-Za-z0-9_]))
    | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    | (?P<text>"[^"\n]*")
    | (?P<sign>\.\.|//|[=!<>]=|[<>=|(){},?@:+*/;-])
    """,
    re.VERBOSE,
)

_SIGNS = {
    "+": "PLUS",
    "-": "MINUS",
    "*": "TIMES",
    "//": "FLOOR",
    "/": "DIVIDE",
    ":": "STEP",
    "..": "RANGE",
    "|": "BAR",
    "@": "WEIGHT",
    "?": "OPTION",
    "=": "EQUALS",
    ",": "COMMA",
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), "COMPARE"),
    ";": "END",
    "(": "_GROUP",
    ")": "CLOSE",
    "{": "OPENBRACE",
    "}": "CLOSEBRACE",
}

_HINTS = {
    "'": "; texts are written in double quotes",
    '"': "; this text has no closing quote on its line",
    "[": "; an optional part is written a?",
    "]": "; an optional part is written a?",
    ".": "; a range is written 16..64 and a number 0.5",
    "!": "; a comment begins with '#'",
    "%": "; a rate is written as a fraction, 0.05",
}


def is_name(text: str) -> bool:
    """Return whether *text* can name a rule, a parameter or a value."""
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) is not None and text not in RESERVED


def span_of(token: Token) -> Span:
    """Return the place of a token."""
    return Span(token.line, token.column, max(1, len(token)))


def scan(source: Source) -> list[Token]:
    """Cut a text into tokens with matched brackets and marked heads.

    Raises:
        LanguageError: for an unknown character, unmatched brackets or a text beyond the limits.
    """
    tokens = _cut(source)
    partners = _match_brackets(source, tokens)
    _mark(source, tokens, partners)
    return tokens


def _cut(source: Source) -> list[Token]:
    text = source.text
    if len(text) > LONGEST_TEXT:
        line = text.count("\n", 0, LONGEST_TEXT) + 1
        column = LONGEST_TEXT - text.rfind("\n", 0, LONGEST_TEXT)
        raise source.error(
            Span(line, column),
            f"a text may have at most {LONGEST_TEXT} characters, but got {len(text)}; split it into files",
        )
    tokens: list[Token] = []
    line, line_start, position = 1, 0, 0
    match = _TOKEN.match
    while position < len(text):
        found = match(text, position)
        if found is None:
            raise _unknown_character(source, text[position], Span(line, position - line_start + 1))
        end, kind, lexeme = found.end(), found.lastgroup, found.group()
        if kind == "line":
            line, line_start = line + 1, end
        elif kind != "blank":
            column = position - line_start + 1
            if kind == "name":
                if len(lexeme) > LONGEST_WORD:
                    raise source.error(Span(line, column, len(lexeme)), f"names have at most {LONGEST_WORD} letters")
                kind = lexeme.upper() if lexeme in RESERVED else "NAME"
            elif kind == "sign":
                kind = _SIGNS[lexeme]
            elif kind == "size":
                kind = "SIZE"
            else:
                kind = "NUMBER" if kind == "number" else "TEXT"
                if kind == "NUMBER" and (len(lexeme) > 40 or float(lexeme) > LARGEST_NUMBER):
                    raise source.error(Span(line, column, len(lexeme)), "numbers may not exceed 1e12 or 40 characters")
                if kind == "TEXT" and len(lexeme) > LONGEST_WORD + 2:
                    raise source.error(Span(line, column, len(lexeme)), f"texts have at most {LONGEST_WORD} letters")
            if len(tokens) >= MOST_TOKENS:
                raise source.error(
                    Span(line, column), f"more than {MOST_TOKENS} words and signs; split the text into files"
                )
            tokens.append(Token(kind, lexeme, position, line, column))
        position = end
    return tokens


def _unknown_character(source: Source, character: str, span: Span) -> LanguageError:
    shown = repr(character) if character != "'" else '"\'"'
    if not character.isascii():
        hint = "; names, numbers and signs are plain ASCII"
    else:
        hint = _HINTS.get(character, "; nothing in the language starts with it")
    return source.error(span, f"unexpected character {shown}{hint}")


_PARTNER = {"(": ")", "{": "}"}


def _match_brackets(source: Source, tokens: list[Token]) -> dict[int, int]:
    """Return the index of each bracket's partner, in both directions."""
    partners: dict[int, int] = {}
    open_at: list[int] = []
    for index, token in enumerate(tokens):
        if token.type in ("_GROUP", "OPENBRACE"):
            open_at.append(index)
            if len(open_at) > NESTING:
                raise source.error(
                    span_of(token), f"brackets are nested deeper than {NESTING}; give the inner part its own rule"
                )
        elif token.type in ("CLOSE", "CLOSEBRACE"):
            if not open_at:
                raise source.error(span_of(token), f"'{token}' closes nothing; remove it or open a bracket before it")
            opener = tokens[open_at[-1]]
            if _PARTNER[opener] != token:
                raise source.error(
                    span_of(opener),
                    f"{_opened(source, opener)} is not closed before '{token}' at {_place(source, token)}; "
                    f"add '{_PARTNER[opener]}'",
                )
            partners[open_at[-1]] = index
            partners[index] = open_at.pop()
    if open_at:
        opener = tokens[open_at[-1]]
        raise source.error(span_of(opener), f"{_opened(source, opener)} is never closed; add '{_PARTNER[opener]}'")
    return partners


def _place(source: Source, token: Token) -> str:
    span = span_of(token)
    return f"line {source.first_line + span.line - 1} column {span.column + source.indent}"


def _opened(source: Source, opener: Token) -> str:
    return f"'{opener}' opened at {_place(source, opener)}"


def _mark(source: Source, tokens: list[Token], partners: dict[int, int]) -> None:
    """Mark heads, bindings and the kinds of opening brackets (see grammar.lark)."""
    kinds = [token.type for token in tokens] + ["", ""]
    inside: list[str] = [""]  # kind of each open bracket; "" is outside all brackets
    rules = 0
    for index, token in enumerate(tokens):
        kind = token.type
        if kind == "_GROUP":
            inside.append("(")
            before = tokens[index - 1] if index else None
            if before is not None and before.type in ("NAME", "HEAD") and before.end_pos == token.start_pos:
                token.type = "_CALL"
            elif kinds[partners[index] + 1] in ("_GROUP", "OPENBRACE", "OPTION"):
                token.type = "_APPLIED"
        elif kind == "OPENBRACE":
            inside.append("graph" if _opens_graph(kinds, partners, index) else "{")
        elif kind in ("CLOSE", "CLOSEBRACE"):
            inside.pop()
        elif kind != "NAME" and token not in RESERVED:
            continue
        elif inside[-1] == "graph":
            if kinds[index + 1] == "EQUALS":
                _refuse_reserved(source, token, "value of a graph")
                token.type = "BIND"
        elif inside[-1] == "" and _is_head(kinds, partners, index):
            _refuse_reserved(source, token, "rule")
            token.type = "HEAD"
            rules += 1
            if rules > MOST_RULES:
                raise source.error(span_of(token), f"more than {MOST_RULES} rules; split the text into files")


def _is_head(kinds: list[str], partners: dict[int, int], index: int) -> bool:
    after = index + 1
    if kinds[after] == "_GROUP":
        after = partners[after] + 1
    return kinds[after] == "EQUALS"


def _opens_graph(kinds: list[str], partners: dict[int, int], brace: int) -> bool:
    before = brace - 1
    if kinds[before] == "CLOSE":
        before = partners[before] - 1
    return before >= 0 and kinds[before] == "GRAPH"


def _refuse_reserved(source: Source, token: Token, what: str) -> None:
    if token in RESERVED:
        raise source.error(span_of(token), f"'{token}' is reserved and cannot name a {what}")
