"""The reference page is up to date, and everything on it can be done."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from budgetnet.derivation import machine
from budgetnet.derivation.decision import Decision
from budgetnet.derivation.expand import Expansion, expand
from budgetnet.grammar.imports import prelude
from budgetnet.grammar.load import load_grammar
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Vocabulary
from tools import language_examples
from tools.language_reference import page, prelude_table

VOCABULARY = Vocabulary(BUILTIN)
PAGE = Path(__file__).parent.parent.parent / "docs" / "language.md"
PARTS = [
    cells[2]
    for line in page().splitlines()
    if line.startswith("| `") and len(cells := re.split(r"(?<!\\)\|", line)[1:-1]) == 3
]
BLOCKS = [block for block in re.findall(r"```\n(.*?)```", page(), re.DOTALL) if block.startswith(("network", "from"))]


def derive(text: str, seed: int) -> Expansion:
    """One network of a grammar for 3×32×32 images and 10 classes."""
    rng = random.Random(seed)

    def choose(decision: Decision) -> int:
        return rng.choice([index for index, allowed in enumerate(decision.allowed) if allowed])

    grammar = load_grammar(text, vocabulary=VOCABULARY)
    return expand(grammar, input_shape=(3, 32, 32), classes=10, vocabulary=VOCABULARY, choose=choose)


def test_the_page_is_up_to_date():
    """docs/language.md is what the command prints."""
    command = [sys.executable, "-m", "tools.language_reference"]
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", env={"PYTHONIOENCODING": "utf-8"}, cwd=PAGE.parent.parent
    )
    assert done.stderr == ""
    assert done.stdout == page()
    assert PAGE.read_text(encoding="utf-8") == page(), f"run {' '.join(command[1:])} > docs/language.md"


@pytest.mark.parametrize("cell", PARTS)
def test_every_example_of_a_construct_can_be_derived(cell):
    """The third column's parts stand in a network behind a convolution, as the page says."""
    part = cell.strip().strip("`").replace("\\|", "|")
    for seed in range(3):
        derive(f"network = conv(3, 16) ({part}) gap linear(classes)", seed)


def test_all_constructs_were_found_on_the_page():
    """The tables are read as they are meant."""
    assert len(PARTS) == len(language_examples.CONSTRUCTS) + len(language_examples.VALUES)
    assert BLOCKS == [
        language_examples.FLAGSHIP,
        language_examples.SHARING,
        language_examples.PASSING,
        language_examples.IMPORTS,
        language_examples.NAMES,
    ]


@pytest.mark.parametrize("text", BLOCKS)
def test_every_grammar_on_the_page_can_be_derived(text):
    """Whole grammars, several times."""
    for seed in range(5):
        derive(text, seed)


def test_the_decisions_on_the_page_derive_a_network():
    """Every line is asked for, in this order, and no other."""
    lines = [line.split(" = ") for line in language_examples.DECISIONS.splitlines()]
    asked: list[str] = []

    def choose(decision: Decision) -> int:
        name, label = lines[len(asked)]
        asked.append(decision.name)
        labels = [str(entry).lower() if isinstance(entry, bool) else str(entry) for entry in decision.labels]
        assert name == decision.name
        return labels.index(label)

    grammar = load_grammar(language_examples.NAMES, vocabulary=VOCABULARY)
    expand(grammar, input_shape=(3, 32, 32), classes=10, vocabulary=VOCABULARY, choose=choose)
    assert len(asked) == len(lines)


def test_every_rule_of_the_prelude_has_a_row_that_says_what_it_is():
    """With its parameters, and with a paper wherever the source names one."""
    rows = [line for line in prelude_table().splitlines() if line.startswith("| `")]
    assert all(len(row.rsplit("|", 2)[1].strip()) > 10 for row in rows)
    calls = [call for row in rows for call in re.findall(r"`([^`]+)`", row.split(" | ")[0])]
    assert [call.partition("(")[0] for call in calls] == [rule.name for rule in prelude().rules]
    source = prelude().rules[0].source
    assert prelude_table().count("](https://arxiv.org/abs/") == len(re.findall(r"arXiv\s+(?:#\s+)?\d", source.text))


def test_limits_of_other_rooms_are_stated_as_they_are():
    """The language does not know the room that derives networks, so its page repeats three numbers."""
    assert language_examples.LIMIT_DEPTH == machine.LIMIT_DEPTH
    assert language_examples.LIMIT_LAYERS == machine.LIMIT_LAYERS
    assert language_examples.LIMIT_NESTING == machine.LIMIT_NESTING
