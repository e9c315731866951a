"""Recipes compared in pairs: what is asked, when a difference is decided, and what is kept."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from budgetnet.calibrate import campaign
from budgetnet.calibrate.events import CalibrationEnded, RolesDecided, RunDone
from budgetnet.calibrate.recipes.plan import OWN, recipe_plan, recipe_text
from budgetnet.calibrate.recipes.run import RECIPES_FILE, recorded_recipes, run_recipes
from budgetnet.calibrate.recipes.text import recipes_document, recipes_text
from budgetnet.calibrate.recipes.verdict import ERROR, compare_recipes, decided_recipes, spent
from budgetnet.errors import RequestError, StudyError
from tests.calibrate.calibrations import network, run
from tests.search.helpers import Threads

NETWORKS = [network(index) for index in range(8)]


@pytest.fixture
def study(make_study):
    """A small study whose finalists train for two epochs."""
    return make_study(finalists="{top: 2, seeds: 2, epochs: 2}")


def made(plan, gains, networks=NETWORKS, spread=0.0):
    """Trainings in which each recipe adds its gain to a network's worth, and chance adds its own."""
    runs = []
    for task in plan.tasks(networks):
        rng = random.Random(task.seed)
        worth = 0.5 + 0.02 * task.network.index + rng.gauss(0, 0.05)
        own = random.Random(f"{task.role} {task.seed}").gauss(0, spread)
        runs.append(run(task, [0.1, worth + gains.get(task.role, 0.0) + own]))
    return runs


def test_the_presets_where_nothing_is_tried(study):
    """All at the finalists' epochs, in pairs of equal seed; the own recipe first, network by network."""
    plan = recipe_plan(study)
    assert list(plan.recipes) == [OWN, "preset=default", "preset=muon", "preset=hand-made"]
    assert {recipe.epochs for recipe in plan.recipes.values()} == {2}
    tasks = plan.tasks(NETWORKS[:2])
    assert [task.role for task in tasks] == [*plan.recipes, *plan.recipes]
    assert len({task.seed for task in tasks[:4]}) == 1
    assert tasks[0].seed != tasks[4].seed
    assert recipe_plan(study, epochs=5).recipes["preset=muon"].epochs == 5


def test_a_recipe_changes_the_own_one_or_a_preset(study):
    """What is not named stays; the text is a section of a study file."""
    plan = recipe_plan(study, ["mixup=20%, ema=0.9", "preset=muon,lr=0.1"])
    own, changed, muon = plan.recipes.values()
    assert changed == replace(own, mixup=0.2, ema=0.9)
    assert (muon.optimizer, muon.lr, muon.epochs) == ("muon", 0.1, own.epochs)
    assert recipe_text("preset=muon,lr=0.1") == "{preset: muon, lr: 0.1}"


@pytest.mark.parametrize(
    ("tries", "changes", "error", "message"),
    [
        ([], {"networks": 2}, RequestError, "--networks must be at least 3 to see a spread, but got 2"),
        (["mixup"], {}, RequestError, "--try must be KEY=VALUE,KEY=VALUE, each key once, but got 'mixup'; write"),
        (["lr=1,lr=2"], {}, RequestError, "each key once, but got 'lr=1,lr=2'"),
        (["epochs=3"], {}, RequestError, "--try must leave the epochs alone, but got 'epochs=3'"),
        (["ema=0.9", "ema=0.90"], {}, RequestError, "but ema=0.90 is the same as ema=0.9"),
        (["label_smoothing=0"], {}, RequestError, "is the same as the study's own recipe"),
        (["mixupp=0.2"], {}, RequestError, "--try must name keys of a recipe, but got 'mixupp'.*did you mean 'mixup'"),
        (["lr=-1"], {}, StudyError, "lr must be"),
    ],
)
def test_comparisons_that_say_nothing(study, tries, changes, error, message):
    """Each is refused with the option's or the key's name."""
    with pytest.raises(error, match=message):
        recipe_plan(study, tries, **changes)


def test_a_clear_difference_is_decided_early(study):
    """A gain far above its spread stops after a few networks, one way or the other; what is alike goes on."""
    plan = recipe_plan(study, ["ema=0.9", "mixup=0.2", "lr=0.3"])
    runs = made(plan, {"ema=0.9": 0.05, "mixup=0.2": -0.05}, spread=0.002)
    better, worse, alike = compare_recipes(plan, NETWORKS, runs)
    assert (better.verdict, worse.verdict) == ("better", "worse")
    assert 3 <= better.n < 8
    assert better.mean == pytest.approx(0.05, abs=0.01)
    assert alike.verdict in ("undecided", "no gain")
    assert {"ema=0.9", "mixup=0.2"} <= decided_recipes(plan, NETWORKS, runs)
    few = [one for one in runs if one.index < 2]
    assert {one.verdict for one in compare_recipes(plan, NETWORKS, few)} == {"undecided"}
    assert decided_recipes(plan, NETWORKS, few) == frozenset()


def test_no_gain_worth_taking(study):
    """A difference that surely stays below the margin ends the recipe, and with the last one the own recipe."""
    plan = recipe_plan(study, ["ema=0.9"], margin=0.01)
    runs = made(plan, {"ema=0.9": 0.001}, spread=0.0005)
    (one,) = compare_recipes(plan, NETWORKS, runs)
    assert one.verdict in ("no gain", "better")
    assert decided_recipes(plan, NETWORKS, runs) == {OWN, "ema=0.9"}


def test_the_order_of_ends_has_no_influence(study):
    """A network counts when all before it are there, so a later one cannot decide alone."""
    plan = recipe_plan(study, ["ema=0.9"])
    runs = made(plan, {"ema=0.9": 0.05}, spread=0.01)
    late = [one for one in runs if one.index != 0]
    assert compare_recipes(plan, NETWORKS, late)[0].n == 0
    shuffled = random.Random(0).sample(runs, len(runs))
    assert compare_recipes(plan, NETWORKS, shuffled) == compare_recipes(plan, NETWORKS, runs)


def test_trainings_that_break_down(study):
    """The own recipe's takes its network out; another recipe's ends it."""
    plan = recipe_plan(study, ["ema=0.9"])
    runs = made(plan, {"ema=0.9": 0.05}, spread=0.002)
    first = next(one for one in runs if one.index == 0 and one.role == OWN)
    without = [replace(one, diverged="loss is not finite") if one is first else one for one in runs]
    (whole,), (shorter,) = (compare_recipes(plan, NETWORKS, some) for some in (runs, without))
    assert shorter.verdict == "better"
    assert whole.differences[0] not in shorter.differences
    broken = [
        replace(one, diverged="loss is not finite") if (one.index, one.role) == (1, "ema=0.9") else one for one in runs
    ]
    assert compare_recipes(plan, NETWORKS, broken)[0].verdict == "diverged"


def test_looks_together_are_wrong_as_often_as_stated():
    """Shares add up to the error; of recipes that change nothing, no more than that are called better or worse."""
    for looks in (1, 6, 10):
        assert sum(spent(look, looks) for look in range(1, looks + 1)) == pytest.approx(ERROR)
    assert spent(1, 6) < spent(6, 6)


def test_false_differences_are_rare(study):
    """Simulated: 400 recipes without an effect, each looked at up to six times."""
    plan = recipe_plan(study, ["ema=0.9"], margin=0.0)
    tasks = plan.tasks(NETWORKS)
    rng = random.Random(1)
    wrong = 0
    for _ in range(400):
        runs = [run(task, [0.1, 0.5 + rng.gauss(0, 0.01)]) for task in tasks]
        wrong += compare_recipes(plan, NETWORKS, runs)[0].verdict != "undecided"
    assert wrong <= 400 * ERROR * 1.6  # 3 standard deviations above 5 %


def test_trained_kept_and_gone_on_with(study, tmp_path, monkeypatch):
    """Real trainings on the digits: what a first call has trained, a second one does not train again."""
    monkeypatch.setattr(campaign, "Pool", _pool(study))
    plan = recipe_plan(study, ["lr=1e30"], networks=3, epochs=1)
    events = []
    found = run_recipes(study, plan, out=tmp_path, workers=1, listen=events.append)
    assert [one.verdict for one in found.comparisons] == ["diverged"]
    assert (found.missing, found.ended, found.best) == (0, "complete", None)
    assert len(found.runs) < 6
    assert [event.names for event in events if isinstance(event, RolesDecided)]
    assert len([event for event in events if isinstance(event, RunDone)]) == len(found.runs)
    text = "\n".join(recipes_text(found))
    assert "lr=1e30: training was given up" in text
    assert "Keep the study's own recipe: none of these is better." in text
    again = run_recipes(study, plan, out=tmp_path, workers=1, listen=events.append)
    assert again.runs == found.runs
    assert isinstance(events[-1], CalibrationEnded)
    assert recorded_recipes(study, plan, out=tmp_path).comparisons == found.comparisons
    assert json.loads((tmp_path / RECIPES_FILE).read_text().splitlines()[0])["kind"] == "calibration"
    with pytest.raises(RequestError, match=r"made with other settings(.|\n)*seed: 0 → 1"):
        recorded_recipes(study, replace(plan, seed=1), out=tmp_path)


def _pool(study):
    class Here(Threads):
        def __init__(self, _, count, **more):
            super().__init__(study, count)
            del more

        def stop(self):
            """Nothing is to be stopped."""

    return Here


def test_what_is_said(study):
    """The table has signs, the advice the study's line; JSON has fractions."""
    from budgetnet.calibrate.recipes.run import ComparedRecipes

    plan = recipe_plan(study, ["ema=0.9", "mixup=0.2"])
    runs = made(plan, {"ema=0.9": 0.05, "mixup=0.2": -0.05}, spread=0.002)
    found = ComparedRecipes(
        study=study,
        plan=plan,
        folder=study.run_folder(None),
        networks=tuple(NETWORKS),
        runs=tuple(runs),
        comparisons=tuple(compare_recipes(plan, NETWORKS, runs)),
        missing=0,
        ended="complete",
    )
    text = "\n".join(recipes_text(found))
    assert "Take ema=0.9: it is better by 5.24 ± 0.08 points (n = 4). In the study file:" in text
    assert "  finalists: {ema: 0.9}" in text
    assert "+" in text
    assert "worse" in text
    document = recipes_document(found)
    assert document["best"] == "ema=0.9"
    assert document["recipes"][0]["mean"] == pytest.approx(0.05, abs=0.01)
    assert document["recipes"][0]["recipe"]["ema"] == 0.9
