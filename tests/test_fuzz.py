"""Whatever is done to a text, reading it ends in a value or in one clean error, and soon.

A seeded part of the mutated texts; tests/benchmarks/fuzz_language.py tries 20,000.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from budgetnet.errors import BudgetnetError
from budgetnet.files.study_file import parse_study
from budgetnet.grammar.load import load_grammar
from budgetnet.network.budget import Budget
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Vocabulary
from budgetnet.space.space import Space
from tests.fuzzing import SLOW, case, judge
from tests.pace import pace

VOCABULARY = Vocabulary(BUILTIN)
CASES = 500


def test_mutated_texts_end_well(tmp_path):
    """Derived, or one of the package's own errors with its place; nothing else, nothing slow."""
    words: Counter[str] = Counter()
    for number in range(CASES):
        mutated = case(number)
        outcome = judge(mutated, tmp_path)
        assert not outcome.bad, f"case {number} ({mutated.kind} {mutated.origin}, {mutated.changes}): {outcome}"
        words[outcome.word.partition(" ")[0]] += 1
    assert words["derived"] > CASES / 20
    assert words["LanguageError"] > CASES / 4
    assert words["StudyError"] > CASES / 20


def test_equal_numbers_make_equal_texts():
    """A failure can be looked at again by its number."""
    assert case(7) == case(7)
    assert case(7) != case(8)


def derive(text: str) -> None:
    """Derive a network of a grammar by the first options that are allowed."""
    space = Space(load_grammar(text, vocabulary=VOCABULARY), VOCABULARY, (3, 8, 8), 10, Budget())
    space.expand(lambda decision: decision.allowed.index(True))


def nested(opening: str, closing: str, times: int) -> str:
    """A network with a part inside *times* brackets."""
    return f"network = {opening * times}identity{closing * times} gap linear(classes)"


def chain(length: int, last: str) -> str:
    """Rules that call each other in a row."""
    return (
        "network = a0 gap linear(classes)\n"
        + "".join(f"a{n} = a{n + 1}\n" for n in range(length))
        + f"a{length} = {last}"
    )


LIMITS = {
    "brackets": (nested("(", ")", 61), "brackets are nested deeper than 60"),
    "many brackets": (nested("(", ")", 25_000), "brackets are nested deeper than 60"),
    "skips": (nested("skip(", ")", 29), "parts nest at most 28 deep"),
    "options": (nested("", "?", 9_000), "nested deeper than 100 parts"),
    "repetitions of repetitions": (nested("", "{200}", 20), "a network has at most 2,000 layers"),
    "layers": ("network = " + "(" * 5 + "act" + "){200}" * 5 + " gap linear(classes)", "at most 2,000 layers"),
    "repeats": ("network = act{201} gap linear(classes)", "must be a whole number from 0 to 200, but got 201"),
    "computed repeats": ("network = a(200) gap linear(classes)\na(n) = act{n*2}", "n <= 200, but got {400..400}"),
    "numbers": ("network = conv(3, 9999999999999) gap linear(classes)", "numbers may not exceed 1e12"),
    "long numbers": (f"network = conv(3, {'9' * 5000}) gap linear(classes)", "may not exceed 1e12 or 40 characters"),
    "computed numbers": (
        "network = a0(9) gap linear(classes)\n"
        + "".join(f"a{n}(c) = a{n + 1}(c*c)\n" for n in range(20))
        + "a20(c) = conv(1, c)",
        "results must be at most 1e\\+15, but got ",
    ),
    "sums": (f"network = conv(3, {' + '.join('1' * 9000)}) gap linear(classes)", "nested deeper than 100 parts"),
    "alternatives": (f"network = ({' | '.join(['act'] * 1001)}) gap linear(classes)", "at most 1,000 options"),
    "choices": (f"network = conv(3, {'|'.join(map(str, range(1, 1002)))}) gap", "at most 1,000 options"),
    "ranges": ("network = conv(3, 1..9999) gap linear(classes)", "a range holds at most 1000 values"),
    "computed ranges": ("network = a(9999) gap\na(c) = conv(3, 1..c)", "a range holds at most 1,000 values; take a"),
    "text": ("network = gap" + " " * 200_000, "a text may have at most 200000 characters, but got 200013"),
    "words": ("network = " + "()" * 30_000, "more than 60000 words and signs"),
    "names": (f"network = {'a' * 5000} gap", "names have at most 200 letters"),
    "file names": (f'from "{"a" * 5000}" import b\nnetwork = b', "texts have at most 200 letters"),
    "rules": (chain(2_000, "gap"), "more than 2000 rules"),
    "recursion": ("network = gap linear(classes)\na = act a", "'a' never ends"),
    "endless chain": (chain(1_900, "a0"), "'a0' never ends"),
}  # fmt: skip


@pytest.mark.parametrize("name", LIMITS)
def test_limits_are_errors_and_no_crashes(name):
    """Deep nesting and huge counts are refused by a rule that the error states, before they cost anything."""
    text, message = LIMITS[name]
    begun = time.process_time()
    with pytest.raises(BudgetnetError, match=message) as raised:
        derive(text)
    assert str(raised.value).startswith("<text>:")
    taken = time.process_time() - begun
    assert taken < 2 * SLOW or taken < 2 * SLOW * pace()


LARGE = {
    "rules": chain(1_900, "conv(3, 4)"),
    "recursive rules": "network = a0 gap linear(classes)\n"
    + "".join(f"a{n} = act | a{n + 1}\n" for n in range(1_900))
    + "a1900 = a0 | act",
    "parameters handed on": "network = a0(4) gap linear(classes)\n"
    + "".join(f"a{n}(c) = a{n + 1}(c)\n" for n in range(1_900))
    + "a1900(c) = conv(3, c)",
    "equal options": f"network = ({' | '.join(['conv(3, 4)'] * 1000)}) gap linear(classes)",
    "equal values": f"network = conv(3, {'|'.join(['4'] * 1000)}) gap linear(classes)",
    "joins": "network = graph { h0 = act(x)\n" + "".join(f"h{n + 1} = h{n} + h{n}\n" for n in range(2_000))
    + "return h2000 } gap linear(classes)",
    "a long row": "network = " + "act " * 1_990 + "gap linear(classes)",
    "imports": f"from prelude import {', '.join(['mbconv'] * 9_000)}\nnetwork = gap linear(classes)",
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_large_texts_within_the_limits_do_not_take_long(name):
    """What is legal is loaded and derived, however strange."""
    begun = time.process_time()
    derive(LARGE[name])
    taken = time.process_time() - begun
    assert taken < 2 * SLOW or taken < 2 * SLOW * pace()


BASE = """\
study: quick
dataset: digits
budget: {params: 8k}
grammar: network = conv(3, 8|16) gap linear(classes)
search: {trials: 20}
"""
ESCAPED = [
    ("trials: 20", "trials: 1e999", r"search\.trials must be a whole number of at least 1, but got '1e999'"),
    ("trials: 20", f"trials: {'[' * 5000}", "nested deeper than 20 levels"),
    ("study: quick", "study: quick\x07", r"not YAML: the character '\\x07' is not allowed"),
    ("digits", "d" * 300, "but got something that is not a path: File name too long"),
    ("digits", "{images: ~nobody.there/x}", "but got something that is not a path: Could not determine home directory"),
    ("digits", '{images: "\\0"}', "but got something that is not a path: embedded null byte"),
    ("digits", "digits\nstart_from: none.yaml", "there is no network file"),
    (
        "search: {trials: 20}",
        "# \u2028\u2029\x85\nnotes: a: b",
        r"s\.yaml:6:9: not YAML: mapping .* quotes: notes: 'a: b'",
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), ESCAPED)
def test_study_files_that_once_escaped(old, new, message):
    """Each of these was once a traceback."""
    assert old in BASE
    with pytest.raises(BudgetnetError, match=message) as raised:
        parse_study(BASE.replace(old, new), Path("s.yaml"))
    assert "s.yaml:" in str(raised.value).partition("\n")[0]


@pytest.mark.parametrize("name", ["a\0b", ".", "/dev/null", "/dev/zero", "~", "a" * 200])
def test_imports_of_what_is_no_file(name, tmp_path):
    """Devices are not read, and impossible names are no crash."""
    with pytest.raises(BudgetnetError, match=r"<text>:1:6: no readable file"):
        load_grammar(f'from "{name}" import b\nnetwork = b', folder=tmp_path)
