"""Fine-tuning against rounding: the rounded network is the int8 one, and the better of two is kept."""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import replace

import pytest
import torch
from torch import nn

import budgetnet as bn
from budgetnet.errors import RequestError
from budgetnet.export import export as export_module
from budgetnet.export.export import export_trial
from budgetnet.export.folder import INT8, ONNX
from budgetnet.export.formats import exported_program, write_onnx
from budgetnet.export.int8 import fine_tune as module
from budgetnet.export.int8 import rounding
from budgetnet.export.int8.fine_tune import fine_tune, quantise_aware
from budgetnet.export.int8.quantise import calibration_images, quantise, run_onnx
from budgetnet.export.int8.rounding import RoundedNetwork
from budgetnet.training.data.images import Images

TEXT = """
    conv(3, 8, act=silu) skip(conv(3, 8)) maxpool conv(3, 8, order="conv norm act")
    parallel(dwconv(3), conv(1, 4), join=concat) se(2) gap linear(classes)
"""
RECIPE = {"flip": "random", "shift": 1, "padding": "reflect"}


@pytest.fixture(scope="module")
def images():
    """Noise, with labels."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (160, 3, 12, 12), dtype=torch.uint8, generator=generator)
    return Images(pixels, torch.randint(0, 4, (160,), generator=generator))


@pytest.fixture(scope="module")
def network(images):
    """A network with statistics of its own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = bn.build(bn.parse_network(TEXT, input=(3, 12, 12), classes=4)).train()
        for part in model.modules():
            if isinstance(part, nn.BatchNorm2d):
                nn.init.uniform_(part.weight, 0.3, 1.5)
                nn.init.uniform_(part.bias, -0.5, 0.5)
        with torch.no_grad():
            for _ in range(20):
                model(calibration_images(images))
        return model.eval()


@pytest.fixture(scope="module")
def written(network, images, tmp_path_factory):
    """The folder of the network in float32 and in int8."""
    place = tmp_path_factory.mktemp("onnx")
    program = exported_program(network, calibration_images(images)[:2])
    write_onnx(program, place / ONNX, name="small", classes=list("abcd"))
    quantise(place / ONNX, place / INT8, images)
    return place


def test_it_rounds_as_the_int8_network_does(network, images, written):
    """The two are nearer to each other than either is to the float network."""
    inputs = calibration_images(images)
    int8 = torch.from_numpy(run_onnx(written / INT8, inputs.numpy()))
    with torch.no_grad():
        floats, rounded = network(inputs), RoundedNetwork(copy.deepcopy(network), inputs)(inputs)
    assert (rounded - int8).abs().mean() < 0.9 * (floats - int8).abs().mean()
    assert (rounded - floats).abs().mean() > 0.5 * (floats - int8).abs().mean()


def test_values_are_rounded_where_kernels_write_them(network, images):
    """Once per kernel: not between a convolution and its norm or ReLU, nor where values only move."""
    rounded = RoundedNetwork(copy.deepcopy(network), calibration_images(images))
    places = [name.removeprefix("range_") for name, _ in rounded.graph.named_children() if name.startswith("range_")]
    kinds = [place.rstrip("0123456789").rstrip("_") for place in places]
    assert "conv2d" in kinds  # the one in front of the gate's sigmoid
    assert not {"max_pool2d", "flatten"} & set(kinds)
    assert kinds.count("batch_norm") == 1  # in front of SiLU, which is a kernel of its own
    assert {"input", "silu", "add", "cat", "sigmoid", "mul", "linear"} <= set(kinds)


def test_fine_tuning_brings_the_rounded_network_nearer(network, images, monkeypatch):
    """With few steps, so that rounding costs much; the network stays as it was, and so do the norms' statistics."""
    monkeypatch.setattr(rounding, "_STEPS", 15)
    monkeypatch.setattr(rounding, "_WEIGHT_STEPS", 3)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    inputs, heard = calibration_images(images), []
    tuned = fine_tune(network, images, inputs, epochs=20, recipe=RECIPE, say=heard.append)
    assert len(heard) == 20
    assert heard[0].startswith("fine-tuning, epoch 1 of 20: ")
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    changed = [name for name, tensor in tuned.state_dict().items() if not torch.equal(tensor, before[name])]
    assert "0.weight" in changed
    assert not [name for name in changed if "running" in name]
    with torch.no_grad():
        wanted = network(inputs).softmax(dim=1)
        off = [
            (RoundedNetwork(copy.deepcopy(model), inputs)(inputs).softmax(dim=1) - wanted).abs().mean()
            for model in (network, tuned)
        ]
    assert off[1] < off[0]


def test_nothing_is_trained_where_rounding_costs_little(network, images, written, tmp_path, monkeypatch):
    """It is said what it costs."""
    monkeypatch.setattr(module, "fine_tune", None)
    monkeypatch.setattr(module, "ROUNDING_LIMIT", 1.0)
    heard = []
    found = run(network, images, written, tmp_path, heard)
    assert heard[0].startswith("rounding costs ")
    assert heard[0].endswith(" points on 32 train images")
    assert (found.fine_tuning.epochs, found.fine_tuning.kept) == (0, False)
    assert found.method.startswith("post-training, static")


@pytest.mark.parametrize("better", [True, False])
def test_the_better_of_two_is_kept(network, images, written, tmp_path, monkeypatch, better):
    """By the judging images; the file and what is said of it belong together."""
    accuracies = iter([0.9, 0.5, 0.7 if better else 0.5])
    monkeypatch.setattr(module, "_accuracy", lambda *_: next(accuracies))
    found = run(network, images, written, tmp_path, [])
    told = found.fine_tuning
    assert (told.float_accuracy, told.rounded_accuracy, told.kept) == (0.9, 0.5, better)
    assert (told.epochs, found.bytes) == (1, (tmp_path / INT8).stat().st_size)
    assert found.method.startswith("quantisation-aware fine-tuning of 1 epoch, then" if better else "post-training")
    same = (tmp_path / INT8).read_bytes() == (written / INT8).read_bytes()
    assert same is not better
    assert (told.rounded_file is not None) is better
    assert "rounded_file" not in json.loads(json.dumps(found.document()))["fine_tuning"]


def run(network, images, written, place, heard):
    """Quantise with one epoch of fine-tuning where it is needed."""
    told = {"epochs": 1, "recipe": RECIPE, "name": "small", "classes": list("abcd"), "say": heard.append}
    return quantise_aware(network, written / ONNX, place / INT8, images, **told)


def test_an_export_says_what_fine_tuning_did(trials, tmp_path, exported, monkeypatch):
    """Record and card have the accuracies with and without it."""

    def copied(_, __, place, ___, **____):
        shutil.copyfile(exported.folder / ONNX, place / ONNX)

    def better(*given, **more):
        found = module.quantise(given[1], given[2], given[3])
        tuned = module.FineTuning(
            epochs=more["epochs"],
            judging_images=200,
            float_accuracy=0.9,
            rounded_accuracy=0.5,
            tuned_accuracy=0.8,
            kept=True,
            seconds=1.0,
            rounded_file=given[2].read_bytes(),
        )
        return replace(found, fine_tuning=tuned)

    monkeypatch.setattr(export_module, "write_formats", copied)
    monkeypatch.setattr(export_module, "quantise_aware", better)
    written = export_trial(trials, out=tmp_path / "out", formats="onnx", int8=True, fine_tune=2)
    told = json.loads((written.folder / "record.json").read_text())["int8"]
    assert told["fine_tuning"]["rounded_test_accuracy"] == told["test_accuracy"]
    card = (written.folder / "README.md").read_text()
    assert f"; fine-tuned against rounding for 2 epochs; without: {100 * told['test_accuracy']:.2f} %" in card


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fine_tune": 2}, "--fine-tune is for the network in int8, but --int8 is missing; write --int8, too"),
        ({"fine_tune": 0, "int8": True}, "--fine-tune must be at least 1 epoch, but got 0; leave it out to train"),
    ],
)
def test_a_fine_tuning_that_would_do_nothing_is_refused(trials, options, message):
    """Before anything is written."""
    with pytest.raises(RequestError, match=message):
        export_trial(trials, **options)
