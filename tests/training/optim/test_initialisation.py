"""Whitening and identity filters: what they do to patches and channels, and which layers are left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Generator, Tensor, nn

from budgetnet.training.data.images import Images, Normalisation
from budgetnet.training.data.load import Dataset
from budgetnet.training.fit import fit
from budgetnet.training.optim.initialisation import dirac, scale_logits, whiten
from budgetnet.training.recipe.recipe import Recipe


def pictures(count: int = 200) -> Images:
    """Smooth colour images: neighbours and channels go together, which whitening undoes."""
    generator = Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 4, 4, generator=generator) + torch.rand(count, 1, 4, 4, generator=generator)
    smooth = nn.functional.interpolate(coarse, size=(12, 12), mode="bilinear") * 100
    noise = torch.rand(count, 3, 12, 12, generator=generator) * 50
    return Images((smooth + noise).to(torch.uint8), torch.arange(count) % 2, None, Normalisation((0.49,), (0.2,)))


def patch_outputs(layer: nn.Conv2d, images: Images) -> Tensor:
    """What the filters say to all patches, (patches, filters)."""
    pixels = images.normalisation.apply(images.images)
    said = nn.functional.conv2d(pixels, layer.weight, dilation=layer.dilation)
    return said.detach().permute(0, 2, 3, 1).reshape(-1, layer.out_channels)


@pytest.mark.parametrize("dilation", [1, 2])
def test_whitened_patches_are_uncorrelated(dilation: int) -> None:
    """With room for all directions and their opposites, outputs have the identity as covariance."""
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 26, 2, dilation=dilation, bias=False)
    left_over = layer.weight.detach()[24:].clone()
    images = pictures()
    assert whiten(nn.Sequential(layer, nn.Conv2d(26, 3, 2)), images) is layer.weight
    outputs = patch_outputs(layer, images)
    assert torch.allclose(torch.cov(outputs[:, :12].T), torch.eye(12), atol=0.05)
    assert torch.equal(layer.weight[12:24], -layer.weight[:12])
    assert torch.equal(layer.weight[24:], left_over)


def test_patches_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second network on the same images begins with the same filters, and costs no second look; other kernels do."""
    looks: list[object] = []
    unfold = nn.functional.unfold
    monkeypatch.setattr(nn.functional, "unfold", lambda *args, **more: looks.append(args[1]) or unfold(*args, **more))
    images = pictures()
    first, second, wider = nn.Conv2d(3, 8, 2), nn.Conv2d(3, 10, 2), nn.Conv2d(3, 8, 3)
    for layer in (first, second, wider):
        whiten(nn.Sequential(layer), images)
    assert looks == [(2, 2), (3, 3)]
    assert torch.equal(first.weight[:4], second.weight[:4])
    whiten(nn.Sequential(first), pictures())
    assert looks == [(2, 2), (3, 3), (2, 2)]


def test_few_filters_get_the_leading_directions() -> None:
    """Where not all fit, the directions of the largest variance come first, smallest filters first."""
    layer = nn.Conv2d(3, 9, 3, padding=1)
    bias = layer.bias.detach().clone()
    images = pictures()
    whiten(nn.Sequential(layer), images)
    outputs = patch_outputs(layer, images)
    assert torch.allclose(torch.cov(outputs[:, :4].T), torch.eye(4), atol=0.05)
    norms = layer.weight.detach()[:4].flatten(1).norm(dim=1)
    assert norms.tolist() == sorted(norms.tolist())
    assert torch.equal(layer.bias, bias)


@pytest.mark.parametrize(
    "net",
    [
        nn.Conv2d(3, 12, 3, groups=3),
        nn.Conv2d(4, 12, 3),
        nn.Conv2d(3, 12, 13, padding=6),
        nn.Linear(3, 2),
    ],
    ids=["depthwise", "of something else", "larger than the image", "no convolution"],
)
def test_other_first_layers_are_left_alone(net: nn.Module) -> None:
    """What is no full convolution of the image has no patches to whiten."""
    before = [p.detach().clone() for p in net.parameters()]
    assert whiten(net, pictures()) is None
    assert all(torch.equal(old, new) for old, new in zip(before, net.parameters(), strict=True))


def test_dirac_filters_pass_channels_on() -> None:
    """The first filters return their channel; others, projections and depthwise layers stay as they were."""
    widening, narrowing = nn.Conv2d(4, 7, 3, padding=1, bias=False), nn.Conv2d(7, 4, 5, padding=2, bias=False)
    others = [nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 4, 2)]
    before = [layer.weight.detach().clone() for layer in others]
    kept = widening.weight.detach()[4:].clone()
    dirac(nn.Sequential(widening, narrowing, *others))
    images = torch.randn(2, 4, 6, 6)
    assert torch.allclose(widening(images)[:, :4], images, atol=1e-6)
    assert torch.equal(widening.weight[4:], kept)
    assert torch.allclose(narrowing(torch.cat((images, images[:, :3]), 1)), images, atol=1e-6)
    assert all(torch.equal(layer.weight, old) for layer, old in zip(others, before, strict=True))


def test_whitening_filters_stay_for_as_long_as_asked(digits: Dataset) -> None:
    """While held fast they do not move, nor decay; later they learn; afterwards they can."""
    few = digits.train.take(torch.arange(256))
    recipe = Recipe(
        epochs=2, batch=64, whiten=True, whiten_frozen=2, weight_decay=0.1, flip="none", precision="float32"
    )
    found = {}
    for frozen in (2, 1):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(1, 18, 3), nn.BatchNorm2d(18), nn.ReLU(), nn.Flatten(), nn.Linear(648, 10))
        curve = fit(net, few, None, replace(recipe, whiten_frozen=frozen), seed=0, device="cpu")
        assert len(curve.epochs) == 2
        assert net[0].weight.requires_grad
        found[frozen] = net[0].weight.detach().clone()
    expected = nn.Conv2d(1, 18, 3)
    whiten(expected, few)
    assert torch.allclose(found[2], expected.weight, atol=1e-6)
    assert not torch.allclose(found[1], found[2], atol=1e-3)


def test_logits_start_with_the_deviation_asked_for() -> None:
    """Only the last layer's weights change: norm statistics and the other weights stay."""
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 10, bias=False)
    )
    before = {name: value.clone() for name, value in net.state_dict().items()}
    images = torch.randn(64, 3, 8, 8)
    scale_logits(net, images, 0.25)
    assert net(images).std().item() == pytest.approx(0.25, rel=1e-3)
    fresh = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1))
    nn.init.zeros_(fresh[1].weight)
    nn.init.zeros_(fresh[1].bias)
    scale_logits(fresh, torch.randn(4, 1, 2, 2), 1.0)  # constant logits have no scale
    assert not fresh[1].weight.any()
    scale_logits(nn.Sequential(nn.ReLU()), images, 1.0)  # nor has a network without weights
    for name, value in before.items():
        if name not in ("4.weight", "1.running_mean", "1.running_var", "1.num_batches_tracked"):
            assert torch.equal(net.state_dict()[name], value), name
