"""Stochastic depth: bodies of skips that are left out of a step at random, for each image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Generator, Tensor, nn

__all__ = ["stochastic_depth"]


@contextmanager
def stochastic_depth(model: nn.Module, last: float, generator: Generator) -> Iterator[None]:
    """Leave out bodies of skips at random inside a ``with`` block, while the model is in train mode.

    Of L skips, in the order of the model's modules, the l-th body's output is set to zero with probability
    ``last * l / L`` for each image, and divided by the probability of being kept otherwise, so that its mean stays.

    Args:
        model: Its skips are the modules with a `body` and a `shortcut`.
        last: Probability of the last skip, 0 <= last < 1; with 0 nothing changes.
        generator: On the model's device.

    Source: G. Huang and others, "Deep networks with stochastic depth", 2016, arXiv 1603.09382 (a body per batch); one
    decision per image as in R. Wightman's timm.
    """
    skips = [module for module in model.modules() if hasattr(module, "shortcut")]
    bodies = [skip.body for skip in skips if isinstance(skip.body, nn.Module)]
    handles = []
    for number, body in enumerate(bodies if last else (), start=1):
        rate = last * number / len(bodies)

        def drop(module: nn.Module, _inputs: object, output: Tensor, rate: float = rate) -> Tensor:
            if not module.training:
                return output
            draws = torch.rand(len(output), generator=generator, device=output.device)
            kept = (draws >= rate).to(output.dtype) / (1 - rate)
            return output * kept.view(-1, *[1] * (output.ndim - 1))

        handles.append(body.register_forward_hook(drop))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
