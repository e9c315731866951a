"""From a run to a snapshot of it and back: everything that the rest of a training depends on.

Weights, buffers, the optimisers' states, averaged weights, the plateau's memory, the numbers of the epochs so far, the
order of the images and the place in it, and the states of all generators: order, augmentation, mixup, and torch's own,
from which dropout draws. Training uses no other random numbers.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from budgetnet.training.checkpoint import Snapshot
from budgetnet.training.curve import Epoch
from budgetnet.training.run import FitRun, OpenEpoch

__all__ = ["restore", "take"]


def take(run: FitRun) -> Snapshot:
    """Return a snapshot of a run between two steps."""
    tensors = {f"model.{name}": tensor for name, tensor in _held(run.model).items()}
    optimizers: list[dict[str, dict[str, Any]]] = []
    for place, optimizer in enumerate(run.optimizers):
        kept: dict[str, dict[str, Any]] = {}
        for index, state in optimizer.state_dict()["state"].items():
            kept[str(index)] = {name: None if isinstance(value, Tensor) else value for name, value in state.items()}
            named = {f"optimizer.{place}.{index}.{name}": value for name, value in state.items()}
            tensors |= {name: value for name, value in named.items() if isinstance(value, Tensor)}
        optimizers.append(kept)
    if run.average is not None:
        tensors |= {f"average.{name}": tensor for name, tensor in run.average.tensors.items()}
    tensors |= {"random.order": run.order.get_state(), "random.noise": run.noise.get_state()}
    tensors["random.torch"] = torch.get_rng_state()
    if run.device.type == "cuda":
        tensors["random.cuda"] = torch.cuda.get_rng_state(run.device)
    now = time.perf_counter()
    current = run.open
    if current is not None:
        tensors |= {"open.order": current.order, "open.loss_sum": current.loss_sum, "open.hits": current.hits}
        tensors |= {} if current.answers is None else {"open.answers": current.answers}
    numbers = {
        "step": run.step,
        "epochs": [asdict(epoch) for epoch in run.epochs],
        "resumed": run.resumed,
        "seconds": now - run.begin,
        "plateau": run.plateau.state,
        "average": 0 if run.average is None else run.average.steps,
        "shares": run.shares.getstate(),
        "optimizers": optimizers,
        "open": None if current is None else {"seen": current.seen, "seconds": now - run.epoch_begin},
    }
    return Snapshot(tensors, numbers)


@torch.no_grad()
def restore(run: FitRun, found: Snapshot) -> None:
    """Put a run that has just been made where a snapshot of the same training was taken."""
    tensors, numbers = found.tensors, found.numbers
    for name, tensor in _held(run.model).items():
        tensor.copy_(tensors[f"model.{name}"])
    for place, (optimizer, kept) in enumerate(zip(run.optimizers, numbers["optimizers"], strict=True)):
        state = {
            int(index): {
                name: tensors.get(f"optimizer.{place}.{index}.{name}", value) for name, value in values.items()
            }
            for index, values in kept.items()
        }
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    if run.average is not None:
        for name, tensor in run.average.tensors.items():
            tensor.copy_(tensors[f"average.{name}"])
        run.average.steps = numbers["average"]
    run.plateau.state = tuple(numbers["plateau"])
    version, words, gauss = numbers["shares"]
    run.shares.setstate((version, tuple(words), gauss))
    run.order.set_state(tensors["random.order"])
    run.noise.set_state(tensors["random.noise"])
    torch.set_rng_state(tensors["random.torch"])
    if run.device.type == "cuda":
        torch.cuda.set_rng_state(tensors["random.cuda"], run.device)
    run.step = numbers["step"]
    run.epochs = [Epoch(**epoch) for epoch in numbers["epochs"]]
    run.resumed = (*numbers["resumed"], len(run.epochs))
    run.begin -= numbers["seconds"]
    if numbers["open"] is not None:
        order, loss_sum, hits = (tensors[f"open.{name}"].to(run.device) for name in ("order", "loss_sum", "hits"))
        answers = tensors.get("open.answers")  # which older versions did not count
        counted = None if answers is None else answers.to(run.device)
        run.open = OpenEpoch(order, loss_sum, hits, counted, **numbers["open"])


def _held(model: nn.Module) -> dict[str, Tensor]:
    """Return a model's weights and buffers, to be read or filled in place."""
    return {name: value for name, value in model.state_dict().items() if isinstance(value, Tensor)}
