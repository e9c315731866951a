"""Where the time of a training step goes: clocks around the parts of `fit`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from budgetnet.training import run
from budgetnet.training.data.images import Images, Normalisation

__all__ = ["PARTS", "clocked"]

PARTS = ("cut", "normalise", "augment", "forward", "backward", "optimizer", "rest")
"""cut: images gathered by index. rest: all that no clock sees, such as loss, labels, rate, setting up."""

_PLACES: tuple[tuple[str, Any, str], ...] = (
    ("cut", Images, "pixels"),
    ("normalise", Normalisation, "apply"),
    ("augment", run, "augment"),
    ("backward", Tensor, "backward"),
)
"""Part, owner, name of the function."""


@contextmanager
def clocked(model: nn.Module) -> Iterator[dict[str, float]]:
    """Add up the seconds of each of `PARTS` but the last, of everything trained inside the block.

    On a GPU this is the time of launching the work, not of the work.
    """
    spent = dict.fromkeys(PARTS[:-1], 0.0)
    begun: dict[str, float] = {}

    def start(part: str) -> None:
        begun[part] = time.perf_counter()

    def stop(part: str) -> None:
        spent[part] += time.perf_counter() - begun[part]

    def around(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            start(part)
            try:
                return function(*arguments, **named)
            finally:
                stop(part)

        return call

    handles = [
        model.register_forward_pre_hook(lambda *_: start("forward")),
        model.register_forward_hook(lambda *_: stop("forward")),
        register_optimizer_step_pre_hook(lambda *_: start("optimizer")),
        register_optimizer_step_post_hook(lambda *_: stop("optimizer")),
    ]
    before = [(owner, name, getattr(owner, name)) for _, owner, name in _PLACES]
    for part, owner, name in _PLACES:
        setattr(owner, name, around(part, getattr(owner, name)))
    try:
        yield spent
    finally:
        for owner, name, function in before:
            setattr(owner, name, function)
        for handle in handles:
            handle.remove()
