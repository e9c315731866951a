"""The Python API: what `import budgetnet` costs and offers, its examples, and what its functions refuse."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

import budgetnet as bn

ROOT = Path(__file__).parents[1]
SMALL = "conv(3, 16) maxpool conv(3, 32) gap linear(classes)"
LIGHT = ("torch", "optuna", "pandas", "plotly", "numpy", "yaml", "lark", "typer")


@pytest.fixture
def small():
    """The network of the README's snippet."""
    return bn.parse_network(SMALL, input=(3, 32, 32), classes=10)


def run_python(code: str) -> str:
    """Return what a fresh process prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_loads_nothing():
    """`import budgetnet` loads none of its libraries and none of its rooms."""
    code = (
        "import sys, budgetnet\n"
        f"print([name for name in {LIGHT!r} if name in sys.modules], "
        "[name for name in sys.modules if name.startswith('budgetnet.')])"
    )
    assert run_python(code) == "[] []"


def test_a_network_is_counted_without_torch():
    """Parsing and counting load neither torch nor optuna."""
    code = (
        "import sys, budgetnet as bn\n"
        f"net = bn.parse_network({SMALL!r}, input=(3, 32, 32), classes=10)\n"
        "print(bn.count(net).params, [name for name in ('torch', 'optuna', 'pandas') if name in sys.modules])"
    )
    assert run_python(code) == "5466 []"


def test_every_public_name_is_there():
    """Each name of `__all__` can be had, and `dir` lists it."""
    for name in bn.__all__:
        assert getattr(bn, name) is not None
    assert set(bn.__all__) <= set(dir(bn))


def test_an_unknown_name_is_an_attribute_error():
    """As of any module."""
    with pytest.raises(AttributeError, match="module 'budgetnet' has no attribute 'serch'"):
        _ = bn.serch


def test_rooms_do_not_hide_functions():
    """`budgetnet.search` is the function, also when the folder of that name has been imported first."""
    code = (
        "import budgetnet.search.events, budgetnet.explore.findings, budgetnet.calibrate.plan, budgetnet.export\n"
        "import budgetnet as bn\n"
        "print(*(callable(getattr(bn, name)) for name in ('search', 'explore', 'calibrate', 'export')))"
    )
    assert run_python(code) == "True True True True"


def test_every_public_function_has_an_example():
    """In its docstring, with arguments and errors."""
    for name in bn.__all__:
        value = getattr(bn, name)
        if callable(value) and not isinstance(value, type):
            assert ">>> " in value.__doc__, name
            assert "Args:" in value.__doc__, name


def test_both_counts_agree(small):
    """The closed form and the count of record."""
    counted, measured = bn.count(small), bn.measure(small)
    assert (counted.params, counted.flops) == (measured.params, measured.flops)
    assert bn.count(small, input=(3, 64, 64)).params == counted.params
    assert bn.count(small, input=(3, 64, 64)).flops > counted.flops


def test_a_seed_gives_equal_weights(small):
    """And leaves the caller's random state alone."""
    import torch

    before = torch.random.get_rng_state()
    first, second = bn.build(small, seed=3), bn.build(small, seed=3)
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert sum(weights.numel() for weights in first.parameters()) == bn.count(small).params


def test_a_network_survives_its_file(small, tmp_path):
    """Written and read again, it costs the same."""
    bn.write_network(small, tmp_path / "small.yaml")
    again = bn.read_network(tmp_path / "small.yaml")
    assert bn.count(again) == bn.count(small)
    assert again.network == small.network


def test_rules_may_be_written_out():
    """A text of rules names its own start."""
    text = "network = part gap linear(classes)\npart = conv(3, 8)"
    assert bn.count(bn.parse_network(text, input=(1, 8, 8), classes=4)).depth == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"input": 3, "classes": 10},
            "input must be (channels, height, width), whole numbers of at least 1, but got 3; "
            "write e.g. input=(3, 32, 32)",
        ),
        (
            {"input": (3, 32), "classes": 10},
            "input must be (channels, height, width), whole numbers of at least 1, but got (3, 32); "
            "write e.g. input=(3, 32, 32)",
        ),
        (
            {"input": (3, 32, 0), "classes": 10},
            "input must be (channels, height, width), whole numbers of at least 1, but got (3, 32, 0); "
            "write e.g. input=(3, 32, 32)",
        ),
        (
            {"input": (3, 32, 32), "classes": 0},
            "classes must be a whole number of at least 1, but got 0; write e.g. classes=10",
        ),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    """Rule, what came, what to write."""
    with pytest.raises(bn.BudgetnetError) as refused:
        bn.parse_network(SMALL, **arguments)
    assert str(refused.value) == message


def test_a_choice_is_no_network():
    """Nothing may be left to choose."""
    with pytest.raises(bn.BudgetnetError, match="a network contains no choices"):
        bn.parse_network("conv(3, 8|16) gap linear(classes)", input=(1, 8, 8), classes=10)


def test_a_network_shows_its_layers(small):
    """Name, layers and the share of the parameters, escaped; the whole stands alone."""
    shown = small._repr_html_()
    assert "Conv2d" in shown
    assert "5,466" in shown
    assert "share of the parameters" in shown
    named = bn.parse_network(SMALL, input=(3, 32, 32), classes=10, name="<b>&")._repr_html_()
    assert "&lt;b&gt;&amp;" in named
    for outside in ("<script", "http://", "https://", "src="):
        assert outside not in named


def test_a_cost_says_what_a_flop_is(small):
    """One multiply-add."""
    shown = bn.count(small)._repr_html_()
    assert "5,466" in shown
    assert "One multiply-add = one FLOP" in shown


def test_a_space_shows_its_exploration(study):
    """How many networks, how many fit; asked twice, it is looked at once."""
    space = bn.read_space(study)
    shown = space._repr_html_()
    assert "derivations" in shown
    assert "draws fit" in shown
    assert 'class="bins"' in shown
    assert space._repr_html_() is shown


def test_a_count_by_one_bound_is_not_called_the_whole_budgets(study):
    """Of a budget with two bounds, the card names the one that the exact count keeps."""
    assert study.budget.bounds() == {"params": 6000, "flops": 500_000}
    assert "of them keep params ≤ 6,000" in bn.read_space(study)._repr_html_()


def test_an_exploration_shows_its_findings(study):
    """How much fits, how many there are, and which rules hold the parameters."""
    shown = bn.explore(study, draws=20)._repr_html_()
    for words in ("of the draws fit", "derivations", "share of the parameters", "One multiply-add = one FLOP"):
        assert words in shown


def test_drawn_networks_fit(study):
    """They are networks like any other."""
    drawn = bn.sample(study, 3, seed=2)
    assert len(drawn.networks) == 3
    assert all(bn.count(network).params <= study.budget.params for network in drawn.networks)


def test_load_trials_gives_a_row_for_each_trial(trials, study_path, run_folder):
    """With outcome, costs, curve, decisions and network text."""
    records = trials.records
    frame = bn.load_trials(study_path, run=run_folder)
    assert list(frame["number"]) == [record.number for record in records]
    assert list(frame["outcome"]) == [record.outcome for record in records]
    row, record = frame.iloc[0], records[0]
    assert (row["params"], row["flops"]) == (record.params, record.flops)
    assert row["curve"] == list(record.curve)
    assert math.isclose(row["accuracy"], record.accuracy)
    assert row["network"] == record.network
    assert row["decisions"] == dict(record.decisions)
    json.dumps(row["decisions"])


def test_features_come_with_the_trials(study_path, run_folder):
    """A column for each feature and decision, with their version; of the same trials."""
    import budgetnet as bn

    plain, full = (bn.load_trials(study_path, run=run_folder, features=wanted) for wanted in (False, True))
    assert list(full.columns[: len(plain.columns)]) == list(plain.columns)
    assert {"size.params", "form.depth", "op.conv"} <= set(full.columns)
    assert full["size.params"].notna().all()
    assert full.attrs["features_version"] == 1
