"""The parser against lark's own, which makes its tables."""

from __future__ import annotations

import json
import random
from pathlib import Path

import lark
import pytest
from lark import Lark

from budgetnet.grammar import lalr
from budgetnet.grammar.lalr import Token, UnexpectedTokenError, parser
from budgetnet.grammar.lexer import scan
from budgetnet.grammar.source import Source
from budgetnet.grammar.transformer import Builder, BuildError
from tools.grammar_tables import FILE, ReadyTokens, grammar_digest, text

HOME = Path(lalr.__file__).parent
TEXTS = [
    (HOME / "prelude.grammar").read_text(encoding="utf-8"),
    "from prelude import mbconv\n"
    "network(n=4, m) = conv(3, 16|24@2|(4*n)..32:4|2..64*2, k=-1.5) @3 "
    "| a? (b c){1..n} skip(d, project=auto)",
    "network = graph(p, q) { h = a(p) + b(q) * p; return concat(h, (c d)(q)); } split(x, y, join=add) shared(x){2}",
]


class InLarksForm:
    """Gives lark the methods of `Builder`, called with one list."""

    def __getattr__(self, name):
        """Rules that begin with an underscore, and terminals, have no method."""
        method = getattr(Builder(), name)
        return lambda children: method(*map(ours, children))


def ours(child):
    """Return a token of lark's as ours, and anything else as it is."""
    return (
        Token(child.type, child, child.start_pos, child.line, child.column) if isinstance(child, lark.Token) else child
    )


@pytest.fixture(scope="module")
def larks():
    """Return lark's parser, built from the grammar."""
    grammar = (HOME / "grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer=ReadyTokens, transformer=InLarksForm(), maybe_placeholders=True)


def for_lark(tokens):
    """Return the tokens as lark's."""
    return [lark.Token(token.type, token, token.start_pos, token.line, token.column) for token in tokens]


def test_the_tables_are_current():
    """They are what the tool makes of the grammar."""
    kept = json.loads(FILE.read_text(encoding="utf-8"))
    assert kept == json.loads(text()), "run python -m tools.grammar_tables > budgetnet/grammar/tables.json"
    assert kept["grammar"] == grammar_digest()


@pytest.mark.parametrize("source", TEXTS)
def test_trees_are_larks(larks, source):
    """Every kind of production, with and without its options."""
    tokens = scan(Source(source))
    assert parser().parse(tokens, Builder()) == larks.parse(for_lark(tokens))


def outcome(parse):
    """Return the tree, or what is wrong, in a form in which both parsers can be compared."""
    try:
        return parse()
    except BuildError as error:
        return error.message
    except lark.UnexpectedToken as error:
        return error.token, error.token.type, frozenset(error.accepts or error.expected)
    except UnexpectedTokenError as error:
        return error.token, error.token.type, error.accepted


def test_mistakes_are_found_where_lark_finds_them(larks):
    """Tokens left out of the texts: the same token is blamed, and the same terminals would do."""
    rng = random.Random(0)
    refused = 0
    for _ in range(300):
        tokens = scan(Source(rng.choice(TEXTS[1:])))
        place = rng.randrange(len(tokens))
        del tokens[place : place + rng.randint(1, 2)]
        expected = outcome(lambda tokens=tokens: larks.parse(for_lark(tokens)))
        assert outcome(lambda tokens=tokens: parser().parse(tokens, Builder())) == expected
        refused += isinstance(expected, tuple)
    assert refused > 100
