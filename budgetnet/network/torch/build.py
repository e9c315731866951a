"""From an architecture's tree to a torch module of plain, readable layers.

The layers are those of `budgetnet.network.layer_walk`, which the layer table and `budgetnet.export.codegen` read, too.
So the names of parameters (``0.weight``, ``3.body.0.weight`` …) follow from the architecture alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from traceback import extract_tb
from typing import Any

import torch
from torch import Tensor, nn

from budgetnet.errors import RequestError, ShapeError, nearest
from budgetnet.network import nodes
from budgetnet.network.layer_walk import Box, Child, GraphBox, walk_layers
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.torch import modules, token_modules
from budgetnet.network.torch.graph_module import GraphModule
from budgetnet.ops.base import Spec, describe_shape

__all__ = ["HELPERS", "STATED", "CustomModule", "StatedCost", "build_nodes", "build_own", "place_of"]

CustomModule = Callable[..., nn.Module]
"""Makes a study's own primitive: called with the input's shape (without the batch) and the arguments by name."""

HELPERS: dict[str, Any] = {name: getattr(home, name) for home in (modules, token_modules) for name in home.__all__}
"""The package's own modules, and `joined`, by name."""

STATED = "stated_cost"
"""Attribute of a module whose author states its cost: a `StatedCost`."""


@dataclass(frozen=True, slots=True)
class StatedCost:
    """Cost that the author of an own primitive states for one module, where fvcore does not know an operator."""

    name: str
    """The primitive."""
    input: Shape
    flops: int
    """Per run."""
    activations: int


def build_nodes(
    network: Node, input_shape: Shape, *, custom: Mapping[str, CustomModule] | None = None
) -> nn.Sequential:
    """Build a network with freshly drawn weights (PyTorch's defaults; seed them with ``torch.manual_seed``).

    Args:
        network: the architecture; it is only read.
        input_shape: ``(channels, height, width)`` of one image.
        custom: the study's own primitives by name.

    Returns:
        A module in training mode that maps images ``(N, channels, height, width)`` to logits ``(N, classes)``:
        an output of shape ``(classes, 1, 1)`` is flattened.

    Raises:
        ShapeError: the network cannot be applied to such images.
        RequestError: a primitive is not known.
    """
    layers, _ = walk_layers(network, input_shape, _Modules(custom or {}))
    return nn.Sequential(*layers)


class _Modules:
    """Reads layers as torch modules."""

    def __init__(self, custom: Mapping[str, CustomModule]) -> None:
        self._custom = custom

    def layer(self, spec: Spec) -> nn.Module:
        make: Callable[..., nn.Module] = getattr(nn, spec.type) if spec.path.startswith("nn.") else HELPERS[spec.type]
        arguments = (self.layer(given) if isinstance(given, Spec) else given for given in spec.arguments)
        return make(*arguments, **dict(spec.options))

    def own(self, node: nodes.Custom, shape: Shape) -> tuple[nn.Module, Shape]:
        return build_own(node, shape, self._custom)

    def box(self, box: Box[nn.Module]) -> nn.Module:
        make: Callable[..., nn.Module] = HELPERS[box.type]
        return make(*map(_module, box.children), **dict(box.options))

    def graph(self, box: GraphBox[nn.Module]) -> nn.Module:
        return GraphModule(box.graph, list(map(_module, box.children)))


def _module(child: Child[nn.Module]) -> nn.Module:
    """A part as one module."""
    if not child.layers:
        return nn.Identity()
    return child.layers[0] if len(child.layers) == 1 else nn.Sequential(*child.layers)


def build_own(node: nodes.Custom, shape: Shape, custom: Mapping[str, CustomModule]) -> tuple[nn.Module, Shape]:
    """Build a study's own primitive, run it on zeros, and return it with the shape of its output.

    Args:
        node: the primitive with its arguments.
        shape: of its input, without the batch.
        custom: the study's own primitives by name.

    Raises:
        RequestError: it is not among them.
        ShapeError: it fails on such an input, or returns something other than one tensor.
    """
    make = custom.get(node.name)
    if make is None:
        raise RequestError(
            f"the primitive {node.name!r} is not built in and no module was given for it"
            f"{nearest(node.name, custom)}; name the Python file that defines it"
        )
    try:
        module = make(shape, **dict(node.arguments))
        with torch.no_grad():
            output = module.eval()(torch.zeros(1, *shape))
    except Exception as error:  # a study's own code may raise anything
        said = f"{type(error).__name__}: {error}{place_of(error, make)}"
        raise ShapeError(f"{node.name} failed on an input of {describe_shape(shape)}: {said}") from error
    if not isinstance(output, Tensor) or output.dim() not in (2, 4) or output.shape[0] != 1 or not output.numel():
        came = str(tuple(output.shape)) if isinstance(output, Tensor) else type(output).__name__
        raise ShapeError(
            f"{node.name} must map (N, {', '.join(map(str, shape))}) to one tensor (N, channels, height, width) or "
            f"(N, features), but got {came} for N = 1"
        )
    return module.train(), tuple(output.shape[1:])


def place_of(error: BaseException, maker: object) -> str:
    """Return where in a study's own code an error arose, `` (my_blocks.py:12)``; empty if not there.

    Args:
        error: as it was caught.
        maker: a class or function of that code.
    """
    file = getattr(sys.modules.get(getattr(maker, "__module__", "")), "__file__", None)
    lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == file]
    return f" ({file}:{lines[-1]})" if lines else ""
