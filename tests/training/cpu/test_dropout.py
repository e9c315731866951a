"""Dropout by its two ways: the right share, independent places, the right gradients."""

from __future__ import annotations

import pytest
import torch

from budgetnet.training.cpu.dropout import SPARSE, drop

CHANNELS_LAST = torch.channels_last
HITS, MASK = 0.05, 0.3
assert HITS <= SPARSE < MASK


@pytest.mark.parametrize("probability", [HITS, MASK])
def test_drop_is_dropout(probability: float) -> None:
    """The wanted share is dropped, the mean is kept, gradients go where activations went, and a seed repeats it."""
    torch.manual_seed(3)
    images = torch.ones(50, 40, 11, 9, dtype=torch.bfloat16).contiguous(memory_format=CHANNELS_LAST).requires_grad_()
    dropped = drop(images, probability)
    assert dropped.stride() == images.stride()
    share = float((dropped == 0).float().mean())
    assert abs(share - probability) < 5 * (probability * (1 - probability) / images.numel()) ** 0.5
    assert set(dropped.unique().tolist()) == {0.0, torch.tensor(1 / (1 - probability)).bfloat16().item()}
    dropped.backward(torch.full_like(dropped, 2.0))
    assert images.grad is not None
    assert torch.equal(images.grad, 2 * dropped)
    torch.manual_seed(3)
    assert torch.equal(drop(images, probability), dropped)


@pytest.mark.parametrize("probability", [HITS, MASK])
def test_places_are_dropped_independently(probability: float) -> None:
    """Every channel has its share, and two places fall together as often as their product says."""
    torch.manual_seed(0)
    gone = drop(torch.ones(20_000, 8, dtype=torch.bfloat16), probability) == 0
    limit = 5 * (probability * (1 - probability) / len(gone)) ** 0.5
    assert float((gone.float().mean(dim=0) - probability).abs().max()) < limit
    pairs = gone.float().T @ gone.float() / len(gone)
    between = pairs[~torch.eye(8, dtype=torch.bool)]
    expected = probability**2
    assert float((between - expected).abs().max()) < 5 * (expected * (1 - expected) / len(gone)) ** 0.5


@pytest.mark.parametrize("probability", [HITS, MASK])
def test_gradients_in_another_layout_are_dropped_at_the_same_places(probability: float) -> None:
    """What was dropped is a place of the image, not of the memory that its gradient happens to have."""
    torch.manual_seed(1)
    images = torch.ones(3, 6, 5, 4, dtype=torch.bfloat16).contiguous(memory_format=CHANNELS_LAST).requires_grad_()
    dropped = drop(images, probability)
    (gradient,) = torch.autograd.grad(dropped, images, torch.ones(3, 6, 5, 4, dtype=torch.bfloat16))
    assert torch.equal(gradient, dropped)


@pytest.mark.parametrize("probability", [1e-9, HITS, 0.5, 1 - 1e-9])
@pytest.mark.parametrize("shape", [(3, 7), (5,), (2, 3, 5)])
def test_any_shape_and_share(shape: tuple[int, ...], probability: float) -> None:
    """Activations of any number of dimensions, also few of them, are kept or zero, and never NaN."""
    dropped = drop(torch.ones(shape, dtype=torch.bfloat16), probability)
    assert dropped.shape == shape
    kept = torch.tensor(1 / (1 - min(probability, 1 - 2**-16))).bfloat16().item()
    assert set(dropped.unique().tolist()) <= {0.0, kept}
