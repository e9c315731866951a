"""From an architecture's tree to a torch module of plain, readable layers.

Sequences are flattened: a convolution with its norm and activation stands as three layers in the list around
it, as one would write them by hand, and `budgetnet.export.codegen` prints the same list. So the names of
parameters (``0.weight``, ``3.body.0.weight`` …) follow from the architecture alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from traceback import extract_tb
from typing import assert_never

import torch
from torch import Tensor, nn

from budgetnet.errors import RequestError, ShapeError, nearest
from budgetnet.grammar.syntax import Join
from budgetnet.network import nodes
from budgetnet.network.cost.dag_cost import as_graph
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.shapes import builtin_shape, joined_shape, shape_text, slice_shape
from budgetnet.network.torch.graph_module import GraphModule
from budgetnet.network.torch.layers import primitive_layers
from budgetnet.network.torch.modules import Parallel, Residual, SharedStack, Split

__all__ = ["CustomModule", "build", "place_of"]

CustomModule = Callable[..., nn.Module]
"""Makes a study's own primitive: called with the input's shape (without the batch) and the arguments by name."""


def build(network: Node, input_shape: Shape, *, custom: Mapping[str, CustomModule] | None = None) -> nn.Sequential:
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
    builder = _Builder(custom or {})
    layers, shape = builder.layers(network, (input_shape,))
    return nn.Sequential(*layers, *([] if len(shape) == 1 else [nn.Flatten()]))


class _Builder:
    """Walks the tree with the shape at hand; every method returns modules and the shape after them."""

    def __init__(self, custom: Mapping[str, CustomModule]) -> None:
        self._custom = custom

    def layers(self, node: Node, shapes: tuple[Shape, ...]) -> tuple[list[nn.Module], Shape]:
        """The layers of a part, in the order they run; none for an identity."""
        if len(shapes) > 1:
            return self._graph(as_graph(node, len(shapes)), shapes)
        (shape,) = shapes
        match node:
            case nodes.Sequence():
                return self._sequence(node, shape)
            case nodes.Graph():
                return self._graph(node, shapes)
            case nodes.Skip():
                return self._skip(node, shape)
            case nodes.Parallel():
                branches, after = self._branches(node.branches, shape, node.join)
                return [Parallel(*branches, join=node.join)], after
            case nodes.Split():
                part = slice_shape(shape, len(node.branches))
                branches, after = self._branches(node.branches, part, node.join)
                return [Split(*branches, join=node.join)], after
            case nodes.Shared():
                body, after = self.module(node.body, (shape,))
                if after != shape:
                    got = f"{shape_text(shape)} -> {shape_text(after)}"
                    raise ShapeError(f"a shared part must keep its input's shape, got {got}")
                return [SharedStack(body, node.times)], after
            case nodes.Custom():
                return self._custom_layers(node, shape)
            case _:
                after = builtin_shape(node, shape)
                return primitive_layers(node, shape), after

    def module(self, node: Node, shapes: tuple[Shape, ...]) -> tuple[nn.Module, Shape]:
        """A part as one module."""
        layers, shape = self.layers(node, shapes)
        if not layers:
            return nn.Identity(), shape
        return layers[0] if len(layers) == 1 else nn.Sequential(*layers), shape

    def _sequence(self, node: nodes.Sequence, shape: Shape) -> tuple[list[nn.Module], Shape]:
        layers: list[nn.Module] = []
        for item in node.items:
            more, shape = self.layers(item, (shape,))
            layers += more
        return layers, shape

    def _skip(self, node: nodes.Skip, shape: Shape) -> tuple[list[nn.Module], Shape]:
        body, after = self.module(node.body, (shape,))
        if node.project is None:
            shortcut, kept = None, shape
        else:
            shortcut, kept = self.module(node.project, (shape,))
        return [Residual(body, shortcut)], joined_shape("add", (kept, after))

    def _branches(self, branches: tuple[Node, ...], shape: Shape, join: Join) -> tuple[list[nn.Module], Shape]:
        built = [self.module(branch, (shape,)) for branch in branches]
        return [module for module, _ in built], joined_shape(join, tuple(after for _, after in built))

    def _graph(self, node: nodes.Graph, shapes: tuple[Shape, ...]) -> tuple[list[nn.Module], Shape]:
        if len(shapes) != len(node.inputs):
            raise ShapeError(f"the graph has {len(node.inputs)} inputs, got {len(shapes)}")
        known = dict(zip(node.inputs, shapes, strict=True))
        operations: list[nn.Module] = []

        def visit(term: nodes.GraphTerm) -> Shape:
            match term:
                case nodes.GraphName():
                    return known[term.id]
                case nodes.GraphApply():
                    module, after = self.module(term.function, tuple(known[name] for name in term.inputs))
                    operations.append(module)
                    return after
                case nodes.GraphJoin():
                    return joined_shape(term.join, tuple(visit(inner) for inner in term.terms))
                case _:
                    assert_never(term)

        for binding in node.bindings:
            known[binding.name] = visit(binding.term)
        after = visit(node.result)
        return [GraphModule(node, operations)], after

    def _custom_layers(self, node: nodes.Custom, shape: Shape) -> tuple[list[nn.Module], Shape]:
        make = self._custom.get(node.name)
        if make is None:
            raise RequestError(
                f"the primitive {node.name!r} is not built in and no module was given for it"
                f"{nearest(node.name, self._custom)}; name the Python file that defines it"
            )
        try:
            module = make(shape, **dict(node.arguments))
            with torch.no_grad():
                output = module.eval()(torch.zeros(1, *shape))
        except Exception as error:  # a study's own code may raise anything
            said = f"{type(error).__name__}: {error}{place_of(error, make)}"
            raise ShapeError(f"{node.name} failed on an input of {shape_text(shape)}: {said}") from error
        if not isinstance(output, Tensor) or output.dim() not in (2, 4) or output.shape[0] != 1 or not output.numel():
            came = str(tuple(output.shape)) if isinstance(output, Tensor) else type(output).__name__
            raise ShapeError(
                f"{node.name} must map (N, {', '.join(map(str, shape))}) to one tensor (N, channels, height, width) or "
                f"(N, features), got {came} for N = 1"
            )
        return [module.train()], tuple(output.shape[1:])


def place_of(error: BaseException, maker: object) -> str:
    """Return where in a study's own code an error arose, `` (my_blocks.py:12)``; empty if not there.

    Args:
        error: as it was caught.
        maker: a class or function of that code.
    """
    file = getattr(sys.modules.get(getattr(maker, "__module__", "")), "__file__", None)
    lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == file]
    return f" ({file}:{lines[-1]})" if lines else ""
