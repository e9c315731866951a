"""Wrong texts give one located error that says what was expected, quickly and never with a traceback."""

from __future__ import annotations

import re
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budgetnet.errors import LanguageError
from budgetnet.grammar.lexer import LONGEST_TEXT, MOST_RULES, NESTING
from budgetnet.grammar.parser import DEPTH, parse_grammar
from tests.pace import pace

# Text, and what its error says: pieces with " … " between them.
WRONG = {
    # syntax
    "": "f:1:1: the text is empty; write at least one rule",
    "network = a |": "f:1:14: expected a part such as conv(3, 16) or a rule's name, but got the end of the text",
    "network = | a": "f:1:11: expected a part such as conv(3, 16) or a rule's name, but got '|'",
    "network =\nb = a": "f:2:1: expected a part such as conv(3, 16) or a rule's name, but got the next rule, 'b'",
    "network = f(3,)": "f:1:15: expected a value such as 16, 16|24 or 16..64:8, but got ')'",
    "network = f(c*2..64)": "f:1:16: … but got '..'; computed ends of a range need brackets",
    "network = f(16..)": "f:1:17: expected a value such as 16",
    "network = f(a=)": "f:1:15: expected a value such as 16",
    "network = a @b | c": "f:1:14: expected a number, but got 'b'",
    "network stem": "f:1:1: expected a rule such as stem = conv(3, 16), but got 'network'",
    "network = conv (3, 16)": "f:1:17: … but got '3'; write arguments without a space before them: conv(…)",
    "network = tied(a) b": "f:1:19: expected a repetition such as {2} or {1..3}, but got 'b'",
    "network = graph { h = a(x) }": "f:1:28: expected a binding such as h = … or 'return', but got '}'",
    "network = graph { return a + }": "f:1:30: expected a value of the graph such as conv",
    "network = a in": "f:1:13: expected  … but got 'in'; 'in' is reserved",
    "from prelude import": "f:1:20: expected a name, but got the end of the text",
    "from prelude mbconv network = a": "f:1:14: expected 'import', but got 'mbconv'",
    "skip = a": "f:1:1: 'skip' is reserved and cannot name a rule",
    "network = graph { in = a(x) return in }": "f:1:19: 'in' is reserved and cannot name a value",
    # brackets
    "network = skip(a b": "f:1:15: '(' opened at line 1 column 15 is never closed; add ')'",
    "network = a{1..2\nb = c": "f:1:12: '{' opened at line 1 column 12 is never closed; add '}'",
    "network = skip(a}": "f:1:15: '(' opened at line 1 column 15 is not closed before '}' at line 1 column 17",
    "network = a)": "f:1:12: ')' closes nothing",
    # characters
    "network = conv(3, 'a')": 'f:1:19: unexpected character "\'"; texts are written in double quotes',
    'network = f("a)': "f:1:13: unexpected character '\"'; this text has no closing quote",
    "network = a[2]": "f:1:12: unexpected character '['; an optional part is written a?",
    "network = f(.5)": "f:1:13: unexpected character '.'",
    "network = é": "f:1:11: unexpected character 'é'; names, numbers and signs are plain ASCII",
    "network = a & b": "f:1:13: unexpected character '&'; nothing in the language starts with it",
    # what the syntax allows and the language does not
    "network = skip(a, b)": "f:1:11: skip takes one part, but got 2; parallel(a, b) joins several",
    "network = skip(a, join=add)": "f:1:19: skip: the option join= is unknown; the only option is project=",
    "network = parallel(a)": "f:1:11: parallel needs at least two branches, but got 1",
    "network = split(a, b, join=sum)": "f:1:28: join must be one of add, concat, mul",
    "network = split(join=add, a, b)": "f:1:17: split: the option join= comes after the parts",
    "network = split(a, b, join=add, join=add)": "f:1:33: split: the option join= is given twice",
    "network = a @3": "f:1:14: a weight needs more than one alternative",
    "network = f(3 @3)": "f:1:16: a weight needs more than one choice",
    "network = graph { return concat(x) }": "f:1:26: concat needs at least two values",
    "network = graph { return conv(3) }": "f:1:31: conv must be applied to a value of the graph; write conv(…)(x)",
    "network = graph { return conv() }": "f:1:26: conv must be applied to a value",
    # limits
    "network = f(2000000000000)": "f:1:13: numbers may not exceed 1e12",
    "network = f(1e999)": "f:1:13: numbers may not exceed 1e12",
    "network = f(" + "9" * 5000 + ")": "f:1:13: numbers may not exceed 1e12",
    "network = "
    + "(" * (NESTING + 1)
    + "a"
    + ")" * (NESTING + 1): f"f:1:71: brackets are nested deeper than {NESTING}",
    "network = a" + "?" * (DEPTH + 1): f"f:1:11: nested deeper than {DEPTH} parts",
    "network = f(1" + "+1" * 50_000 + ")": "f:1:60009: more than 60000 words and signs",
    "network = f(1" + "+1" * 20_000 + ")": f"nested deeper than {DEPTH} parts",
    "a = b " * (MOST_RULES + 1): f"f:1:12001: more than {MOST_RULES} rules",
    "network = a"
    + " " * LONGEST_TEXT: f"f:1:200001: a text may have at most {LONGEST_TEXT} characters, but got 200011",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:40])
def test_a_wrong_text_is_reported_where_it_is_wrong(text):
    """File, line and column, and what was expected in a reader's words."""
    with pytest.raises(LanguageError) as raised:
        parse_grammar(text, name="f")
    message = str(raised.value)
    for piece in WRONG[text].split(" … "):
        assert piece in message


def test_the_line_and_a_caret_are_shown():
    """The message shows the line, and a caret under the whole word."""
    with pytest.raises(LanguageError) as raised:
        parse_grammar("network = stem\nstem = conv(3, 16)) head\n", name="g.yaml", first_line=10, indent=4)
    assert str(raised.value) == (
        "g.yaml:11:23: ')' closes nothing; remove it or open a bracket before it\n"
        "  11 | stem = conv(3, 16)) head\n"
        "     |                   ^"
    )


def test_a_tab_does_not_move_the_caret():
    """Tabs count as one column and are shown as one."""
    with pytest.raises(LanguageError) as raised:
        parse_grammar("network =\t\tskip(a", name="f")
    lines = str(raised.value).splitlines()
    assert lines[1].index("(") == lines[2].index("^")


def test_a_caret_in_a_long_line_is_still_in_sight():
    """Of a very long line, the surroundings of the place are shown."""
    with pytest.raises(LanguageError) as raised:
        parse_grammar("network = " + "a " * 3000 + "( " + "a " * 3000, name="f")
    shown, caret = str(raised.value).splitlines()[1:]
    assert len(shown) < 140
    assert shown[caret.index("^")] == "("


GOOD = """\
from prelude import mbconv
network = stem stage(24|32){1..2} head   # comment
stem = conv(3, 16..64:8, order="conv act") (a @3 | b)? tied(c){2..3}
stage(c, k=3) = skip(block(c*2 + 1), project=none) parallel(a, split(b, c), join=concat)
cell(c) = graph(p, q) { h = a(p); i = conv(3, c)(q) + (a b)(h) * h; return concat(h, i) }
"""
ALPHABET = st.sampled_from(
    [*"(){}|=,?@:+-*;.#\"'\n\t abc123é\x00\u2028", "skip", "graph", "return", "{1..2}", " = ", "in"]
)


def message_of(text: str) -> str:
    """What is wrong with a text, or nothing."""
    try:
        parse_grammar(text, name="f")
    except LanguageError as error:
        return str(error)
    return ""


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(GOOD)), st.integers(0, 12), ALPHABET), min_size=1, max_size=6))
def test_a_mutated_text_parses_or_gives_one_located_error(edits):
    """Whatever is cut out or put in, there is a tree or a LanguageError with a place, within a second."""
    text = GOOD
    for place, length, new in edits:
        text = text[:place] + new + text[place + length :]
    begin = process_time()
    message = message_of(text)
    taken = process_time() - begin
    assert taken < 1 or taken < pace()
    if message:
        line = int(re.match(r"f:(\d+):\d+: \S", message)[1])
        assert 1 <= line <= text.count("\n") + 1


@settings(deadline=None, max_examples=150)
@given(st.lists(ALPHABET, max_size=60).map("".join))
def test_soup_parses_or_gives_one_located_error(text):
    """The same for texts that were never right."""
    message = message_of(text)
    assert not message or re.match(r"f:\d+:\d+: \S", message), message
