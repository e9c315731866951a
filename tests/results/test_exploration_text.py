"""A look at a space, as text."""

from __future__ import annotations

import json

import pytest

from budgetnet.network.budget import Budget
from budgetnet.results.exploration import exploration_text
from budgetnet.results.lookup import read_study_file
from budgetnet.search.access import space_of
from budgetnet.space.explore import sample


@pytest.fixture
def space(study_path):
    """The small study's space."""
    return space_of(read_study_file(study_path))


def test_the_text_has_every_part(space):
    """Share with its error, reasons, sizes, rules and telling choices."""
    lines = exploration_text(sample(space, 200, 0), title="tiny", budget=str(space.budget))
    text = "\n".join(lines)
    assert lines[0] == "tiny: 200 networks drawn by the grammar's prior (seed 0); budget params ≤ 4,000"
    assert " ± " in lines[2]
    for part in ("Sizes", "median", "parameters, all networks", "Rules", "part"):
        assert part in text
    assert not any(line.endswith(" ") for line in lines)


def test_a_budget_that_nothing_fits_is_said_with_the_reason(space):
    """None fits: the share is 0, the reason is named with an example."""
    tight = type(space)(space.grammar, space.vocabulary, space.input_shape, space.classes, Budget(params=10))
    lines = exploration_text(sample(tight, 50, 0), title="tiny", budget=str(tight.budget))
    assert lines[2].startswith("0.0 ± ")
    assert any(line.startswith("params") and "over 10" in line for line in lines)
    assert not any("those that fit" in line and "median" in line for line in lines)


def test_the_document_is_json(space):
    """What `--json` writes is plain numbers."""
    document = json.loads(json.dumps(sample(space, 20, 0).to_json()))
    assert document["draws"] == 20
    assert 0 <= document["fits"]["value"] <= 1
