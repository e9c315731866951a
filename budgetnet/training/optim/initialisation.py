"""Initial weights better than random ones: whitening filters, filters that pass a channel through, a scaled head."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from budgetnet.training.data.images import Images

__all__ = ["dirac", "scale_logits", "whiten"]

SAMPLE = 5000
"""Number of images whose patches are used, as in airbench94."""

EPSILON = 5e-4
"""Added to the variance of each direction, as in airbench94: directions with almost no variance are not amplified."""

Window = tuple[tuple[int, ...], tuple[int, ...], int]
"""A convolution's kernel and dilation, and the number of threads, since sums with other numbers of threads differ
in the last bits."""

_known: WeakKeyDictionary[Images, dict[Window, Tensor]] = WeakKeyDictionary()
"""Cached directions: a search trains hundreds of networks on the same images."""


@torch.no_grad()
def whiten(model: nn.Module, train: Images) -> Tensor | None:
    """Make the first convolution's filters whiten the train images' patches, and return them, or None.

    The filters are the eigenvectors of the covariance of the patches that the convolution's kernel sees, each divided
    by the root of its variance plus `EPSILON`: their outputs have about unit variance and are uncorrelated. With O
    filters and D = inputs x kernel^2 directions, the min(D, O // 2) leading directions fill the first filters and
    their negatives the next ones, since an activation keeps only one sign; the remaining filters stay unchanged. The
    network is still that of the grammar; no parameters are added.

    A network is left unchanged, and None returned, if its first convolution (in the order of its modules) has groups,
    is not applied to the image itself, or is larger than the image.

    Args:
        model: On any device.
        train: Images as the model will see them, normalised; the first `SAMPLE` are used.

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
    """Return the filters, (D, C, kernel, kernel), by decreasing variance of their directions."""
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
def scale_logits(model: nn.Module, images_nchw: Tensor, deviation: float) -> None:
    """Scale the weights of the last convolution or linear layer so that the logits have a given standard deviation.

    Args:
        model: In train mode; norm statistics and the weights of other layers stay unchanged.
        images_nchw: Some train images, as the model sees them, at least two.
        deviation: Standard deviation of all logits of these images, > 0. Logits that are constant stay so.

    Source: heads are scaled in D. Page's and K. Jordan's networks; measuring on data: D. Mishkin and J. Matas, "All you
    need is a good init", 2016, arXiv 1511.06422.
    """
    heads = [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    if not heads:
        return
    held = [buffer.clone() for buffer in model.buffers()]
    found = float(model(images_nchw).float().std())
    for buffer, before in zip(model.buffers(), held, strict=True):
        buffer.copy_(before)
    if found > 0:
        heads[-1].weight.mul_(deviation / found)


@torch.no_grad()
def dirac(model: nn.Module) -> None:
    """Make the first filters of full convolutions each pass one input channel through; the others stay unchanged.

    Applies to convolutions with odd kernel sides above 1 (not to 1x1 projections). A deep stack without shortcuts then
    starts as if it had some.

    Source: S. Zagoruyko and N. Komodakis, "DiracNets", 2017, arXiv 1706.00388, whose networks learn how much to pass
    through; as an initialisation only: K. Jordan's airbench94, 2024.
    """
    for layer in model.modules():
        if not isinstance(layer, nn.Conv2d) or layer.groups != 1:
            continue
        if all(side > 1 and side % 2 for side in layer.kernel_size):
            nn.init.dirac_(layer.weight[: layer.in_channels])
