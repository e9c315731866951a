"""The reference page of study files is up to date, and every example on it can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from budgetnet.files.search_options import Finalists
from budgetnet.files.study_file import KEYS, parse_study
from budgetnet.keys.declare import keys_of
from tools.study_reference import page

ROOT = Path(__file__).parent.parent.parent
NEEDED = {
    "study": "x",
    "dataset": "digits",
    "budget": "{params: 6k}",
    "grammar": "network = conv(3, 8|12) gap linear(classes)",
}
BESIDE = {
    "dataset": {"images": "photos", "size": "32", "background": "white"},
    "search.pruner": {"kind": "halving"},
    "budget": {"flash": "128KiB"},
}
"""What must stand beside a key in its section."""
EXAMPLES = [(section, name) for section in KEYS for name in KEYS[section]]


def test_the_page_is_up_to_date():
    """What is committed is what the command prints."""
    committed = (ROOT / "docs" / "study-file.md").read_text(encoding="utf-8")
    assert committed == page(), "run python -m tools.study_reference > docs/study-file.md"


def test_no_key_is_left_out():
    """The page has a row for every declared key, with values, unit, default, meaning and example; no cell is empty."""
    rows = [line for line in page().splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]
    keys = [row for row in cells if len(row) == 6]
    declared = sorted(name for section in KEYS for name in KEYS[section] if section != "finalists")
    declared += sorted(keys_of(Finalists))
    assert sorted(row[0] for row in keys) == sorted(f"`{name}`" for name in declared)
    for name, values, unit, default, meaning, example in keys:
        assert values, name
        assert default, name
        assert meaning.endswith("."), name
        assert example.startswith("`") or default == "required", name
        assert unit, name
        assert unit != "–" or "number" not in values, name


@pytest.mark.parametrize(("section", "name"), EXAMPLES, ids=[".".join(filter(None, each)) for each in EXAMPLES])
def test_every_example_can_be_read(section, name):
    """Each key's example is a legal value of it, and the page shows it."""
    example = KEYS[section][name].shown_example
    lines = dict(NEEDED)
    if section:
        beside = {**BESIDE.get(section, {}), name: example}
        inner = "{" + ", ".join(f"{key}: {value}" for key, value in beside.items()) + "}"
        outer, _, nested = section.partition(".")
        lines[outer] = f"{{{nested}: {inner}}}" if nested else inner
    elif example:
        lines[name] = example
    text = "".join(f"{key}: {value}\n" for key, value in lines.items())
    assert yaml.safe_load(text).keys() == lines.keys()
    study = parse_study(text, ROOT / "studies" / "x.yaml")
    assert study.run_folder().parent.name == "runs"
    if example:
        assert f"`{name}: {example}`".replace("|", r"\|") in page()
