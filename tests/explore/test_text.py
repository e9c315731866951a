"""A look at a space, as text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budgetnet.explore.estimates import Share
from budgetnet.explore.exact_text import exact_text, large
from budgetnet.explore.explore import explore_space
from budgetnet.explore.findings import ExactCounts
from budgetnet.explore.from_draws import explore_draws
from budgetnet.explore.text import exploration_text
from budgetnet.files.spaces import space_of
from budgetnet.files.study_file import load_study
from budgetnet.network.budget import Budget
from budgetnet.space.counting.distribution import Bin


@pytest.fixture
def space(study_path):
    """The small study's space."""
    return space_of(load_study(study_path))


def census(**fields):
    """A census of a thousand derivations, half of which fit."""
    values = {
        "axis": "params",
        "bound": 4000,
        "derivations": 1000,
        "fitting": 500,
        "smallest": 100,
        "prior": {"fits": 0.25, "over": 0.75},
        "bins": tuple(Bin(low=i, high=i, derivations=i, prior=i / 820) for i in range(41)),
        "all_bounds": None,
        "unique": None,
        "states": 10,
        "seconds": 0.1,
        "note": "",
    }
    return ExactCounts(**(values | fields))


def test_the_text_has_every_part(space):
    """Exact numbers, the sampled share with its error, sizes, rules."""
    lines = exploration_text(explore_space(space, draws=200, seed=0), title="tiny", budget=space.budget)
    text = "\n".join(lines)
    assert lines[0] == "tiny: budget params ≤ 4,000"
    assert "derivations, exactly" in lines[2]
    assert "Estimated from 200 networks drawn by the grammar's prior (seed 0):" in lines
    for part in (" ± ", "Sizes", "median", "parameters, all networks", "Rules", "part", "What decisions cost"):
        assert part in text
    assert not any(line.endswith(" ") for line in lines)


@pytest.mark.parametrize(("fitting", "share"), [(1000, "100 %"), (537, "54 %"), (15, "1.5 %"), (1, "0.1 %")])
def test_a_share_of_all_reads_as_people_write_it(fitting, share):
    """Two digits are enough, in no power of ten; what is rarer than one in ten thousand is a ratio."""
    verb = "fits" if fitting == 1 else "fit"
    assert f"{fitting:,} of them {verb} params ≤ 4,000, exactly, {share} of all." in exact_text(census(fitting=fitting))


def test_a_space_in_which_nothing_fits_says_so():
    """Not as a share."""
    assert "None of them fits params ≤ 4,000." in exact_text(census(fitting=0))


def test_a_space_that_was_not_counted_says_why(space):
    """The estimate stands alone, and is called one."""
    lines = exploration_text(explore_space(space, draws=20, states=1), title="tiny", budget=space.budget)
    assert lines[2].startswith("Not counted exactly: the space has more than 1 states")
    assert any(line.startswith("Estimated from 20 networks") for line in lines)


def test_a_budget_that_nothing_fits_is_said_with_the_reason(space):
    """None fits: the share is 0, the reason is named with an example."""
    tight = type(space)(space.grammar, space.vocabulary, space.input_shape, space.classes, Budget(params=10))
    lines = exploration_text(explore_draws(tight, 50, 0), title="tiny", budget=tight.budget)
    assert any(line.startswith("0.0 (0.0 to ") for line in lines)
    assert any(line.startswith("parameters ") and "over 10" in line for line in lines)
    assert not any("those that fit" in line and "median" in line for line in lines)


def test_the_document_is_json(space):
    """What `--json` writes is plain numbers."""
    document = json.loads(json.dumps(explore_space(space, draws=20).to_json()))
    assert document["draws"] == 20
    assert 0 <= document["fits"]["value"] <= 1
    assert document["census"]["fitting"] <= document["census"]["derivations"]


def test_the_histogram_adds_up():
    """Bins are put together, none is lost, and the longest bar is the largest count's."""
    lines = exact_text(census())
    rows = [line for line in lines if "█" in line]
    assert sum(int(row.split()[3]) for row in rows) == sum(range(41))
    assert max(rows, key=lambda row: row.count("█")) == max(rows, key=lambda row: int(row.split()[3]))


def test_shares_and_estimates_are_labelled():
    """Exact numbers say so, estimates carry their standard error, what is missing is said."""
    text = "\n".join(
        exact_text(
            census(
                all_bounds=Share(value=0.9, error=0.02), unique=Share(value=0.5, error=0.1), note="a state was left out"
            )
        )
    )
    assert "500 of them fit params ≤ 4,000, exactly, 50 % of all." in text
    assert "An estimated 90.0 ± 2.0 % of those keep the other bounds, too." in text
    assert "an estimated 0.50 ± 0.10 different networks per derivation" in text
    assert "with probability 25.0 %, exactly" in text
    assert "Not counted: a state was left out." in text
    assert exact_text(census(derivations=None, fitting=None, smallest=None, prior={}, bins=())) == []


def test_rounded_costs_give_two_bounds():
    """Where costs were rounded, the number and the share that fit lie between two bounds."""
    found = census(
        fitting=None, fitting_between=(400, 600), fits_between=(0.25, 0.5), prior={"complete": 1.0}, bins=(), note="x"
    )
    lines = exact_text(found)
    assert "400 to 600 of them fit params ≤ 4,000." in lines
    assert "The grammar's own draws fit params ≤ 4,000 with probability 25.0 to 50.0 %." in lines
    assert "Not counted: x." in lines


def test_rare_networks_are_one_in_so_many():
    """A share too small for percents, of numbers too large for floats."""
    text = "\n".join(exact_text(census(derivations=10**400, fitting=10**380)))
    assert "1.000e380 of them fit params ≤ 4,000, exactly, 1 in 1.000e20 of all." in text


@given(st.integers(0, 10**60))
@settings(deadline=None)
def test_large_numbers_are_right_to_four_digits(number):
    """Short ones are exact, long ones are cut off after the fourth digit."""
    text = large(number)
    if number < 10**15:
        assert int(text.replace(",", "")) == number
    else:
        head, _, power = text.partition("e")
        assert int(head.replace(".", "")) == number // 10 ** (int(power) - 3)
