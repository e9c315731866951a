"""Graph changes before quantisation, all of them exact, so that fewer layers stay in float32.

A batch norm right behind a convolution is folded by the quantiser itself. Others, and learned scales, become part of a
convolution here:

- a batch norm behind a max pooling behind a convolution is multiplied into that convolution if all its factors are
  positive: the maximum of scaled values is then the scaled maximum;
- every other one, and a learned scale per channel, becomes a depthwise 1x1 convolution.

Global max pooling becomes a max pooling with a window of the whole image.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

__all__ = ["rewrite"]

_ATEN = torch.ops.aten
_CONV = _ATEN.conv2d.default
_POOL = _ATEN.max_pool2d.default


def rewrite(module: GraphModule) -> dict[str, int]:
    """Change an exported network in eval mode in place.

    Returns:
        How many norms were folded through a pooling (``folded``), how many norms and scales became depthwise
        convolutions (``depthwise``), how many poolings were rewritten (``pooled``).
    """
    done = {"folded": 0, "depthwise": 0, "pooled": 0}
    for node in list(module.graph.nodes):
        if node.target == _ATEN.batch_norm.default and _is_image(node):
            kind = _norm(module, node)
            if kind is not None:
                done[kind] += 1
        elif node.target == _ATEN.mul.Tensor and _scale_of(module, node) is not None:
            factor = _scale_of(module, node)
            assert factor is not None
            _depthwise(module, node, factor, torch.zeros_like(factor))
            done["depthwise"] += 1
        elif node.target == _ATEN.adaptive_max_pool2d.default:
            _global_max(module, node)
            done["pooled"] += 1
    module.graph.eliminate_dead_code()
    module.recompile()
    return done


def _is_image(node: Node) -> bool:
    return len(node.meta["val"].shape) == 4


def _norm(module: GraphModule, node: Node) -> str | None:
    """Fold a batch norm, or make it a convolution; return how, None if the quantiser folds it."""
    before = node.args[0]
    assert isinstance(before, Node)
    if before.target == _CONV and len(before.users) == 1:
        return None
    weight, bias, mean, variance = (_value(module, each) for each in node.args[1:5])
    assert mean is not None
    assert variance is not None
    epsilon = float(node.args[7])  # type: ignore[arg-type]
    factor = (torch.ones_like(mean) if weight is None else weight) / torch.sqrt(variance + epsilon)
    offset = (torch.zeros_like(mean) if bias is None else bias) - mean * factor
    conv = before.args[0] if before.target == _POOL else None
    single = isinstance(conv, Node) and conv.target == _CONV and len(conv.users) == len(before.users) == 1
    if single and bool((factor > 0).all()):
        assert isinstance(conv, Node)
        _into(module, conv, factor, offset)
        node.replace_all_uses_with(before)
        module.graph.erase_node(node)
        return "folded"
    _depthwise(module, node, factor, offset)
    return "depthwise"


def _value(module: GraphModule, node: Any) -> Tensor | None:
    """Return the constant that a node reads."""
    if not isinstance(node, Node) or node.op != "get_attr":
        return None
    found: Any = module
    for name in str(node.target).split("."):
        found = getattr(found, name)
    value: Tensor = found.detach().double()
    return value


def _scale_of(module: GraphModule, node: Node) -> Tensor | None:
    """Return the factor per channel by which a product multiplies an image, if it does."""
    if len(node.args) < 2 or not _is_image(node) or not isinstance(node.args[0], Node):
        return None
    channels = node.meta["val"].shape[1]
    if isinstance(node.args[1], float):
        return torch.full((channels,), node.args[1], dtype=torch.float64)
    value = _value(module, node.args[1])
    return None if value is None or tuple(value.shape) != (channels, 1, 1) else value.flatten()


def _constant(module: GraphModule, node: Node, name: str, value: Tensor) -> Node:
    """Put a constant in front of a node."""
    free = name
    while hasattr(module, free):
        free += "_"
    module.register_buffer(free, value.float())
    with module.graph.inserting_before(node):
        made = module.graph.get_attr(free)
    mode = node.meta["val"].fake_mode
    made.meta["val"] = mode.from_tensor(getattr(module, free), static_shapes=True)
    return made


def _into(module: GraphModule, conv: Node, factor: Tensor, offset: Tensor) -> None:
    """Multiply factors into a convolution, and add offsets to its bias."""
    weight = _value(module, conv.args[1])
    assert weight is not None
    old = _value(module, conv.args[2]) if len(conv.args) > 2 else None
    bias = offset if old is None else old * factor + offset
    made = _constant(module, conv, f"{conv.name}_scaled", weight * factor.reshape(-1, 1, 1, 1))
    shifted = _constant(module, conv, f"{conv.name}_shifted", bias)
    conv.args = (conv.args[0], made, shifted, *conv.args[3:])


def _depthwise(module: GraphModule, node: Node, factor: Tensor, offset: Tensor) -> None:
    """Put a depthwise 1x1 convolution in the place of a node."""
    weight = _constant(module, node, f"{node.name}_weight", factor.reshape(-1, 1, 1, 1))
    bias = _constant(module, node, f"{node.name}_bias", offset)
    with module.graph.inserting_before(node):
        made = module.graph.call_function(_CONV, (node.args[0], weight, bias, [1, 1], [0, 0], [1, 1], len(factor)))
    made.meta = dict(node.meta)
    node.replace_all_uses_with(made)
    module.graph.erase_node(node)


def _global_max(module: GraphModule, node: Node) -> None:
    """Write a global max pooling as a pooling over the whole image; only its values are read."""
    entry = node.args[0]
    assert isinstance(entry, Node)
    sides = list(entry.meta["val"].shape[2:])
    with module.graph.inserting_before(node):
        made = module.graph.call_function(_POOL, (entry, sides, sides))
    made.meta = {**node.meta, "val": node.meta["val"][0]}
    for user in list(node.users):
        user.replace_all_uses_with(made)
        module.graph.erase_node(user)
    module.graph.erase_node(node)
