"""`Images`, `Normalisation` and the statistics of train images."""

from __future__ import annotations

import pytest
import torch

from budgetnet.errors import DataError
from budgetnet.training.data.images import Images, Normalisation, normalisation_of


def pixels(count: int = 10, channels: int = 3) -> torch.Tensor:
    """Random uint8 images (count, channels, 4, 5)."""
    return torch.randint(0, 256, (count, channels, 4, 5), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def test_take_shares_the_pixels_and_keeps_pairs_together() -> None:
    """A subset of a subset points into the same store, and each image keeps its label."""
    images = Images(pixels(), torch.arange(10))
    part = images.take(torch.tensor([7, 2, 5])).take(torch.tensor([2, 0]))
    assert part.store.data_ptr() == images.store.data_ptr()
    assert part.labels.tolist() == [5, 7]
    assert torch.equal(part.images, images.images[[5, 7]])
    assert torch.equal(part.pixels(torch.tensor([1])), images.images[[7]])
    assert len(part) == 2
    assert part.shape == (3, 4, 5)


def test_images_must_be_uint8_with_four_axes() -> None:
    """Floats, or images without a channel axis, are refused with what came."""
    with pytest.raises(DataError, match=r"must be a uint8 tensor of shape \(N, C, H, W\), but got float32"):
        Images(pixels().float(), torch.arange(10))
    with pytest.raises(DataError, match=r"got uint8 of shape \(10, 4, 5\)"):
        Images(pixels()[:, 0], torch.arange(10))


def test_labels_must_match_the_images() -> None:
    """There is one int64 label per selected image."""
    with pytest.raises(DataError, match=r"int64 tensor of shape \(10,\), one per image, but got int64 of shape \(9,\)"):
        Images(pixels(), torch.arange(9))
    with pytest.raises(DataError, match="but got int32"):
        Images(pixels(), torch.arange(10, dtype=torch.int32))


def test_statistics_are_those_of_the_pixels() -> None:
    """Mean and standard deviation per channel agree with torch's, however the images are cut into chunks."""
    images = pixels(50)
    whole = normalisation_of([images])
    scaled = images.double() / 255
    assert whole.mean == pytest.approx(scaled.mean(dim=(0, 2, 3)).tolist(), abs=1e-12)
    assert whole.std == pytest.approx(scaled.std(dim=(0, 2, 3), correction=0).tolist(), abs=1e-9)
    assert normalisation_of(torch.split(images, 7)) == whole


def test_normalised_images_have_mean_zero_and_deviation_one() -> None:
    """Applying an image set's own statistics centres and scales each channel; the result is channels-last."""
    images = pixels(200)
    floats = normalisation_of([images]).apply(images)
    assert floats.dtype == torch.float32
    assert floats.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(floats.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(floats.std(dim=(0, 2, 3)), torch.ones(3), atol=1e-3)


def test_a_constant_channel_keeps_deviation_one() -> None:
    """A channel without variation is centred and not blown up."""
    images = torch.full((3, 1, 2, 2), 51, dtype=torch.uint8)
    found = normalisation_of([images])
    assert found == Normalisation((0.2,), (1.0,))
    assert torch.allclose(found.apply(images), torch.zeros(3, 1, 2, 2), atol=1e-7)


def test_illegal_normalisations_are_refused() -> None:
    """Lengths must agree, deviations must be positive, statistics need images."""
    with pytest.raises(DataError, match="as many means as standard deviations, but got 1 and 3"):
        Normalisation((0.5,), (0.1, 0.1, 0.1))
    with pytest.raises(DataError, match=r"must be positive, but got \(0.0,\)"):
        Normalisation((0.5,), (0.0,))
    with pytest.raises(DataError, match="at least one image, but got none"):
        normalisation_of([])
