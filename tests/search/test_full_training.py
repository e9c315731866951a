"""Training one network in full."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import replace

import pytest
from safetensors.torch import load_file

from budgetnet.errors import DataError, RequestError, StudyError
from budgetnet.network.torch.build import build_nodes
from budgetnet.records.lookup import Found, find
from budgetnet.records.training_folder import read_training
from budgetnet.search import full_training
from budgetnet.search.full_training import train_network
from budgetnet.search.training_plan import TrainingPlan, plan_training
from budgetnet.training.recipe.presets import MUON
from budgetnet.training.recipe.recipe import Recipe
from budgetnet.workers.messages import Job, Setup
from budgetnet.workers.trainer import Bench


@pytest.fixture
def named(by_hand):
    """The network by hand, as the command line finds it."""
    return Found(architecture=by_hand, label="by-hand.yaml")


@pytest.fixture
def planned(by_hand, tmp_path):
    """One short run on digits."""
    recipe = Recipe(epochs=1, batch=64, shift=0, flip="none", precision="float32")
    return TrainingPlan(architecture=by_hand, dataset="digits", recipe=recipe, seeds=1, out=tmp_path / "out")


def test_a_trial_is_trained_as_its_study_trains_finalists(study_path, run_folder):
    """Data set, recipe, number of seeds and place follow from the study; what is given wins."""
    found = find(f"{study_path}:0", out=run_folder)
    planned = plan_training(found)
    assert (planned.dataset, planned.seeds, planned.recipe.epochs) == ("digits", 1, 3)
    assert planned.out == run_folder / "train" / "trial-0"
    assert plan_training(found, seeds=5, epochs=1).recipe.epochs == 1
    assert plan_training(found, seeds=5, epochs=1).seeds == 5


def test_a_file_needs_to_be_told_the_data(named, trials):
    """A network alone does not say on what to train it; a study says, a data set's name says, both are too much."""
    with pytest.raises(RequestError, match=r"say on what to train by-hand\.yaml: --study STUDY, or --dataset"):
        plan_training(named)
    with pytest.raises(RequestError, match="the data set follows from the study tiny; leave --dataset out"):
        plan_training(named, study=trials.study, dataset="digits")
    with pytest.raises(DataError, match="no data set 'digit'; did you mean 'digits'"):
        plan_training(named, dataset="digit")
    assert plan_training(named, study=trials.study).recipe == trials.study.finalists.training
    assert plan_training(named, study=trials.study, recipe="muon", epochs=3).recipe == replace(MUON, epochs=3)
    with pytest.raises(StudyError, match=r"preset must be one of .*, but got 'moun'; did you mean 'muon'"):
        plan_training(named, dataset="digits", recipe="moun")
    assert plan_training(named, dataset="digits").out.parts == ("runs", "train", "by-hand")


def test_a_run_is_recorded_kept_and_gone_on_with(planned, by_hand):
    """Weights fit the built network; a second call trains only what is missing."""
    said: list[str] = []
    first = train_network(planned, say=said.append, device="cpu", threads=1)
    assert first.score.n == 1
    assert first.runs[0].threads == 1
    assert first.runs[0].test_images == 360
    assert read_training(planned.out) == first
    reading = first.runs[0].reading
    assert sum(map(sum, reading.confusion)) == 360
    assert first.runs[0].test_accuracy == sum(reading.confusion[k][k] for k in range(10)) / 360
    assert [mistake.file for mistake in reading.mistakes] == [None] * 25
    assert len(first.runs[0].train_accuracies) == 1
    build_nodes(by_hand.network, by_hand.input_shape).load_state_dict(load_file(planned.out / first.runs[0].weights))
    assert said[0] == "data digits: 1,437 train images, 360 for testing; 1×8×8"
    assert any(
        re.fullmatch(r"seed 0: epoch 1 of 1: train loss \d+\.\d{4}, accuracy \d+\.\d\d %", text) for text in said
    )
    again = train_network(planned, say=said.append, device="cpu")
    assert again == first
    assert said[-1].endswith("holds 1 of these runs already; 0 are left to do")

    with pytest.raises(RequestError, match="holds a training with another recipe; choose another folder"):
        train_network(replace(planned, recipe=Recipe(epochs=2)), say=said.append, device="cpu")
    other = replace(by_hand, network=replace(by_hand.network, items=by_hand.network.items[2:]))
    with pytest.raises(RequestError, match="holds a training with another network or data set"):
        train_network(replace(planned, architecture=other), say=said.append, device="cpu")


def test_a_run_that_is_interrupted_goes_on_within_it(planned, by_hand):
    """After SIGTERM the same command continues from the last checkpoint, to the result of an undisturbed run."""
    # So many epochs that a slow machine hears the signal before the last of them.
    planned = replace(planned, recipe=replace(planned.recipe, epochs=15), checkpoint=1e-9)

    def end(text: str) -> None:
        if "epoch 2 of 15" in text:
            os.kill(os.getpid(), signal.SIGTERM)

    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        train_network(planned, say=lambda text: (said.append(text), end(text)), device="cpu", threads=1)
    assert said[-1] == "interrupted with 1 run to do; the same command goes on"
    assert [path.name for path in planned.out.iterdir()] == ["seed-0.checkpoint"]
    (run,) = train_network(planned, say=print, device="cpu", threads=1).runs
    assert len(run.resumed) == 1
    assert run.resumed[0] >= 1
    assert read_training(planned.out).runs[0].resumed == run.resumed
    assert (planned.out / "seed-0.safetensors").exists()
    assert not (planned.out / "seed-0.checkpoint").exists()

    bench = Bench(Setup(dataset="digits", validation=0.1, seed=0, device="cpu"))
    calm = bench.train(Job(network=by_hand.network, recipe=planned.recipe, seed=0, final=True), lambda *_: True)
    assert (run.train_losses, run.test_accuracy, run.test_loss) == (
        calm.train_losses, calm.test_accuracy, calm.test_loss,
    )  # fmt: skip


def test_a_network_for_other_images_is_refused(planned, by_hand):
    """Shape and number of classes are compared before anything is loaded."""
    wide = replace(by_hand, input_shape=(3, 32, 32))
    with pytest.raises(
        RequestError, match="takes images of 3×32×32 and has 10 classes, but digits has images of 1×8×8"
    ):
        train_network(replace(planned, architecture=wide), say=print)


def test_an_unknown_device_is_refused(planned):
    """Before any worker starts."""
    with pytest.raises(RequestError, match="device must be one of"):
        train_network(planned, device="gpu", say=print)


def test_a_place_that_cannot_be_written_to_is_refused_before_training(planned, tmp_path, monkeypatch):
    """An hour of training must not be what finds out."""
    monkeypatch.setattr(full_training, "Pool", None)  # no worker may be started
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file" / "folder", tmp_path / "file"):
        with pytest.raises(RequestError, match=r"cannot be written to .*choose another place with --out"):
            train_network(replace(planned, out=place), say=print, device="cpu")


def test_images_are_held_out_where_it_is_asked_for(planned):
    """The split of a search, curves of loss and accuracy, and another folder for trainings on all images."""
    said: list[str] = []
    (run,) = train_network(replace(planned, held_out=True), device="cpu", threads=1, say=said.append).runs
    assert (run.trained_on, run.judged_by) == ("train", "test")
    assert len(run.validation_losses) == len(run.validation_accuracies) == run.epochs == 1
    assert any(re.search(r"; held out loss \d+\.\d{4}, accuracy \d+\.\d\d %", text) for text in said)
    assert read_training(planned.out).runs[0].validation_losses == run.validation_losses
    bench = Bench(Setup(dataset="digits", validation=0.1, seed=0, device="cpu"))
    searched = bench.train(Job(network=planned.architecture.network, recipe=planned.recipe, seed=0), lambda *_: True)
    assert searched.validation_accuracies == run.validation_accuracies
    with pytest.raises(RequestError, match="holds a training with other train images; choose another folder"):
        train_network(planned, device="cpu", say=print)


def test_a_studys_validation_images_are_the_ones_held_out(named, trials):
    """A search and a held-out training split alike."""
    plan = plan_training(named, study=replace(trials.study, validation=0.25), held_out=True)
    assert (plan.held_out, plan.validation, plan.split_seed) == (True, 0.25, trials.study.search.seed)


def test_a_test_curve_is_recorded_where_it_is_asked_for(planned):
    """After each epoch, ending with the test accuracy itself; the images of mistakes are kept beside the weights."""
    training = train_network(replace(planned, test_curve=True), device="cpu", threads=1, say=[].append)
    (run,) = training.runs
    assert run.test_accuracies[-1] == run.test_accuracy
    assert len(run.test_losses) == run.epochs == 1
    again = read_training(planned.out)
    assert again.runs[0].test_accuracies == run.test_accuracies
    assert (planned.out / "seed-0.mistakes.png").is_file()
