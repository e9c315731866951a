"""The policy keeps its budget, repeats itself, and finds good networks whatever leads."""

from __future__ import annotations

import numpy as np
import pytest

from budgetnet.search.model.policy import Done, Offered, Plan, Policy, TrainBriefly, TrainInFull, Training
from tests.search.model.worlds import World

PLAN = Plan(brief=2, full=8, epochs=120, seeds=3)


def searched(world: World, seed: int = 0, plan: Plan = PLAN) -> tuple[Done, list[Training]]:
    """Search to the end."""
    return world.search(Policy(plan, world.matrix, reference=world.keys), seed)


def test_it_spends_its_epochs_and_no_more() -> None:
    """It spends its epochs and no more."""
    _, trainings = searched(World())
    spent = sum(PLAN.brief if one.brief else PLAN.full for one in trainings)
    assert PLAN.epochs - PLAN.full < spent <= PLAN.epochs


def test_no_network_is_trained_briefly_twice_nor_in_full_more_often_than_planned() -> None:
    """No network is trained briefly twice nor in full more often than planned."""
    _, trainings = searched(World())
    briefly = [one.key for one in trainings if one.brief]
    fully = [one.key for one in trainings if not one.brief]
    assert len(briefly) == len(set(briefly))
    assert max(map(fully.count, fully)) <= PLAN.seeds


def test_full_trainings_are_spread_and_the_winner_had_one() -> None:
    """Full trainings are spread and the winner had one."""
    done, trainings = searched(World())
    fully = [place for place, one in enumerate(trainings) if not one.brief]
    assert fully[0] < len(trainings) / 3
    assert done.winner in {trainings[place].key for place in fully}
    assert done.why


def test_it_repeats_itself() -> None:
    """It repeats itself."""
    assert searched(World(), 3) == searched(World(), 3)


def test_a_search_that_goes_on_decides_as_if_it_had_never_stopped() -> None:
    """A search that goes on decides as if it had never stopped."""
    world = World()
    _, trainings = searched(world)
    half = trainings[: len(trainings) // 2]
    offered = Offered([key for key in world.keys if key not in {one.key for one in half}])
    lasting = Policy(PLAN, world.matrix, reference=world.keys)
    for end in range(1, len(half)):
        lasting.next(half[:end], lambda _: offered, np.random.default_rng(1))
    new = Policy(PLAN, world.matrix, reference=world.keys)
    decided = [policy.next(half, lambda _: offered, np.random.default_rng(5)) for policy in (lasting, new)]
    assert decided[0] == decided[1]


@pytest.mark.parametrize(("by_size", "bias"), [(0.02, 0.0), (-0.02, 0.0), (0.02, 0.03)])
def test_it_beats_plain_draws_whatever_leads(by_size: float, bias: float) -> None:
    """It beats plain draws whatever leads."""
    regrets, plain = [], []
    for seed in range(4):
        world = World(by_size=by_size, bias=bias, seed=seed)
        done, _ = searched(world, seed)
        assert done.winner is not None
        regrets.append(world.worth.max() - world.worth[world.place[done.winner]])
        plain.append(world.worth.max() - np.median(world.worth))
    assert np.mean(regrets) < 0.5 * np.mean(plain)


def test_running_and_failed_trainings_cost_and_do_not_count() -> None:
    """Running and failed trainings cost and do not count."""
    world = World()
    trainings = [Training(key, brief=True) for key in world.keys[:60]]
    done = Policy(PLAN, world.matrix).next(trainings, lambda _: Offered([]), np.random.default_rng(0))
    assert done == Done(None, "no training gave an accuracy")


def test_an_exhausted_space_ends_in_full_trainings() -> None:
    """An exhausted space ends in full trainings."""
    world = World(count=6)
    rng = np.random.default_rng(0)
    trainings = [world.train(key, rng, brief=True) for key in world.keys]
    action = Policy(PLAN, world.matrix).next(trainings, lambda _: Offered([]), rng)
    assert isinstance(action, TrainInFull)


def test_the_first_training_is_the_largest_on_offer() -> None:
    """The first training is the largest on offer."""
    world = World()
    action = Policy(PLAN, world.matrix).next([], lambda _: Offered(world.keys), np.random.default_rng(0))
    sizes = world.matrix.take(world.keys)[:, world.matrix.names.index("size.params")]
    assert action == TrainBriefly(world.keys[int(np.argmax(sizes))], "the largest on offer")
