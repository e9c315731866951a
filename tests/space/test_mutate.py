"""Mutation and the plain choosers."""

from __future__ import annotations

import random
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budgetnet.derivation.decision import Chooser, Decision
from budgetnet.space.choosers import label_index, prior, replay
from budgetnet.space.judge import Candidate, Rejection, derive, draw
from budgetnet.space.mutate import mutate
from tests.space.spaces import FLAGSHIP, GRAMMARS, space_of

SPACE = space_of(FLAGSHIP, shape=(3, 32, 32), classes=10)


def decision(**changes: object) -> Decision:
    """A decision with three options."""
    fields = {
        "name": "conv.kernel",
        "kind": "value",
        "labels": (1, 3, 5),
        "weights": (0.5, 0.25, 0.25),
        "allowed": (True, True, True),
        "stable": True,
    }
    return Decision(**{**fields, **changes})  # type: ignore[arg-type]


def last(asked: Decision) -> int:
    """The last allowed option."""
    return max(index for index, allowed in enumerate(asked.allowed) if allowed)


@pytest.mark.parametrize(
    "choose", [prior(random.Random(0)), replay({"conv.kernel": 3}, last), replay({}, prior(random.Random(0)))]
)
@given(allowed=st.lists(st.booleans(), min_size=3, max_size=3).filter(any))
@settings(deadline=None)
def test_every_chooser_keeps_to_what_is_allowed(choose: Chooser, allowed: list[bool]) -> None:
    """Whatever the mask, the answer is an allowed option."""
    assert allowed[choose(decision(allowed=tuple(allowed)))]


def test_prior_follows_the_weights() -> None:
    """Options are drawn in proportion to weights."""
    choose = prior(random.Random(0))
    drawn = [choose(decision(weights=(0.7, 0.0, 0.3))) for _ in range(2000)]
    assert drawn.count(1) == 0
    assert drawn.count(0) / 2000 == pytest.approx(0.7, abs=0.03)


def test_replay_goes_by_name_and_label() -> None:
    """A recorded label is found at its place; one that is gone or not allowed goes to the other chooser."""
    assert replay({"conv.kernel": 3}, last)(decision()) == 1
    assert replay({"conv.kernel": 7}, last)(decision()) == 2
    assert replay({"other": 3}, last)(decision()) == 2
    assert replay({"conv.kernel": 5}, last)(decision(allowed=(True, True, False))) == 1


def test_labels_of_different_types_differ() -> None:
    """True is not 1, and 1.0 is not 1."""
    mixed = decision(labels=(True, 1, 1.0))
    assert [label_index(mixed, label) for label in (True, 1, 1.0, "1")] == [0, 1, 2, None]


@pytest.mark.parametrize("name", GRAMMARS)
def test_a_replay_gives_the_same_network(name: str) -> None:
    """All decisions of a derivation, replayed, derive the same again, without asking anyone."""
    space = space_of(GRAMMARS[name])

    def never(asked: Decision) -> int:
        raise AssertionError(f"{asked.name} was recorded")

    rng = random.Random(0)
    for _ in range(10):
        drawn = draw(space, rng)
        if isinstance(drawn, Candidate):
            assert derive(space, replay(drawn.expansion.decisions, never)) == drawn


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32), changes=st.integers(1, 3))
def test_a_mutation_changes_exactly_as_many_decisions(seed: int, changes: int) -> None:
    """Of the decisions that two derivations have in common, the wanted number differ at most, one of one."""
    rng = random.Random(seed)
    expansion = SPACE.expand(prior(rng))
    before = expansion.decisions
    after = mutate(expansion.answers, rng, partial(derive, SPACE), changes=changes)
    assert isinstance(after, Candidate)
    decisions = after.expansion.decisions
    differing = [name for name in before.keys() & decisions.keys() if before[name] != decisions[name]]
    assert 1 <= len(differing) <= changes
    if changes == 1:
        assert len(differing) == 1


def test_a_mutation_reaches_every_neighbour() -> None:
    """Every other option of every decision can come out."""
    space = space_of(GRAMMARS["weights"])
    before = space.expand(lambda _: 0).answers
    rng = random.Random(0)
    seen = set()
    for _ in range(200):
        after = mutate(before, rng, partial(derive, space))
        assert isinstance(after, Candidate)
        seen.add(tuple(after.expansion.decisions.values()))
    assert seen == {("conv(5, 4)", 4), ("identity", 4), ("conv(3, 4)", 8)}


def test_nothing_to_mutate() -> None:
    """A network without decisions cannot be mutated, and says so."""
    space = space_of(GRAMMARS["nothing to choose"])
    after = mutate(space.expand(last).answers, random.Random(0), partial(derive, space))
    assert isinstance(after, Rejection)
    assert after.text == "this network's derivation has no decision with a second option"


def test_a_mutation_into_something_impossible_is_rejected() -> None:
    """A changed decision that derives no network is a rejection, not a crash."""
    space = space_of(GRAMMARS["skip without projection"])
    rng = random.Random(0)
    parent = next(drawn for drawn in iter(lambda: draw(space, rng), None) if isinstance(drawn, Candidate))
    children = [mutate(parent.expansion.answers, rng, partial(derive, space)) for _ in range(50)]
    assert {child.reason for child in children if isinstance(child, Rejection)} == {"shape"}
    assert any(isinstance(child, Candidate) for child in children)


def test_reasons_of_rejection() -> None:
    """A draw is a candidate, or says which bound broke, or where shapes or arguments went wrong."""
    over = derive(space_of(GRAMMARS["alternatives"], params=60), last)
    assert isinstance(over, Candidate)
    over = derive(space_of(GRAMMARS["alternatives"], params=58), last)
    assert isinstance(over, Rejection)
    assert (over.reason, over.text) == ("params", "59 parameters, 1.7 % over 58")
    shape = derive(space_of(GRAMMARS["skip without projection"]), last)
    assert isinstance(shape, Rejection)
    assert shape.reason == "shape"
    assert "skip(project=none) needs equal shapes; the shortcut has 4×6×6, the body gives 8×6×6" in shape.text
    wrong = derive(space_of(GRAMMARS["wrong arguments"]), lambda _: 0)
    assert isinstance(wrong, Rejection)
    assert wrong.reason == "argument"
    assert "channels must be at least 1, but got 0" in wrong.text
