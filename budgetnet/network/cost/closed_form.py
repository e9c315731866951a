"""Shapes and costs of a network from its tree alone, without torch: the fast path beside fvcore's count.

Equal to `budgetnet.network.torch.measure` (fvcore and ``numel``) on every network that the language can express; a
property test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil, prod

from budgetnet.network import nodes
from budgetnet.network.cost.combine import custom_part, part_of
from budgetnet.network.cost.layer_table import layer_rows
from budgetnet.network.cost.types import BYTES_PER_VALUE, Cost, CustomForm, Layer
from budgetnet.network.int8.memory import footprint, least_ram
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.shapes import builtin_shape, joined_shape, projection

__all__ = ["cost", "joined_shape", "layers", "leaf_cost", "output_of", "projection", "shape_after"]

_NONE: Mapping[str, CustomForm] = {}


def shape_after(node: nodes.Primitive, shape: Shape, *, custom: Mapping[str, CustomForm] = _NONE) -> Shape:
    """Return the shape after one primitive.

    Args:
        node: the primitive.
        shape: of its input, without the batch.
        custom: closed forms of a study's own primitives, by name.

    Raises:
        ShapeError: the primitive cannot be applied to such an input; plain text without a place.
        CountError: it is a study's own primitive without a closed form.
    """
    if isinstance(node, nodes.Custom) and node.name in custom:
        return custom_part(node, shape, custom).shape
    return builtin_shape(node, shape)


def output_of(node: Node, input_shape: Shape, *, custom: Mapping[str, CustomForm] = _NONE) -> Shape:
    """Return the shape after a whole network; raises as `cost` does."""
    return part_of(node, input_shape, custom).shape


def cost(node: Node, input_shape: Shape, *, custom: Mapping[str, CustomForm] = _NONE, ram: bool = False) -> Cost:
    """Return what a network costs in eval mode on one image; see `Cost` for each number's meaning.

    Args:
        node: the network, or a part of one.
        input_shape: without the batch.
        custom: closed forms of a study's own primitives, by name.
        ram: work out `Cost.ram`, too, which takes as long as all others together.

    Raises:
        ShapeError: the network cannot be applied to such an input; plain text without a place.
        CountError: it holds a study's own primitive without a closed form.
    """
    part = part_of(node, input_shape, custom)
    (down, _), (across, _) = part.window
    return Cost(
        params=part.params,
        flops=part.flops,
        activations=part.activations,
        peak_activation_bytes=part.free * BYTES_PER_VALUE,
        depth=part.depth,
        receptive_field=ceil(max(down, across)) + 1,
        flash=part.flash,
        ram=footprint(node, input_shape, custom).ram if ram else None,
    )


def leaf_cost(
    node: nodes.Primitive, entry: Shape, *, custom: Mapping[str, CustomForm] = _NONE, ram: bool = False
) -> Cost:
    """Return what one operation adds to a network: as `cost`, but `Cost.ram` is a lower bound for the network."""
    alone = cost(node, entry, custom=custom)
    if not ram:
        return alone
    own = prod(entry) + prod(part_of(node, entry, custom).shape)
    return replace(alone, ram=own if isinstance(node, nodes.Custom) else least_ram(node, entry))


def layers(node: Node, input_shape: Shape, *, custom: Mapping[str, CustomForm] = _NONE) -> list[Layer]:
    """Return the network's leaf layers in the order they run, named as in the built network.

    Their parameters and FLOPs sum to those of `cost`. A shared part is listed once, with the FLOPs of all the
    times it runs. Raises as `cost` does.
    """
    return layer_rows(node, input_shape, custom)
