"""Convolutions by fast paths: merged filters, taps and mirrored filters give torch's numbers."""

from __future__ import annotations

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import conv2d

from budgetnet.training.cpu import convolution
from budgetnet.training.cpu.convolution import convolve, worth_it
from budgetnet.training.cpu.geometry import Geometry
from budgetnet.training.cpu.rewriting import apart, joined_phases, merged_groups, phases

GROUPS = [(1, 16, 16), (1, 5, 7), (24, 1, 1), (13, 1, 1), (131, 1, 1), (32, 2, 4), (8, 4, 2), (16, 1, 2), (2, 24, 16)]


def geometry(
    kernel: int = 3, stride: int = 1, padding: int = 1, dilation: int = 1, groups: tuple[int, int, int] = GROUPS[0]
) -> Geometry:
    """A geometry with the usual defaults."""
    return Geometry(kernel, stride, padding, dilation, *groups)


@settings(deadline=None, max_examples=60)
@given(
    count=st.integers(1, 6), together=st.integers(1, 6), inputs=st.integers(1, 5), outputs=st.integers(1, 3),
    kernel=st.integers(1, 5), stride=st.integers(1, 2), dilation=st.integers(1, 3),
)  # fmt: skip
def test_merged_groups_compute_the_same(count, together, inputs, outputs, kernel, stride, dilation):
    """Filters of merged groups give the same images, and taking them apart gives the filters and their gradient."""
    torch.manual_seed(0)
    groups = count * together
    images = torch.randn(2, groups * inputs, 13, 13, dtype=torch.float64)
    weight = torch.randn(groups * outputs, inputs, kernel, kernel, dtype=torch.float64, requires_grad=True)
    merged = merged_groups(weight, groups, together).detach().requires_grad_()
    assert merged.shape == (groups * outputs, together * inputs, kernel, kernel)
    assert torch.equal(apart(merged, groups, together), weight)
    straight = conv2d(images, weight, None, stride, 2, dilation, groups)
    wide = conv2d(images, merged, None, stride, 2, dilation, count)
    torch.testing.assert_close(wide, straight)
    (expected,) = torch.autograd.grad(straight.square().sum(), weight)
    (found,) = torch.autograd.grad(wide.square().sum(), merged)
    torch.testing.assert_close(apart(found, groups, together), expected)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Geometry, int, int]:
    """A geometry with an image's height and width, of which at least one place of the kernel lies inside.

    No padding is beyond the kernel's reach and no padded stride longer than the kernel: there torch itself may crash.
    """
    side, widest = 12, 18
    kernel = draw(st.integers(1, 7))
    farthest = side - 1 + 2 * widest  # reach of a kernel that the widest padding still lets fit
    dilation = draw(st.integers(1, min(9, farthest // max(1, kernel - 1))))
    reach = dilation * (kernel - 1)
    padding = draw(st.integers(max(0, (reach - side + 2) // 2), min(widest, reach)))
    stride = draw(st.integers(1, min(3, kernel) if padding else 3))
    sides = st.integers(max(1, reach - 2 * padding + 1), side)
    return geometry(kernel, stride, padding, dilation, draw(st.sampled_from(GROUPS))), draw(sides), draw(sides)


@settings(deadline=None, max_examples=300)
@given(case=cases(), biased=st.booleans(), dtype=st.sampled_from([torch.bfloat16, torch.float32]))
@example(case=(geometry(5, 1, 2, 1, (24, 1, 1)), 12, 12), biased=True, dtype=torch.bfloat16)
@example(case=(geometry(3, 2, 1, 1, (24, 1, 1)), 12, 12), biased=False, dtype=torch.bfloat16)
@example(case=(geometry(3, 1, 16, 16, (32, 2, 4)), 12, 12), biased=False, dtype=torch.bfloat16)
@example(case=(geometry(3, 1, 4, 4, (1, 16, 16)), 8, 8), biased=False, dtype=torch.bfloat16)
@example(case=(geometry(1, 2, 0, 1, (1, 5, 7)), 12, 7), biased=False, dtype=torch.bfloat16)
@example(case=(geometry(3, 2, 1, 1, (1, 16, 16)), 1, 1), biased=False, dtype=torch.bfloat16)
@example(case=(geometry(2, 1, 0, 1, (24, 1, 1)), 7, 8), biased=True, dtype=torch.bfloat16)
@example(case=(geometry(3, 1, 3, 3, (24, 1, 1)), 12, 11), biased=True, dtype=torch.float32)
@example(case=(geometry(3, 1, 8, 8, (24, 1, 1)), 12, 11), biased=False, dtype=torch.float32)
@example(case=(geometry(5, 1, 4, 2, (32, 2, 4)), 12, 9), biased=True, dtype=torch.float32)
def test_outputs_and_gradients_are_those_of_torch(case, biased, dtype):
    """For every geometry, image, filter and bias gradients are those of float64 but for rounding."""
    torch.manual_seed(0)
    moves, height, width = case
    kernel, stride, padding, dilation, count, inputs, outputs = moves
    image = torch.randn(3, count * inputs, height, width).to(dtype).requires_grad_()
    weight = torch.randn(count * outputs, inputs, kernel, kernel).to(dtype).requires_grad_()
    bias = torch.randn(count * outputs).to(dtype).requires_grad_() if biased else None
    leaves = [leaf for leaf in (image, weight, bias) if leaf is not None]
    found = convolve(image, weight, bias, moves)
    exact = [leaf.detach().double().requires_grad_() for leaf in leaves]
    expected = conv2d(exact[0], exact[1], exact[2] if biased else None, stride, padding, dilation, count)
    gradient = torch.randn(found.shape).to(dtype)
    pairs: list[tuple[Tensor, Tensor]] = [(found.detach(), expected.detach())]
    pairs += zip(
        torch.autograd.grad(found, leaves, gradient), torch.autograd.grad(expected, exact, gradient.double()),
        strict=True,
    )  # fmt: skip
    for low, reference in pairs:
        assert low.dtype == dtype
        assert low.shape == reference.shape
        scale = max(float(reference.abs().max()), 1e-3)
        # Without bfloat16 in hardware, sums are rounded more often: 2.5 % were seen with AVX2.
        limit = 0.04 if dtype == torch.bfloat16 else 1e-5
        assert float((low.double() - reference).abs().max()) <= limit * scale


def test_only_what_learns_gets_a_gradient() -> None:
    """The image of a first layer and filters that are held fast get none, and no time is spent on theirs."""
    moves = geometry(kernel=5, padding=2, groups=(24, 1, 1))
    image = torch.randn(2, 24, 8, 8).bfloat16()
    weight = torch.randn(24, 1, 5, 5).bfloat16().requires_grad_()
    convolve(image, weight, None, moves).sum().backward()
    assert image.grad is None
    assert weight.grad is not None
    image.requires_grad_()
    convolve(image, weight.detach(), None, moves).sum().backward()
    assert image.grad is not None


@pytest.mark.parametrize(
    ("moves", "in_bfloat16", "in_float32"),
    [
        (geometry(), False, False),
        (geometry(kernel=5, padding=1), False, False),
        (geometry(dilation=4, padding=4), True, True),  # on images that the padding covers
        (geometry(stride=2), True, True),
        (geometry(kernel=2, stride=2, padding=0), False, False),
        (geometry(groups=(64, 1, 1)), False, False),  # a plain depthwise 3x3
        (geometry(kernel=2, stride=2, padding=0, groups=(64, 1, 1)), True, False),
        (geometry(kernel=5, padding=1, groups=(64, 1, 1)), True, False),
        (geometry(groups=(64, 1, 1), dilation=2, padding=1), True, True),
        (geometry(groups=(32, 2, 4)), True, True),
        (geometry(groups=(8, 8, 8)), True, False),
        (geometry(groups=(4, 32, 32)), False, False),
        (geometry(kernel=1, padding=0), False, False),
        (geometry(kernel=1, padding=0, stride=2), True, True),  # a shortcut between stages
    ],
)
def test_only_slow_convolutions_are_worth_a_detour(moves: Geometry, in_bfloat16: bool, in_float32: bool) -> None:
    """Full and plain depthwise 3x3 convolutions stay torch's."""
    assert worth_it(moves, torch.bfloat16) is in_bfloat16
    assert worth_it(moves, torch.float32) is in_float32


@settings(deadline=None, max_examples=40)
@given(dilation=st.integers(1, 5), height=st.integers(1, 11), width=st.integers(1, 11))
def test_phases_are_every_so_manieth_pixel_and_join_again(dilation, height, width):
    """The first phase begins at the first pixel, what lies outside is zero, and nothing is lost."""
    image = torch.randn(2, 3, height, width)
    split = phases(image, dilation)
    first = image[:, :, ::dilation, ::dilation]
    assert torch.equal(split[:2, :, : first.shape[2], : first.shape[3]], first)
    assert split.abs().sum() == pytest.approx(float(image.abs().sum()), rel=1e-5)
    assert torch.equal(joined_phases(split, dilation, height, width), image)


def test_each_pass_takes_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward and the image's gradient of a depthwise 5x5 stay apart, its filters' gradient is of merged groups."""
    widths: list[int] = []

    def noted(weight: Tensor, groups: int, together: int) -> Tensor:
        widths.append(together)
        return merged_groups(weight, groups, together)

    monkeypatch.setattr(convolution, "merged_groups", noted)
    weight = torch.randn(32, 1, 5, 5).bfloat16().requires_grad_()
    image = torch.randn(2, 32, 9, 9).bfloat16().requires_grad_()
    convolved = convolve(image, weight, None, geometry(kernel=5, padding=2, groups=(32, 1, 1)))
    assert widths == [1]
    convolved.sum().backward()
    assert widths == [1, 16]  # and none for the image's, which is a convolution with mirrored filters


def test_a_dilated_depthwise_convolution_learns_by_phases_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its filters' gradient does, and its other passes where the padding is wide."""
    seen: list[str] = []
    monkeypatch.setattr(convolution, "phases", lambda image, dilation: seen.append("split") or phases(image, dilation))
    for padding, expected in ((2, ["split", "split"]), (8, ["split", "split", "split", "split"])):
        seen.clear()
        weight = torch.randn(32, 1, 3, 3).requires_grad_()
        image = torch.randn(2, 32, 17, 17).requires_grad_()
        moves = geometry(padding=padding, dilation=padding, groups=(32, 1, 1))
        convolve(image, weight, None, moves).sum().backward()
        assert seen == expected


@pytest.mark.parametrize(
    ("groups", "width", "together"),
    [((64, 1, 1), 16, 16), ((32, 2, 4), 16, 8), ((32, 2, 4), 32, 16), ((131, 1, 1), 16, 1), ((37, 1, 1), 16, 37)],
)
def test_groups_are_merged_as_far_as_it_takes(groups: tuple[int, int, int], width: int, together: int) -> None:
    """To so many channels; not at all where that takes more than 128."""
    assert geometry(groups=groups).together(width) == together


def test_far_padding_merges_more() -> None:
    """In bfloat16, twice as many groups where the padding is wide."""
    merged = [
        convolution._together(geometry(padding=padding, groups=(32, 2, 4)), torch.bfloat16) for padding in (8, 16)
    ]
    assert merged == [8, 16]
