"""Mutated texts: grammars, study files and network files, and what becomes of them.

Whatever is done to a text, reading it gives a value or one error of the package's own with a place in the text; and
what was read can be derived, counted and printed, or gives such an error. Nothing else escapes, nothing takes long.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from budgetnet.derivation.decision import Decision
from budgetnet.errors import BudgetnetError
from budgetnet.files import network_file
from budgetnet.files.study_file import load_study
from budgetnet.grammar.imports import prelude
from budgetnet.grammar.load import load_grammar
from budgetnet.grammar.parser import parse_grammar
from budgetnet.grammar.printer import to_text
from budgetnet.network.budget import Budget
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Vocabulary
from budgetnet.space.lint.lint import examine
from budgetnet.space.space import Space
from tests.pace import pace
from tools import language_examples

__all__ = ["SLOW", "Case", "Outcome", "case", "judge"]

SLOW = 1.0
"""Seconds of processor time on an idle core that no text may take."""

Kind = Literal["grammar", "study", "network"]

ROOT = Path(__file__).parent.parent
STUDIES = sorted((ROOT / "studies").glob("*.yaml"))
NETWORKS = sorted((ROOT / "studies" / "networks").glob("*.yaml"))
WORDS = """
skip parallel split tied shared graph return concat from import in classes true false network conv dwconv linear maxpool
gap act se scale identity zero a b c x 1 2 3 16 0 -1 0.5 1e12 999999999999 1e-5 ( ) { } = | , ? @ : + * // .. ; # " {0}
join=add project=pad order= {1..200} {200} @3 prelude mbconv 1..999:1 2..1024*2
""".split()  # noqa: SIM905  (a list would take fifty lines)

NUMBERS = f"0 1 2 7 64 200 201 1000 100000 999999999999 1{'0' * 40} 0.5 1e3 1e999 -3 1.5".split()
BRACKETS = (
    ("(", ")"), ("skip(", ")"), ("tied(", "){2}"), ("shared(", "){2}"), ("(", "){2}"), ("(", ")?"), ("{", "}"),
    ("[", "]"), ("parallel(identity, ", ")"), ("graph { h = ", "(x); return h }"), ("(", " + 1)"), ("skip(act ", ")"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A mutated text."""

    kind: Kind
    origin: str
    """What it was made of."""
    changes: tuple[str, ...]
    """The mutations, in order."""
    data: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a text."""

    word: str
    """``derived``, the class of the error with the step it came at, or ``ESCAPED …`` or ``UNPLACED …``."""
    text: str
    """The error's."""
    seconds: float
    """Of processor time."""

    @property
    def bad(self) -> bool:
        """True if it must not be."""
        slow = self.seconds > SLOW and self.seconds > SLOW * pace()
        return self.word.startswith(("ESCAPED", "UNPLACED")) or slow


def _grammars() -> list[tuple[str, str]]:
    parts = [
        (entry.form, f"network = conv(3, 16) ({entry.example}) gap linear(classes)")
        for entry in language_examples.CONSTRUCTS
    ]
    wholes = [language_examples.FLAGSHIP, language_examples.SHARING, language_examples.IMPORTS, language_examples.NAMES]
    source = prelude().rules[0].source
    assert source is not None
    return [*parts, *((text.partition("\n")[0], text) for text in wholes), ("prelude", source.text)]


def _corpus() -> dict[Kind, list[tuple[str, bytes]]]:
    return {
        "grammar": [(name, text.encode()) for name, text in _grammars()],
        "study": [(path.name, path.read_bytes()) for path in STUDIES],
        "network": [(path.name, path.read_bytes()) for path in NETWORKS],
    }


# --- mutations --------------------------------------------------------------------------------------


def _flip_bytes(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _flip_letters(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if changed:
            changed[rng.randrange(len(changed))] = rng.choice(b"abcx013 \t\n(){}=|,?@:+-*/.;#\"'[]&!%<>~")
    return bytes(changed)


def _cut(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data) + 1)
    return data[:start] + data[start + rng.randint(1, 30) :]


def _truncate(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _lines(change: Callable[[list[bytes], random.Random], None]) -> Callable[[bytes, random.Random], bytes]:
    def mutate(data: bytes, rng: random.Random) -> bytes:
        lines = data.split(b"\n")
        change(lines, rng)
        return b"\n".join(lines)

    mutate.__name__ = change.__name__
    return mutate


@_lines
def _drop_line(lines: list[bytes], rng: random.Random) -> None:
    del lines[rng.randrange(len(lines))]


@_lines
def _swap_lines(lines: list[bytes], rng: random.Random) -> None:
    first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]


@_lines
def _repeat_lines(lines: list[bytes], rng: random.Random) -> None:
    place = rng.randrange(len(lines))
    lines[place:place] = [lines[place]] * rng.choice([1, 2, 50])


@_lines
def _indent_line(lines: list[bytes], rng: random.Random) -> None:
    place = rng.randrange(len(lines))
    lines[place] = rng.choice([b" ", b"    ", b"\t", b"- ", b"? ", b"key: "]) + lines[place]


_TOKEN = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*|[0-9][0-9.e]*|\.\.|//|\s+|.", re.DOTALL)


def _tokens(change: Callable[[list[bytes], random.Random], None]) -> Callable[[bytes, random.Random], bytes]:
    def mutate(data: bytes, rng: random.Random) -> bytes:
        tokens = _TOKEN.findall(data)
        if tokens:
            change(tokens, rng)
        return b"".join(tokens)

    mutate.__name__ = change.__name__
    return mutate


@_tokens
def _swap_tokens(tokens: list[bytes], rng: random.Random) -> None:
    for _ in range(rng.randint(1, 3)):
        first, second = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        tokens[first], tokens[second] = tokens[second], tokens[first]


@_tokens
def _drop_tokens(tokens: list[bytes], rng: random.Random) -> None:
    for _ in range(min(rng.randint(1, 4), len(tokens))):
        del tokens[rng.randrange(len(tokens))]


@_tokens
def _insert_words(tokens: list[bytes], rng: random.Random) -> None:
    for _ in range(rng.randint(1, 3)):
        tokens.insert(rng.randrange(len(tokens) + 1), f" {rng.choice(WORDS)} ".encode())


@_tokens
def _replace_words(tokens: list[bytes], rng: random.Random) -> None:
    for _ in range(rng.randint(1, 3)):
        tokens[rng.randrange(len(tokens))] = rng.choice(WORDS).encode()


@_tokens
def _change_numbers(tokens: list[bytes], rng: random.Random) -> None:
    places = [place for place, token in enumerate(tokens) if token[:1].isdigit()]
    for place in places and rng.sample(places, min(len(places), rng.randint(1, 3))):
        tokens[place] = rng.choice(NUMBERS).encode()


@_tokens
def _nest(tokens: list[bytes], rng: random.Random) -> None:
    first = rng.randrange(len(tokens))
    last = rng.randrange(first, min(len(tokens), first + 40))
    depth = rng.choice([2, 10, 40, 59, 61, 120, 3000])
    opening, closing = rng.choice(BRACKETS)
    tokens[first : last + 1] = [opening.encode()] * depth + tokens[first : last + 1] + [closing.encode()] * depth


@_tokens
def _repeat_tokens(tokens: list[bytes], rng: random.Random) -> None:
    first = rng.randrange(len(tokens))
    some = tokens[first : first + rng.randint(1, 12)]
    tokens[first:first] = some * rng.choice([1, 10, 100, 3000])


def _strange_letters(data: bytes, rng: random.Random) -> bytes:
    strange = ["\ufeff", "\0", "\r\n", "\x1b[31m", "\u2028", "é", "×", "𝄞", "\u202e", "’", "“", "\x0c", "\x85"]
    place = rng.randrange(len(data) + 1)
    return data[:place] + rng.choice(strange).encode() * rng.choice([1, 1, 200]) + data[place:]


MUTATIONS = (
    _flip_bytes, _flip_letters, _cut, _truncate, _drop_line, _swap_lines, _repeat_lines, _indent_line, _swap_tokens,
    _drop_tokens, _insert_words, _replace_words, _change_numbers, _nest, _repeat_tokens, _strange_letters,
)  # fmt: skip


def case(number: int, corpus: dict[Kind, list[tuple[str, bytes]]] = _corpus()) -> Case:  # noqa: B008  (read once)
    """Make the mutated text of a number; equal numbers give equal texts."""
    rng = random.Random(number)
    kind: Kind = rng.choices(("grammar", "study", "network"), (6, 3, 1))[0]
    origin, data = rng.choice(corpus[kind])
    changes = rng.choices(MUTATIONS, k=rng.choice((1, 1, 1, 2, 3)))
    for mutate in changes:
        data = mutate(data, rng)
    return Case(kind, origin, tuple(mutate.__name__.strip("_") for mutate in changes), data)


# --- what becomes of them -----------------------------------------------------------------------------


def judge(mutated: Case, folder: Path) -> Outcome:
    """Read a text, and derive, count, print and examine what was read.

    Args:
        mutated: the text.
        folder: a place for files.
    """
    begun = time.process_time()
    step = ["read"]
    word, text = "derived", ""
    try:
        _READERS[mutated.kind](mutated, folder, step)
    except BudgetnetError as error:
        text = str(error)
        word = f"{_place(mutated, text)}{type(error).__name__} at {step[0]}"
    except Exception as error:  # noqa: BLE001  (that is what is looked for)
        word, text = f"ESCAPED {type(error).__name__} at {step[0]}", str(error)
    return Outcome(word, text, time.process_time() - begun)


_WHOLE = ("the file is empty", "not plain UTF-8", "not plain text in UTF-8", "is missing")
"""Of a file's errors, those that have no line."""


def _place(mutated: Case, text: str) -> str:
    if re.match(r"[^\n]*?:\d+:\d+: ", text):
        return ""
    return "whole file: " if mutated.kind != "grammar" and any(words in text for words in _WHOLE) else "UNPLACED "


def _read_grammar(mutated: Case, folder: Path, step: list[str]) -> None:
    text = mutated.data.decode("utf-8", errors="replace")
    step[0] = "parse"
    parsed = parse_grammar(text, name="fuzz.grammar")
    step[0] = "print"
    assert parse_grammar(to_text(parsed)) == parsed, "printed text reads back differently"
    step[0] = "load"
    vocabulary = Vocabulary(BUILTIN)
    grammar = load_grammar(text, name="fuzz.grammar", vocabulary=vocabulary, folder=folder)
    _derive(Space(grammar, vocabulary, (3, 9, 9), 10, Budget(params=50_000)), len(text), step)


def _read_study(mutated: Case, folder: Path, step: list[str]) -> None:
    path = folder / "fuzz.yaml"
    path.write_bytes(mutated.data)
    study = load_study(path)
    _derive(Space(study.grammar, study.vocabulary, (3, 12, 12), 10, study.budget), len(mutated.data), step)


def _read_network(mutated: Case, folder: Path, step: list[str]) -> None:
    path = folder / "network.yaml"
    path.write_bytes(mutated.data)
    read = network_file.read(path)
    step[0] = "write"
    assert network_file.parse_network_file(network_file.write(None, read)).network == read.network, (
        "a written network reads back differently"
    )


def _derive(space: Space, seed: int, step: list[str]) -> None:
    step[0] = "derive"
    rng = random.Random(seed)

    def choose(decision: Decision) -> int:
        return rng.choice([index for index, allowed in enumerate(decision.allowed) if allowed])

    found = space.expand(choose)
    step[0] = "count"
    space.cost(found.network)
    step[0] = "examine"
    examine(space, steps=2_000)


_READERS: dict[Kind, Callable[[Case, Path, list[str]], None]] = {
    "grammar": _read_grammar,
    "study": _read_study,
    "network": _read_network,
}
