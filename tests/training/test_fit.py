"""`fit`: learns, repeats itself, stops when told, notices divergence, refuses impossible requests."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from budgetnet.errors import RequestError, TrainingError
from budgetnet.training.data.load import Dataset, Images, split_validation
from budgetnet.training.evaluate import evaluate
from budgetnet.training.fit import Curve, Epoch, fit
from budgetnet.training.recipe.reading import read_recipe
from budgetnet.training.recipe.recipe import Recipe

QUICK = Recipe(epochs=6, batch=64, lr=0.3, flip="none", shift=0)


def network(seed: int = 0, dropout: float = 0.0) -> nn.Module:
    """A small convolutional network for 8x8 grey images and ten classes."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 10),
    )


def halves(digits: Dataset) -> tuple[Images, Images]:
    """The digits' train images, split."""
    return split_validation(digits.train, size=287, seed=0)


def numbers(curve: Curve) -> list[tuple[float | None, ...]]:
    """What a curve says apart from times."""
    return [(e.train_loss, e.train_accuracy, e.validation_loss, e.validation_accuracy) for e in curve.epochs]


def test_learns_digits(digits: Dataset) -> None:
    """A few seconds of training reach well over 90 % on images that were not trained on."""
    train, validation = halves(digits)
    model = network()
    curve = fit(model, train, validation, QUICK, seed=0, device="cpu")
    assert len(curve.epochs) == 6
    assert curve.final is not None
    assert curve.final.validation_accuracy is not None
    assert curve.final.validation_accuracy > 0.93
    assert curve.final.train_loss < curve.epochs[0].train_loss
    assert (curve.stopped, curve.diverged, curve.device, curve.threads) == (False, None, "cpu", 1)
    assert curve.images == 6 * (1150 // 64) * 64
    assert not model.training
    again = evaluate(model, validation, device="cpu", precision="float32")
    assert again.accuracy == pytest.approx(curve.final.validation_accuracy, abs=0.02)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "adam"])
@pytest.mark.parametrize("schedule", ["onecycle", "cosine", "plateau", "constant"])
def test_every_optimizer_and_schedule_learns(digits: Dataset, optimizer: str, schedule: str) -> None:
    """All combinations bring the loss down within two epochs."""
    recipe = read_recipe(
        {"optimizer": optimizer, "schedule": schedule, "lr": 0.1 if optimizer == "sgd" else 0.01, "epochs": 2},
        base=QUICK,
    )
    curve = fit(network(), *halves(digits), recipe, seed=0, device="cpu")
    assert curve.epochs[1].train_loss < curve.epochs[0].train_loss < 2.5


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_same_seed_same_curve(digits: Dataset, precision: str) -> None:
    """Everything random follows from the seed, dropout included; other seeds give other curves."""
    train, validation = halves(digits)
    recipe = read_recipe(
        {"precision": precision, "epochs": 2, "flip": "alternating", "shift": 1, "cutout": 2, "ema": 0.9}, base=QUICK
    )
    runs = []
    for seed, disturbance in ((1, 10), (1, 20), (2, 10)):
        model = network(dropout=0.2)
        torch.manual_seed(disturbance)
        runs.append(numbers(fit(model, train, validation, recipe, seed=seed, device="cpu")))
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_global_randomness_is_left_alone(digits: Dataset) -> None:
    """A caller's own random numbers are the same with and without a fit in between."""
    model = network()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    fit(model, digits.train, None, replace(QUICK, epochs=1), seed=0, device="cpu")
    assert torch.equal(torch.rand(3), expected)


def test_on_epoch_sees_every_epoch_and_can_stop(digits: Dataset) -> None:
    """The callback gets each epoch as it ends; False ends the run, None does not."""
    seen: list[Epoch] = []

    def watch(epoch: Epoch) -> bool | None:
        seen.append(epoch)
        return False if epoch.number == 2 else None

    curve = fit(network(), *halves(digits), QUICK, seed=0, device="cpu", on_epoch=watch)
    assert curve.stopped
    assert [epoch.number for epoch in seen] == [1, 2]
    assert tuple(seen) == curve.epochs


def test_what_on_epoch_raises_passes_through(digits: Dataset) -> None:
    """A caller may end a run by its own exception."""

    class EnoughError(Exception):
        pass

    def refuse(epoch: Epoch) -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        fit(network(), digits.train, None, QUICK, seed=0, device="cpu", on_epoch=refuse)


def test_without_validation_the_curve_has_none(digits: Dataset) -> None:
    """Retraining on everything needs no validation images, not even for the plateau schedule."""
    curve = fit(network(), digits.train, None, replace(QUICK, epochs=2, schedule="plateau"), seed=0, device="cpu")
    assert [epoch.validation_accuracy for epoch in curve.epochs] == [None, None]
    assert curve.best_validation_accuracy is None


class Explodes(nn.Module):
    """Gives logits that are not finite from the tenth step on."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = network()
        self.calls = 0

    def forward(self, images: Tensor) -> Tensor:
        """Return the inner logits, at some point divided by zero."""
        self.calls += 1
        logits: Tensor = self.inner(images)
        return logits / (0.0 if self.calls >= 10 else 1.0)


def test_a_loss_that_is_not_finite_ends_the_run(digits: Dataset) -> None:
    """A run on the processor ends with the step in which the loss became NaN or infinite, and says so."""
    model = Explodes()
    curve = fit(model, digits.train, None, QUICK, seed=0, device="cpu")
    assert model.calls == 10
    assert curve.images == 10 * QUICK.batch
    assert curve.epochs == ()
    assert curve.final is None
    assert curve.diverged is not None
    assert "no longer finite in epoch 1" in curve.diverged


def test_muon_and_all_the_rest_learn_and_repeat_themselves(digits: Dataset) -> None:
    """Muon with warmup-stable-decay, mixup, TrivialAugment, lookahead and whitening learns, the same each time."""
    train, validation = halves(digits)
    recipe = replace(
        QUICK, epochs=3, optimizer="muon", muon_lr=0.1, schedule="wsd", mixup=0.2, trivial_augment="ra",
        lookahead=5, lookahead_ramp=3.0, whiten=True, whiten_frozen=1, dirac=True, norm_bias_rate=8.0,
    )  # fmt: skip
    curves = [fit(network(), train, validation, recipe, seed=3, device="cpu") for _ in range(2)]
    assert numbers(curves[0]) == numbers(curves[1])
    last = curves[0].epochs[-1]
    assert last.validation_accuracy is not None
    assert last.validation_accuracy > 0.8
    assert last.validation_accuracy > last.train_accuracy  # of blended and altered images


class Residual(nn.Module):
    """A skip around a body."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = body, None

    def forward(self, x: Tensor) -> Tensor:
        """Add the body's output."""
        y: Tensor = x + self.body(x)
        return y


def residual_network() -> nn.Module:
    """A network with a skip, for images of any size."""
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), Residual(body),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10),
    )  # fmt: skip


SPEEDRUN = replace(
    QUICK, epochs=4, muon_rows=True, optimizer="muon", norm_momentum=0.4, norm_scale="positive", mixup=0.2,
    mixup_until=0.5, stochastic_depth=0.2, average_last=0.3, logit_deviation=0.5, brightness=0.1, contrast=0.1,
    start_size=0.5, full_size_from=0.5, warmup=0.0,
)  # fmt: skip


def test_fields_of_the_speedruns_learn_and_repeat_themselves(digits: Dataset) -> None:
    """All of them at once; smaller images at first, hard labels at last, and the tail's average is what is left."""
    train, validation = halves(digits)
    models = [residual_network() for _ in range(2)]
    curves = [fit(model, train, validation, SPEEDRUN, seed=3, device="cpu") for model in models]
    assert numbers(curves[0]) == numbers(curves[1])
    assert curves[0].final is not None
    assert curves[0].final.validation_accuracy is not None
    assert curves[0].final.validation_accuracy > 0.6
    again = evaluate(models[0], validation, device="cpu", precision="float32")
    assert again.accuracy == pytest.approx(curves[0].final.validation_accuracy, abs=0.02)
    assert (models[0][1].weight > 0).all()


@pytest.mark.parametrize(
    "changed",
    [
        {"norm_momentum": 0.1}, {"norm_scale": "frozen"}, {"mixup_until": 1.0}, {"stochastic_depth": 0.0},
        {"average_last": 0.0}, {"logit_deviation": 0.0}, {"brightness": 0.0}, {"contrast": 0.0}, {"start_size": 1.0},
        {"muon_rows": False},
    ],
    ids=lambda changed: next(iter(changed)),
)  # fmt: skip
def test_each_field_of_the_speedruns_acts(digits: Dataset, changed: dict[str, object]) -> None:
    """Without one of them the run is another one."""
    few = digits.train.take(torch.arange(256))
    recipe = replace(SPEEDRUN, epochs=2)
    with_it = fit(residual_network(), few, few, recipe, seed=0, device="cpu")
    without = fit(residual_network(), few, few, replace(recipe, **changed), seed=0, device="cpu")
    assert numbers(with_it) != numbers(without)


def test_frozen_scales_stay_one_and_learn_again(digits: Dataset) -> None:
    """During the run no scale moves; afterwards the model is as any other."""
    few = digits.train.take(torch.arange(256))
    model = residual_network()
    fit(model, few, None, replace(QUICK, epochs=1, norm_scale="frozen"), seed=0, device="cpu")
    assert torch.equal(model[1].weight, torch.ones(16))
    assert model[1].weight.requires_grad
    assert model[1].bias.abs().max() > 0


def test_muon_gone_wild_ends_with_its_reason(digits: Dataset) -> None:
    """A gradient that is not a number spreads through the orthogonal update, and the run says which rates it had."""
    recipe = replace(QUICK, optimizer="muon", lr=1e38, muon_lr=0.05)
    curve = fit(network(), digits.train, None, recipe, seed=0, device="cpu")
    assert curve.diverged is not None
    assert "no longer finite in epoch 1 (learning rate 1e+38, of Muon's filters 0.05)" in curve.diverged


def test_slow_weights_are_what_is_left(digits: Dataset) -> None:
    """With lookahead, the network after the run is the one that the last validation saw."""
    train, validation = halves(digits)
    model = network()
    recipe = replace(QUICK, epochs=1, lookahead=5, precision="float32")
    curve = fit(model, train, validation, recipe, seed=0, device="cpu")
    assert curve.final is not None
    assert curve.final.train_loss > 0
    found = evaluate(model, validation, device="cpu")
    assert (found.accuracy, found.loss) == (curve.final.validation_accuracy, curve.final.validation_loss)


@pytest.mark.parametrize("optimizer", ["sgd", "muon"])
def test_a_network_stuck_at_chance_is_given_up(optimizer: str) -> None:
    """Labels without relation to the images leave the network at chance, and a third of the epochs is enough."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (600, 1, 8, 8), generator=generator, dtype=torch.uint8)
    images = Images(noise, torch.randint(0, 10, (600,), generator=generator))
    recipe = read_recipe({"optimizer": optimizer, "epochs": 6, "lr": 1e-6, "muon_lr": 1e-6}, base=QUICK)
    curve = fit(network(), images, images, recipe, seed=0, device="cpu")
    said = "After epoch 2 of 6 the network was still no better than chance on validation images: "
    assert (curve.diverged or "").startswith(said)
    assert "% (most frequent class: 11.67 %), balanced" in (curve.diverged or "")
    assert len(curve.epochs) == 2


def test_averaged_weights_are_what_is_left(digits: Dataset) -> None:
    """With averaging, the network after the run is the one that the last validation saw."""
    train, validation = halves(digits)
    model = network()
    recipe = replace(QUICK, epochs=2, ema=0.95, precision="float32")
    curve = fit(model, train, validation, recipe, seed=0, device="cpu")
    assert curve.final is not None
    found = evaluate(model, validation, device="cpu")
    assert (found.accuracy, found.loss) == (curve.final.validation_accuracy, curve.final.validation_loss)
    plain = fit(network(), train, validation, replace(recipe, ema=0), seed=0, device="cpu")
    assert numbers(plain)[-1] != numbers(curve)[-1]
    assert plain.epochs[0].train_loss == curve.epochs[0].train_loss


def test_watched_images_change_nothing(digits: Dataset) -> None:
    """A test curve is looked at: weights, curve and schedule are, bit for bit, those of a run without it."""
    train, validation = halves(digits)
    recipe = replace(QUICK, epochs=2, ema=0.9, schedule="plateau", precision="float32")
    plain_model, seen_model = network(), network()
    plain = fit(plain_model, train, validation, recipe, seed=0, device="cpu")
    seen = fit(seen_model, train, validation, recipe, seed=0, device="cpu", watched=digits.test())
    assert numbers(plain) == numbers(seen)
    assert all(torch.equal(a, b) for a, b in zip(plain_model.parameters(), seen_model.parameters(), strict=True))
    found = evaluate(seen_model, digits.test(), device="cpu")
    assert seen.final is not None
    assert (found.accuracy, found.loss) == (seen.final.watched_accuracy, seen.final.watched_loss)
    assert plain.epochs[0].watched_accuracy is None


def test_fewer_images_than_a_batch(digits: Dataset) -> None:
    """A small set trains in one batch of all images."""
    few = digits.train.take(torch.arange(20))
    curve = fit(network(), few, None, replace(QUICK, epochs=2, batch=512), seed=0, device="cpu")
    assert curve.images == 40


def test_test_images_stay_closed(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> None:
    """Training and validating never opens the test images."""

    def closed() -> Images:
        raise AssertionError

    guarded = replace(digits, open_test=closed)
    fit(network(), *halves(guarded), replace(QUICK, epochs=1), seed=0, device="cpu")


def test_impossible_devices_name_the_legal_ones(digits: Dataset) -> None:
    """A misspelt device is a wrong request and nothing starts."""
    with pytest.raises(RequestError, match="must be one of auto, cpu, cuda, mps or cuda:NUMBER, but got 'gpu'"):
        fit(network(), digits.train, None, QUICK, seed=0, device="gpu")


def test_too_few_images_and_negative_seeds_are_refused(digits: Dataset) -> None:
    """One image gives no batch statistics; seeds start at 0."""
    with pytest.raises(RequestError, match="at least two images, but got 1"):
        fit(network(), digits.train.take(torch.tensor([0])), None, QUICK, seed=0)
    with pytest.raises(RequestError, match="at least 0, but got -1"):
        fit(network(), digits.train, None, QUICK, seed=-1)


class Greedy(nn.Module):
    """Asks for more memory than any machine has."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, images: Tensor) -> Tensor:
        """Fail to take 2**62 bytes."""
        return torch.empty(2**60, device=images.device) * self.weight


def test_running_out_of_memory_is_a_training_error(digits: Dataset) -> None:
    """Torch's allocation failure becomes one message with the next step."""
    with pytest.raises(TrainingError, match=r"memory ran out while training with batch 64 .*; use a smaller batch"):
        fit(Greedy(), digits.train, None, QUICK, seed=0, device="cpu")


def test_a_bug_in_a_network_is_not_swallowed(digits: Dataset) -> None:
    """Errors that are no memory errors pass through as they are."""
    with pytest.raises(RuntimeError, match="expected input"):
        fit(nn.Conv2d(3, 10, 8), digits.train, None, QUICK, seed=0, device="cpu")


def test_losses_are_those_of_the_recipe(digits: Dataset) -> None:
    """Label smoothing raises the train loss floor; validation loss is plain cross-entropy in nats."""
    train, validation = halves(digits)
    start = fit(network(), train, validation, replace(QUICK, epochs=1, lr=1e-9), seed=0, device="cpu").epochs[0]
    assert start.validation_loss == pytest.approx(math.log(10), abs=0.3)
    sharp = fit(network(), train, None, replace(QUICK, epochs=3), seed=0, device="cpu").epochs[-1]
    smooth = fit(network(), train, None, replace(QUICK, epochs=3, label_smoothing=0.3), seed=0, device="cpu").epochs[-1]
    assert smooth.train_loss > sharp.train_loss + 0.3
