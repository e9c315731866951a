"""Dropout by its two ways: the right share, independent places, the right gradients."""

from __future__ import annotations

import pytest
import torch

from budgetnet.training.cpu.dropout import SPARSE, drop

CHANNELS_LAST = torch.channels_last
HITS, MASK = 0.05, 0.3
assert HITS <= SPARSE < MASK
types = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=["bfloat16", "float32"])


def kept(probability: float, dtype: torch.dtype) -> float:
    """What a one that is kept becomes; shares above `SPARSE` are taken in steps of 1/65,536."""
    share = probability if probability <= SPARSE else round(probability * 2**16) / 2**16
    return torch.tensor(1 / (1 - share)).to(dtype).item()


@types
@pytest.mark.parametrize("probability", [HITS, MASK])
def test_drop_is_dropout(probability: float, dtype: torch.dtype) -> None:
    """The wanted share is dropped, the mean is kept, gradients go where activations went, and a seed repeats it."""
    torch.manual_seed(3)
    images = torch.ones(50, 40, 11, 9, dtype=dtype).contiguous(memory_format=CHANNELS_LAST).requires_grad_()
    dropped = drop(images, probability)
    assert dropped.stride() == images.stride()
    share = float((dropped == 0).float().mean())
    assert abs(share - probability) < 5 * (probability * (1 - probability) / images.numel()) ** 0.5
    assert set(dropped.unique().tolist()) == {0.0, kept(probability, dtype)}
    dropped.backward(torch.full_like(dropped, 2.0))
    assert images.grad is not None
    assert torch.equal(images.grad, 2 * dropped)
    torch.manual_seed(3)
    assert torch.equal(drop(images, probability), dropped)


@types
@pytest.mark.parametrize("probability", [HITS, MASK])
def test_places_are_dropped_independently(probability: float, dtype: torch.dtype) -> None:
    """Every channel has its share, and two places fall together as often as their product says."""
    torch.manual_seed(0)
    gone = drop(torch.ones(20_000, 8, dtype=dtype), probability) == 0
    limit = 5 * (probability * (1 - probability) / len(gone)) ** 0.5
    assert float((gone.float().mean(dim=0) - probability).abs().max()) < limit
    pairs = gone.float().T @ gone.float() / len(gone)
    between = pairs[~torch.eye(8, dtype=torch.bool)]
    expected = probability**2
    assert float((between - expected).abs().max()) < 5 * (expected * (1 - expected) / len(gone)) ** 0.5


@types
@pytest.mark.parametrize("probability", [HITS, MASK])
def test_gradients_in_another_layout_are_dropped_at_the_same_places(probability: float, dtype: torch.dtype) -> None:
    """What was dropped is a place of the image, not of the memory that its gradient happens to have."""
    torch.manual_seed(1)
    images = torch.ones(3, 6, 5, 4, dtype=dtype).contiguous(memory_format=CHANNELS_LAST).requires_grad_()
    dropped = drop(images, probability)
    (gradient,) = torch.autograd.grad(dropped, images, torch.ones(3, 6, 5, 4, dtype=dtype))
    assert torch.equal(gradient, dropped)


@types
@pytest.mark.parametrize("probability", [1e-9, HITS, 0.5, 1 - 1e-9])
@pytest.mark.parametrize("shape", [(3, 7), (5,), (2, 3, 5)])
def test_any_shape_and_share(shape: tuple[int, ...], probability: float, dtype: torch.dtype) -> None:
    """Activations of any number of dimensions, also few of them, are kept or zero, and never NaN."""
    dropped = drop(torch.ones(shape, dtype=dtype), probability)
    assert dropped.shape == shape
    assert set(dropped.unique().tolist()) <= {0.0, kept(min(probability, 1 - 2**-16), dtype)}
