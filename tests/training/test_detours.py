"""Detours around slow kernels: the same numbers as without, and nothing left behind."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import conv2d

from budgetnet.training.data import Dataset
from budgetnet.training.detours import detours, drop, merged_groups
from budgetnet.training.fit import Epoch, fit
from budgetnet.training.recipe import Recipe

CHANNELS_LAST = torch.channels_last


def network(*layers: nn.Module) -> nn.Sequential:
    """Layers in training mode, channels-last."""
    return nn.Sequential(*layers).to(memory_format=CHANNELS_LAST).train()  # type: ignore[call-overload, no-any-return]


def gradients(model: nn.Module, images: Tensor, *, aside: bool, dtype: torch.dtype = torch.bfloat16) -> list[Tensor]:
    """The output and all gradients of one pass, with or without detours."""
    images = images.clone().requires_grad_()
    model.zero_grad()
    with detours(model, dtype if aside else torch.float32), torch.autocast("cpu", dtype, dtype == torch.bfloat16):
        output = model(images)
    output.float().square().sum().backward()
    assert images.grad is not None
    found = [output.detach().float(), images.grad, *(p.grad for p in model.parameters() if p.grad is not None)]
    return [each.clone() for each in found]


@settings(deadline=None, max_examples=60)
@given(
    groups=st.integers(1, 24), inputs=st.integers(1, 5), outputs=st.integers(1, 3), kernel=st.integers(1, 5),
    stride=st.integers(1, 2), dilation=st.integers(1, 3),
)  # fmt: skip
def test_merged_groups_compute_the_same(groups, inputs, outputs, kernel, stride, dilation):
    """Filters of merged groups give the same images and the same gradients, and groups are as wide as they can be."""
    torch.manual_seed(0)
    images = torch.randn(2, groups * inputs, 13, 13, dtype=torch.float64)
    weight = torch.randn(groups * outputs, inputs, kernel, kernel, dtype=torch.float64, requires_grad=True)
    merged, fewer = merged_groups(weight, groups)
    assert groups % fewer == 0
    assert merged.shape[1] * fewer == images.shape[1]
    assert merged.shape[1] >= 16 or fewer == 1
    apart = conv2d(images, weight, None, stride, 2, dilation, groups)
    together = conv2d(images, merged, None, stride, 2, dilation, fewer)
    torch.testing.assert_close(together, apart)
    (expected,) = torch.autograd.grad(apart.square().sum(), weight)
    (found,) = torch.autograd.grad(together.square().sum(), weight)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(24, 24, 3, stride=2, padding=1, groups=24),
        nn.Conv2d(24, 24, 5, padding="same", groups=24, bias=False),
        nn.Conv2d(24, 48, 3, padding=2, dilation=2, groups=12),
    ],
)
def test_gradients_are_as_without(layer: nn.Conv2d) -> None:
    """In bfloat16 the detour is no further from float32's gradients than the straight way is."""
    torch.manual_seed(0)
    model = network(layer, nn.BatchNorm2d(layer.out_channels), nn.ReLU())
    images = torch.randn(8, 24, 12, 12).contiguous(memory_format=CHANNELS_LAST)
    exact = gradients(model, images, aside=False, dtype=torch.float32)
    straight, aside = gradients(model, images, aside=False), gradients(model, images, aside=True)
    for reference, one, other in zip(exact, straight, aside, strict=True):
        scale = float(reference.abs().max())
        limit = max(1.5 * float((one - reference).abs().max()), 0.01 * scale, 1e-3)
        assert float((other - reference).abs().max()) <= limit


def test_only_slow_layers_take_a_detour_and_only_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Full and plain depthwise 3x3 convolutions stay, validation goes straight, float32 has no detours."""
    seen: list[int] = []

    def noted(*arguments: object) -> Tensor:
        seen.append(arguments[-1])  # type: ignore[arg-type]
        return conv2d(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("budgetnet.training.detours.conv2d", noted)
    model = network(
        nn.Conv2d(16, 32, 3, padding=1),
        nn.Conv2d(32, 32, 3, padding=1, groups=32),
        nn.Conv2d(32, 32, 3, padding=1, dilation=2, groups=32),
        nn.Conv2d(32, 32, 3, padding=1, groups=2),
        nn.Conv2d(32, 131, 1),
        nn.Conv2d(131, 131, 5, padding=2, groups=131),  # a prime: nothing between each apart and all together
    )
    images = torch.randn(2, 16, 9, 9)
    with detours(model, torch.float32):
        model(images)
    assert seen == []
    with detours(model, torch.bfloat16):
        model(images)
        assert seen == [2]  # of 32 groups
        model.eval()(images)
        assert seen == [2, 32]
    model.train()(images)
    assert seen == [2, 32]


def test_drop_is_dropout() -> None:
    """The wanted share is dropped, the mean is kept, gradients go where activations went, and a seed repeats it."""
    torch.manual_seed(3)
    images = torch.ones(50, 40, 11, 9, dtype=torch.bfloat16).contiguous(memory_format=CHANNELS_LAST).requires_grad_()
    dropped = drop(images, 0.3)
    assert dropped.stride() == images.stride()
    share = float((dropped == 0).float().mean())
    assert abs(share - 0.3) < 5 * (0.3 * 0.7 / images.numel()) ** 0.5
    assert set(dropped.unique().tolist()) == {0.0, torch.tensor(1 / 0.7).bfloat16().item()}
    dropped.backward(torch.full_like(dropped, 2.0))
    assert images.grad is not None
    assert torch.equal(images.grad, 2 * dropped)
    torch.manual_seed(3)
    assert torch.equal(drop(images, 0.3), dropped)
    assert not drop(images, 1 - 1e-9).float().isnan().any()
    for shape in ((3, 7), (5,), (2, 3, 5)):
        odd = drop(torch.ones(shape, dtype=torch.bfloat16), 0.5)
        assert odd.shape == shape
        assert set(odd.unique().tolist()) <= {0.0, 2.0}


def test_dropout_layers_take_the_detour_in_bfloat16_only() -> None:
    """In float32 the layer draws as ever; in eval mode nothing is dropped."""
    model = network(nn.Dropout(0.5))
    images = torch.ones(4, 8, 4, 4)
    with detours(model, torch.bfloat16):
        torch.manual_seed(0)
        aside = model(images)
        assert torch.equal(model.eval()(images), images)
        low = model.train()(images.bfloat16())
    torch.manual_seed(0)
    assert torch.equal(model(images), aside)
    assert set(low.unique().tolist()) == {0.0, 2.0}


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

    assert layouts() == [False, False]  # what the detour is for
    with detours(model, torch.float32):
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
