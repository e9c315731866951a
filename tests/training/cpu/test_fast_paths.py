"""Fast paths around slow kernels: the same numbers as without, and nothing left behind."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from budgetnet.training.cpu.fast_paths import fast_paths
from budgetnet.training.data.load import Dataset
from budgetnet.training.fit import Epoch, fit
from budgetnet.training.recipe.recipe import Recipe

CHANNELS_LAST = torch.channels_last


def network(*layers: nn.Module) -> nn.Sequential:
    """Layers in training mode, channels-last."""
    return nn.Sequential(*layers).to(memory_format=CHANNELS_LAST).train()  # type: ignore[call-overload, no-any-return]


def gradients(model: nn.Module, images: Tensor, *, aside: bool, dtype: torch.dtype = torch.bfloat16) -> list[Tensor]:
    """The output and all gradients of one pass, with or without fast paths."""
    images = images.clone().requires_grad_()
    model.zero_grad()
    with (
        fast_paths(model, dtype) if aside else nullcontext(),
        torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16),
    ):
        output = model(images)
    output.float().square().sum().backward()
    assert images.grad is not None
    found = [output.detach().float(), images.grad, *(p.grad for p in model.parameters() if p.grad is not None)]
    return [each.clone() for each in found]


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(24, 24, 3, stride=2, padding=1, groups=24),
        nn.Conv2d(24, 24, 5, padding="same", groups=24, bias=False),
        nn.Conv2d(24, 48, 3, padding=2, dilation=2, groups=12),
    ],
)
def test_gradients_are_as_without(layer: nn.Conv2d) -> None:
    """In bfloat16 the fast path is no further from float32's gradients than torch itself; in float32 it gives them."""
    torch.manual_seed(0)
    model = network(layer, nn.BatchNorm2d(layer.out_channels), nn.ReLU())
    images = torch.randn(8, 24, 12, 12).contiguous(memory_format=CHANNELS_LAST)
    exact = gradients(model, images, aside=False, dtype=torch.float32)
    straight, aside = gradients(model, images, aside=False), gradients(model, images, aside=True)
    for reference, one, other in zip(exact, straight, aside, strict=True):
        scale = float(reference.abs().max())
        limit = max(1.5 * float((one - reference).abs().max()), 0.01 * scale, 1e-3)
        assert float((other - reference).abs().max()) <= limit
    for reference, other in zip(exact, gradients(model, images, aside=True, dtype=torch.float32), strict=True):
        torch.testing.assert_close(other, reference, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=["bfloat16", "float32"])
def test_dropout_layers_take_the_detour_where_it_is_right(dtype: torch.dtype) -> None:
    """Activations of another type and parts of the channels are torch's; in eval mode nothing is dropped."""
    model = network(nn.Dropout(0.5))
    whole = torch.ones(4, 8, 4, 4, dtype=dtype).contiguous(memory_format=CHANNELS_LAST)
    other = torch.ones(4, 8, 4, 4, dtype=torch.float16)

    def drawn(images: Tensor) -> Tensor:
        torch.manual_seed(0)
        dropped: Tensor = model(images)
        return dropped

    straight = [drawn(images) for images in (whole, whole[:, 2:5], other)]
    with fast_paths(model, dtype):
        aside = [drawn(images) for images in (whole, whole[:, 2:5], other)]
        assert torch.equal(model.eval()(whole), whole)
    assert [torch.equal(one, two) for one, two in zip(straight, aside, strict=True)] == [False, True, True]
    assert set(aside[0].unique().tolist()) == {0.0, 2.0}


class Look(torch.autograd.Function):
    """Passes activations on, and notes the layout of the gradient that comes back."""

    seen: ClassVar[list[bool]] = []

    @staticmethod
    def forward(_ctx: object, activations: Tensor) -> Tensor:
        """Change nothing."""
        return activations.view_as(activations)

    @staticmethod
    def backward(_ctx: object, gradient: Tensor) -> Tensor:
        """Note the layout."""
        Look.seen.append(gradient.is_contiguous(memory_format=CHANNELS_LAST))
        return gradient


class Norm(nn.BatchNorm2d):
    """A batch norm that shows the gradient its backward pass gets."""

    def forward(self, images: Tensor) -> Tensor:
        """Normalise."""
        looked: Tensor = Look.apply(super().forward(images))
        return looked


class Skip(nn.Module):
    """A residual block whose gradient comes through the sum as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), Norm(8))

    def forward(self, images: Tensor) -> Tensor:
        """Add the body."""
        added: Tensor = images + self.body(images)
        return added


def test_gradients_reach_norms_channels_last() -> None:
    """A mean over positions gives gradients of another layout; norms behind skips get them as they want them."""
    model = network(Skip(), Skip(), nn.AdaptiveAvgPool2d(1))
    images = torch.randn(4, 8, 6, 6).contiguous(memory_format=CHANNELS_LAST)

    def layouts() -> list[bool]:
        Look.seen = []
        model(images).sum().backward()
        return Look.seen

    assert layouts() == [False, False]  # the case that the fast path is for
    with fast_paths(model, torch.float32):
        assert layouts() == [True, True]
    assert layouts() == [False, False]


def test_fit_leaves_nothing_behind(digits: Dataset) -> None:
    """After training, also one that ends in an error, layers are torch's own again."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Dropout(0.1),
        nn.Conv2d(16, 16, 5, padding=2, groups=16), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(16, 10),
    )  # fmt: skip
    recipe = Recipe(epochs=1, batch=64, shift=0, flip="none", precision="bfloat16")
    own = [set(vars(module)) for module in model.modules()]

    def fail(_epoch: Epoch) -> bool:
        raise OSError("the disk is full")

    fit(model, digits.train, None, recipe, seed=0, device="cpu")
    with pytest.raises(OSError, match="the disk is full"):
        fit(model, digits.train, None, replace(recipe, epochs=2), seed=0, device="cpu", on_epoch=fail)
    assert [set(vars(module)) for module in model.modules()] == own
    assert not any(module._forward_hooks for module in model.modules())


def test_validation_sees_the_same_network() -> None:
    """Without gradients, a network computes by fast paths what it computes without, but for rounding."""
    torch.manual_seed(0)
    model = network(nn.Conv2d(24, 48, 3, padding=2, dilation=2, groups=12), nn.BatchNorm2d(48)).eval()
    images = torch.randn(8, 24, 12, 12).contiguous(memory_format=CHANNELS_LAST)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        straight = model(images)
        with fast_paths(model, torch.bfloat16):
            aside = model(images)
    assert aside.dtype == straight.dtype
    torch.testing.assert_close(aside, straight, rtol=0.02, atol=0.02)
