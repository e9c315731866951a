"""Initial weights that know more than a random draw: whitening filters, and filters that pass a channel on."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from budgetnet.training.data.images import Images

__all__ = ["dirac", "whiten"]

SAMPLE = 5000
"""Images whose patches are looked at, as in airbench94."""

EPSILON = 5e-4
"""Added to the variance of each direction, as in airbench94: directions that hold next to nothing are not blown up."""

Window = tuple[tuple[int, ...], tuple[int, ...], int]
"""A convolution's kernel and dilation, and the number of threads, since sums by other threads differ in last bits."""

_known: WeakKeyDictionary[Images, dict[Window, Tensor]] = WeakKeyDictionary()
"""The directions of images whose patches have been looked at: a search trains hundreds of networks on the same ones."""


@torch.no_grad()
def whiten(model: nn.Module, train: Images) -> Tensor | None:
    """Make the first convolution's filters whiten the train images' patches, and return them; None: there are none.

    Of the patches that the convolution's kernel sees, the covariance is taken, and its directions (eigenvectors),
    each divided by the root of its variance plus `EPSILON`, become filters: their outputs have about unit variance and
    are uncorrelated. With O filters and D = inputs x kernel^2 directions, the min(D, O // 2) leading directions fill
    the first filters and their opposites the next ones, since an activation keeps one sign only; what is left over of
    the filters stays as it was. So the network is the one that the grammar says, and no parameter is added.

    A network whose first convolution (in the order of its modules) has groups, or is not of the image itself, or is
    larger than the image, stays as it is.

    Args:
        model: On any device.
        train: Images as the model will see them, normalised; the first `SAMPLE` are looked at.

    Source: D. Page, "How to train your ResNet", 2018; K. Jordan's airbench94, 2024, arXiv 2404.00498.
    """
    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    if first is None or first.groups != 1 or first.in_channels != train.shape[0]:
        return None
    reach = [(kernel - 1) * dilation + 1 for kernel, dilation in zip(first.kernel_size, first.dilation, strict=True)]
    if reach[0] > train.shape[1] or reach[1] > train.shape[2]:
        return None
    window: Window = (first.kernel_size, first.dilation, torch.get_num_threads())
    known = _known.setdefault(train, {})
    if window not in known:
        known[window] = _whitening(first, train)
    filters = known[window].to(first.weight)
    pairs = min(len(filters), first.out_channels // 2)
    weight: Tensor = first.weight
    weight[:pairs] = filters[:pairs]
    weight[pairs : 2 * pairs] = -filters[:pairs]
    return weight


def _whitening(layer: nn.Conv2d, train: Images) -> Tensor:
    """Return the filters, (D, C, kernel, kernel), of the direction with the largest variance first."""
    seen = torch.arange(min(SAMPLE, len(train)), device=train.labels.device)
    images = train.normalisation.apply(train.pixels(seen))
    size = train.shape[0] * layer.kernel_size[0] * layer.kernel_size[1]
    products, total, count = torch.zeros(size, size), torch.zeros(size), 0
    for some in torch.split(images, 500):
        patches = nn.functional.unfold(some, layer.kernel_size, dilation=layer.dilation)
        patches = patches.transpose(1, 2).reshape(-1, size)
        products += (patches.T @ patches).cpu()
        total += patches.sum(0).cpu()
        count += len(patches)
    mean = total.double() / count
    covariance = products.double() / count - torch.outer(mean, mean)
    variances, directions = torch.linalg.eigh(covariance)  # smallest first, directions in columns
    scaled = (directions / torch.sqrt(variances.clamp(min=0) + EPSILON)).T.flip(0)
    filters: Tensor = scaled.reshape(size, train.shape[0], *layer.kernel_size)
    return filters


@torch.no_grad()
def dirac(model: nn.Module) -> None:
    """Make the first filters of full convolutions pass one input channel on, each its own; the others stay.

    Of convolutions with kernels of odd sides above 1 (a 1x1 projection has nothing to pass on but itself). A deep
    stack without shortcuts begins as if it had some.

    Source: S. Zagoruyko and N. Komodakis, "DiracNets", 2017, arXiv 1706.00388, whose networks learn how much to pass
    on; only as a start: K. Jordan's airbench94, 2024.
    """
    for layer in model.modules():
        if not isinstance(layer, nn.Conv2d) or layer.groups != 1:
            continue
        if all(side > 1 and side % 2 for side in layer.kernel_size):
            nn.init.dirac_(layer.weight[: layer.in_channels])
