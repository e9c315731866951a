"""Shape and cost of a custom primitive: stated by its class, or measured by running and counting its module."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from budgetnet.errors import CountError, RequestError, ShapeError
from budgetnet.files.plugins.types import PluginFile
from budgetnet.network.cost.types import CustomCost, CustomForm
from budgetnet.network.nodes import Custom, Shape
from budgetnet.network.shapes import describe_shape
from budgetnet.network.torch.build import build_nodes, place_of
from budgetnet.network.torch.measure import measure_module

__all__ = ["measured_form", "stated_form"]

_KEPT = 1 << 14
"""Answers cached per primitive."""


def stated_form(name: str, function: Callable[..., Any], file: PluginFile) -> CustomForm:
    """Return a class's closed form with its answers checked and cached.

    The form raises ShapeError if the function raises anything (that is how it refuses an input), and RequestError if
    it returns anything but a valid `CustomCost`.
    """

    @lru_cache(maxsize=_KEPT, typed=True)
    def form(shape: Shape, **arguments: object) -> CustomCost:
        try:
            found = function(shape, **arguments)
        except Exception as error:  # a plug-in may raise anything
            said = f"{type(error).__name__}: {error}{place_of(error, function)}"
            raise ShapeError(f"{name}: its closed form fails on an input of {describe_shape(shape)}: {said}") from error
        problem = _problem(found)
        if problem is not None:
            raise RequestError(f"{file.path}: the closed form of {name} {problem}; return budgetnet's CustomCost")
        assert isinstance(found, CustomCost)
        return found

    return form


def _problem(found: object) -> str | None:
    if not isinstance(found, CustomCost):
        return f"must return a CustomCost, but got {type(found).__name__}"
    output = found.output
    if not isinstance(output, tuple) or len(output) not in (1, 3) or not all(_whole(side, 1) for side in output):
        return f"must give an output of (channels, height, width) or (features,), but got {output!r}"
    for field in ("params", "flops", "activations", "depth", "growth", "stride"):
        value = getattr(found, field)
        if not _whole(value, 0):
            return f"must give whole numbers of at least 0, but got {field}={value!r}"
    return None


def _whole(value: object, low: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= low


def measured_form(name: str, module: type[nn.Module]) -> CustomForm:
    """Return a form that builds the module, runs it on zeros and lets fvcore count it; answers are cached.

    Its depth is the number of convolutions and linear layers that run, and it does not change the receptive
    field. The form raises ShapeError if the module cannot be built or run, CountError if fvcore does not know
    an operator.
    """

    @lru_cache(maxsize=_KEPT, typed=True)
    def form(shape: Shape, **arguments: object) -> CustomCost:
        node = Custom(name, tuple(arguments.items()))  # type: ignore[arg-type]
        with torch.random.fork_rng(devices=[]):
            built = build_nodes(node, shape, custom={name: module})[0].eval()
            output, depth = _run(built, shape)
            try:
                counted = measure_module(built, shape)
            except CountError as error:
                raise CountError(f"{name}: {error}") from None
        return CustomCost(
            output=output,
            params=counted.params,
            flops=counted.flops,
            activations=counted.activations,
            depth=depth,
            stride=max(1, shape[1] // output[1]) if len(shape) == len(output) == 3 else 0,
        )

    return form


def _run(module: nn.Module, shape: Shape) -> tuple[Shape, int]:
    """Return the output's shape without the batch, and the number of convolutions and linear layers that ran."""
    ran: list[None] = []

    def note(_module: nn.Module, _inputs: object, _output: Tensor) -> None:
        ran.append(None)

    layers = [inner for inner in module.modules() if isinstance(inner, nn.Linear | nn.modules.conv._ConvNd)]
    handles = [layer.register_forward_hook(note) for layer in layers]
    with torch.no_grad():
        output = module(torch.zeros(1, *shape))
    for handle in handles:
        handle.remove()
    return tuple(output.shape[1:]), len(ran)
