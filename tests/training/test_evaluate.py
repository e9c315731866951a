"""`evaluate`: counts what a known classifier gets right."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from budgetnet.errors import RequestError
from budgetnet.training.data.images import Images, Normalisation
from budgetnet.training.evaluate import evaluate

PLAIN = Normalisation((0.0,), (1.0,))


class Brightness(nn.Module):
    """Names class 0, 1 or 2 by the left half's brightness: below 80, below 160, above."""

    def forward(self, images: Tensor) -> Tensor:
        """Return logits 4 for the named class and 0 for the others."""
        left = images[..., : images.shape[-1] // 2].mean(dim=(1, 2, 3)) * 255
        return nn.functional.one_hot((left >= 80).long() + (left >= 160).long(), 3).float() * 4


def images(levels: list[int], labels: list[int]) -> Images:
    """Images of one brightness each."""
    pixels = torch.tensor(levels, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 4, 4).contiguous()
    return Images(pixels, torch.tensor(labels), None, PLAIN)


@pytest.mark.parametrize("batch", [1, 2, 500])
def test_counts_agree_with_hand_counting(batch: int) -> None:
    """Accuracy, per-class accuracy, confusion and loss of a classifier whose answers are known."""
    found = evaluate(Brightness(), images([10, 10, 100, 200, 200], [0, 1, 1, 1, 0]), batch=batch, device="cpu")
    assert found.n == 5
    assert found.accuracy == 2 / 5
    assert found.per_class == (1 / 2, 1 / 3, None)
    assert found.confusion == ((1, 0, 1), (1, 1, 1), (0, 0, 0))
    all_but_four = math.log(math.exp(4) + 2)
    assert found.loss == pytest.approx(all_but_four - 4 * 2 / 5, rel=1e-6)
    assert found.flip_accuracy is None
    assert found.standard_error == pytest.approx(math.sqrt(0.4 * 0.6 / 5))


def test_flip_accuracy_averages_both_views_and_stands_apart() -> None:
    """An image whose mirror image is clear is only right with flips; the plain accuracy does not change."""
    pixels = torch.full((1, 1, 4, 4), 81, dtype=torch.uint8)
    pixels[..., 2:] = 255
    one = Images(pixels, torch.tensor([2]), None, PLAIN)

    class Unsure(Brightness):
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images) * images.mean(dim=(1, 2, 3)).view(-1, 1) * images[..., :2].mean()

    found = evaluate(Unsure(), one, device="cpu", flip=True)
    assert found.accuracy == 0.0
    assert found.flip_accuracy == 1.0


def test_mode_and_weights_are_left_as_they_were() -> None:
    """Evaluation neither moves batch statistics nor leaves a training model in eval mode."""
    model = nn.Sequential(nn.Conv2d(1, 3, 4), nn.BatchNorm2d(3), nn.Flatten())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    evaluate(model, images([1, 2, 3], [0, 1, 2]), device="cpu")
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    model.eval()
    evaluate(model, images([1, 2, 3], [0, 1, 2]), device="cpu")
    assert not model.training


def test_bfloat16_is_close_to_float32() -> None:
    """The quick precision gives nearly the same loss."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3))
    some = images(list(range(0, 250, 5)), [i % 3 for i in range(50)])
    exact = evaluate(model, some, device="cpu")
    rounded = evaluate(model, some, device="cpu", precision="bfloat16")
    assert rounded.loss == pytest.approx(exact.loss, rel=0.02)
    assert rounded.loss != exact.loss


def test_nothing_to_evaluate_is_refused() -> None:
    """No images, or a batch of none, is a wrong request."""
    none = images([1], [0]).take(torch.tensor([], dtype=torch.int64))
    with pytest.raises(RequestError, match="at least one image, but got none"):
        evaluate(Brightness(), none, device="cpu")
    with pytest.raises(RequestError, match="batch must be at least 1, but got 0"):
        evaluate(Brightness(), images([1], [0]), batch=0, device="cpu")
