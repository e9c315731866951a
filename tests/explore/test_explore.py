"""Looking at a space: the sampled numbers against brute force, the exact ones against the table."""

from __future__ import annotations

import json

import pytest

from budgetnet.explore.estimates import Quantiles, Share
from budgetnet.explore.explore import explore_space
from budgetnet.explore.from_draws import explore_draws
from budgetnet.explore.provenance import rules_of
from budgetnet.explore.text import exploration_text
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.space.events import events_of
from budgetnet.space.recognise import count_derivations
from tests.space.spaces import FLAGSHIP, GRAMMARS, space_of
from tests.space.test_table import derived, middle, table_of


@pytest.mark.parametrize("name", ["repetition", "skip without projection", "wrong arguments", "recursion", "weights"])
def test_shares_lie_within_their_errors(name: str) -> None:
    """Acceptance and reasons agree with brute force within four standard errors."""
    entries = derived(name)
    bound = middle([entry.cost.params for entry in entries if entry.cost])
    found = explore_draws(space_of(GRAMMARS[name], params=bound), 1500, seed=0)
    fits = sum(entry.weight for entry in entries if entry.cost and entry.cost.params <= bound)
    assert abs(found.fits.value - fits) < 4 * found.fits.error
    assert found.draws == 1500 == sum(found.reasons.values()) + round(found.fits.value * 1500)
    for reason in ("shape", "argument"):
        expected = sum(entry.weight for entry in entries if entry.failure == reason)
        assert abs(found.reasons.get(reason, 0) / 1500 - expected) < 0.05
        assert (reason in found.examples) == (reason in found.reasons)


def test_options_lie_within_their_errors() -> None:
    """The share that fits, given an option, agrees with brute force."""
    entries = derived("weights")
    bound = middle([entry.cost.params for entry in entries if entry.cost])
    found = explore_draws(space_of(GRAMMARS["weights"], params=bound), 1500, seed=1)
    assert [(option.decision, option.label) for option in found.options] == [
        ("kind", "conv(3, 4)"),
        ("kind", "conv(5, 4)"),
        ("kind", "identity"),
        ("conv.channels#2", 4),
        ("conv.channels#2", 8),
    ] or [option.decision for option in found.options] == ["kind"] * 3 + [found.options[-1].decision] * 2
    for option in found.options:
        with_it = [entry for entry in entries if entry.decisions[option.decision] == option.label]
        fits = sum(entry.weight for entry in with_it if entry.cost and entry.cost.params <= bound)
        expected = fits / sum(entry.weight for entry in with_it)
        assert abs(option.fits.value - expected) < 4 * option.fits.error


def test_costs_are_put_down_to_rules() -> None:
    """Each rule's own parts and those of the rules it calls add up to the network."""
    text = """network = stem stage(8) stage(6) head
    stem = conv(3, 4)
    stage(c) = skip(block(c)) shared(block(c)){2}
    block(c) = conv(3, c)
    head = gap linear(classes)"""
    space = space_of(text, params=5000, flops=10**6)
    found = explore_draws(space, 1, seed=0)
    cost = space.cost(space.expand(lambda _: 0).network)
    rules = {rule.rule: rule for rule in found.rules}
    assert sum(rule.own_params.values[0] for rule in rules.values()) == cost.params
    assert sum(rule.own_flops.values[0] for rule in rules.values()) == cost.flops
    assert rules["network"].params.values[0] == cost.params
    assert rules["network"].own_params.values[0] == 0
    # Per convolution of c channels: 9 x in x c weights and 2c for batch norm; the skips need projections.
    block = (9 * 4 * 8 + 16) + (9 * 8 * 8 + 16) + (9 * 8 * 6 + 12) + (9 * 6 * 6 + 12)
    assert rules["block"].own_params.values[0] == block
    assert rules["stage"].own_params.values[0] == (4 * 8 + 16) + (8 * 6 + 12)
    assert rules["stage"].params.values[0] == rules["stage"].own_params.values[0] + block
    # In FLOPs the shared blocks count twice: 36 positions, 9 x in x c + 2c each.
    assert rules["block"].own_flops.values[0] == 36 * (
        (9 * 4 * 8 + 16) + 2 * (9 * 8 * 8 + 16) + (9 * 8 * 6 + 12) + 2 * (9 * 6 * 6 + 12)
    )
    assert found.rules[0].rule == "block"
    assert rules["head"].params_share == pytest.approx(21 / cost.params)


def test_paths_name_their_rules() -> None:
    """A path's rules are those it goes through, without counters and indices."""
    assert rules_of("", "network") == ("network",)
    assert rules_of("stage#2[0].block[1].", "network") == ("network", "stage", "block")


def test_equal_seeds_give_equal_results() -> None:
    """An exploration is a function of space, draws and seed."""
    space = space_of(FLAGSHIP, shape=(3, 32, 32), classes=10, params=200_000)
    assert explore_draws(space, 50, 3) == explore_draws(space, 50, 3)
    assert explore_draws(space, 50, 3) != explore_draws(space, 50, 4)


def test_no_draws_are_an_error() -> None:
    """At least one draw is needed."""
    with pytest.raises(ValueError, match="an exploration needs at least one draw, but got n=0"):
        explore_draws(space_of(GRAMMARS["graph"]), 0, 0)


def test_distinct_counts_networks_not_derivations() -> None:
    """Draws of one canonical hash are one network."""
    found = explore_draws(space_of(GRAMMARS["same thing twice"]), 300, seed=0)
    hashes = {canonical_hash(entry.expansion.network) for entry in derived("same thing twice") if entry.expansion}
    assert found.distinct == len(hashes)


def test_the_census_of_a_small_space() -> None:
    """Exact numbers, a histogram that adds up, and an estimate of how often the grammar repeats itself."""
    name = "same thing twice"
    entries = [entry for entry in derived(name) if entry.expansion and entry.cost]
    bound = max(entry.cost.params for entry in entries if entry.cost)
    space = space_of(GRAMMARS[name], params=bound, flops=middle([entry.cost.flops for entry in entries if entry.cost]))
    found = explore_space(space, draws=50, seed=0)
    census = found.census
    assert census is not None
    assert found.no_census == census.note == ""
    assert (census.axis, census.bound) == ("params", bound)
    assert census.derivations == census.fitting == len(entries)
    assert sum(part.derivations for part in census.bins) == len(entries)
    assert sum(part.prior for part in census.bins) == pytest.approx(1.0)
    assert census.bins[0].low == census.smallest
    assert census.bins[-1].high == bound
    networks = {tuple(events_of(entry.expansion.network)) for entry in entries if entry.expansion}
    exact = sum(1 / count_derivations(entry.expansion.network, space) for entry in entries if entry.expansion)
    assert exact == pytest.approx(len(networks))
    assert census.unique is not None
    assert abs(census.unique.value - len(networks) / len(entries)) < 5 * census.unique.error + 1e-9
    within = [entry for entry in entries if entry.cost and space.budget.excess(entry.cost) is None]
    assert census.all_bounds is not None
    assert abs(census.all_bounds.value - len(within) / len(entries)) < 4 * census.all_bounds.error


def test_a_census_says_what_is_missing() -> None:
    """Too many states are a reason; too little memory is a note."""
    space = space_of(FLAGSHIP, shape=(3, 32, 32), classes=10, params=200_000)
    none = explore_space(space, draws=5, states=100)
    assert none.census is None
    assert none.no_census == "the space has more than 100 states within the budget, too many for a table"
    assert none.estimate is not None
    assert none.estimate.derivations == 55_360_189_331_436_600
    assert abs(none.estimate.fits - table_of(space).prior["fits"]) < 5 * none.estimate.error < 0.05
    lines = exploration_text(none, title="flagship", budget=space.budget)
    assert "The grammar has 5.536e16 derivations, exactly." in lines
    assert "The grammar's own draws fit the budget with probability" in "\n".join(lines)
    lean = explore_space(space, draws=5, memory=1000).census
    assert lean is not None
    assert lean.note.startswith("the exact number that fits: params of a network are rounded up by at most ")
    assert lean.note.endswith("telling all apart would need 40 MiB (search.count_memory)")
    assert lean.fitting_between is not None
    assert lean.fitting_between[0] <= 438_099_447_056_603 <= lean.fitting_between[1]
    assert lean.derivations == 55_360_189_331_436_600
    assert (lean.fitting, lean.bins, lean.unique) == (None, (), None)


@pytest.mark.parametrize("name", ["nothing to choose", "graph", "shared that cannot be"])
def test_everything_becomes_json(name: str) -> None:
    """An exploration survives JSON, whole numbers of any size included."""
    document = explore_space(space_of(GRAMMARS[name], params=300), draws=20).to_json()
    assert json.loads(json.dumps(document)) == json.loads(json.dumps(document, sort_keys=True))
    assert document["method"] == "sampled"
    assert document["census"]["fitting"] is not None


def test_quantiles_are_values_that_occurred() -> None:
    """The lower value is taken between two; nothing has no quantiles."""
    found = Quantiles.of([10, 20, 30, 1000])
    assert found is not None
    assert found.values == (10, 10, 10, 20, 30, 30, 1000)
    assert (found.count, found.mean) == (4, 265.0)
    assert Quantiles.of([]) is None


def test_shares_admit_doubt() -> None:
    """No hit in many draws is not certainty."""
    assert Share.of(0, 100).value == 0
    assert 0.01 < Share.of(0, 100).error < 0.02
    assert Share.of(0, 0) == Share(value=0.0, error=0.5)


def test_nothing_that_fits_is_said_in_words() -> None:
    """No "0 of them fit, exactly, 1 in 64 of all", no "fit no bound", and intervals within 0 to 100 %."""
    none = explore_space(space_of(GRAMMARS["repetition"], params=30), draws=20)
    text = "\n".join(exploration_text(none, title="tiny", budget=space_of("network = identity", params=30).budget))
    assert "None of them fits params ≤ 30." in text
    assert "0 of them fit" not in text
    assert "0.0 (0.0 to" in text
    free = explore_space(space_of(GRAMMARS["repetition"]), draws=20)
    text = "\n".join(exploration_text(free, title="tiny", budget=space_of("network = identity").budget))
    assert "no bound" not in text.partition("\n")[2]
