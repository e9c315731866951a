"""From a network to its program of int8 kernels.

The order is that of the layer table, which the runtimes keep: neither ExecuTorch nor TFLite Micro moves kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from budgetnet.grammar.graph import Join, run_graph
from budgetnet.network import nodes
from budgetnet.network.cost.combine import custom_part
from budgetnet.network.cost.types import CustomForm
from budgetnet.network.int8.kernels import Program, write_layer
from budgetnet.network.layer_walk import Box, Child, GraphBox, walk_layers
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.shapes import joined_shape
from budgetnet.ops.base import Spec

__all__ = ["write_program"]

_Write = Callable[[Program, tuple[int, ...]], int]
"""Appends kernels that read the given tensors, and returns the tensor that holds the result."""


def write_program(
    network: Node, input_shape: Shape, custom: Mapping[str, CustomForm], *, flattened: bool = True
) -> tuple[Program, int]:
    """Return a network's kernels, and the tensor that holds its result; tensor 0 is its input.

    Args:
        network: the network, or a part of one.
        input_shape: without the batch.
        custom: closed forms of a study's own primitives, by name.
        flattened: an image at the end becomes a vector, as in a whole network.

    Raises:
        ShapeError: the network cannot be applied to such an input.
        CountError: it holds a study's own primitive without a closed form.
    """
    layers, _ = walk_layers(network, input_shape, _Reader(custom), flattened=flattened)
    program = Program()
    return program, _sequence(layers, program, (program.tensor(input_shape),))


def _sequence(layers: list[_Write], program: Program, reads: tuple[int, ...]) -> int:
    for layer in layers:
        reads = (layer(program, reads),)
    return reads[0]


class _Reader:
    """Reads layers as functions that write their kernels."""

    def __init__(self, custom: Mapping[str, CustomForm]) -> None:
        self._custom = custom

    def layer(self, spec: Spec) -> _Write:
        return lambda program, reads: write_layer(program, spec, reads[0])

    def own(self, node: nodes.Custom, shape: Shape) -> tuple[_Write, Shape]:
        after = custom_part(node, shape, self._custom).shape
        return lambda program, reads: program.run("float", reads[0], shape=after, layer=node.name), after

    def box(self, box: Box[_Write]) -> _Write:
        def write(program: Program, reads: tuple[int, ...]) -> int:
            match box.type:
                case "SharedStack":
                    for _ in range(box.runs):
                        reads = (_sequence(box.children[0].layers, program, reads),)
                    return reads[0]
                case "Residual":
                    found = [_sequence(child.layers, program, reads) for child in box.children]
                    return _joined(program, "add", found if len(found) > 1 else [*found, *reads])
                case "SplitBranches":
                    shape = program.shapes[reads[0]]
                    widths = dict(box.options).get("widths", (shape[0] // len(box.children),) * len(box.children))
                    slices = program.split(reads[0], [(width, *shape[1:]) for width in widths])
                    found = [
                        _sequence(child.layers, program, (part,))
                        for child, part in zip(box.children, slices, strict=True)
                    ]
                case _:
                    found = [_sequence(child.layers, program, reads) for child in box.children]
            return _joined(program, _join_of(box), found)

        return write

    def graph(self, box: GraphBox[_Write]) -> _Write:
        def write(program: Program, reads: tuple[int, ...]) -> int:
            children = iter(box.children)

            def apply(_: object, inputs: tuple[int, ...]) -> int:
                child: Child[_Write] = next(children)
                return _sequence(child.layers, program, inputs)

            return run_graph(box.graph, reads, apply, lambda join, terms: _joined(program, join, terms))

        return write


def _join_of(box: Box[_Write]) -> Join:
    join: Join = dict(box.options)["join"]
    return join


def _joined(program: Program, join: Join, found: list[int]) -> int:
    if join == "concat":
        return program.run(join, *found, shape=joined_shape(join, tuple(program.shapes[each] for each in found)))
    made = found[0]
    for each in found[1:]:
        shape = joined_shape(join, (program.shapes[made], program.shapes[each]))
        made = program.run("add" if join == "mean" else join, made, each, shape=shape)
    # A mean is a sum times a constant.
    return program.run("mul", made, shape=program.shapes[made]) if join == "mean" else made
