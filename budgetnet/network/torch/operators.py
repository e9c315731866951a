"""Operators by what they cost: those that are free by convention, and those that fvcore lacks or miscounts.

A name is that of torch's tracer without ``aten::``; an operator and its in-place twin (``add`` and ``add_``) are one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from fvcore.nn.jit_handles import (
    addmm_flop_jit,
    bmm_flop_jit,
    conv_flop_count,
    conv_flop_jit,
    einsum_flop_jit,
    get_shape,
    linear_flop_jit,
)

__all__ = ["FREE", "PRODUCTS", "Handle"]

Handle = Callable[[Any, Any], Any]
"""Takes an operator's inputs and outputs, as fvcore's handlers do, and returns its FLOPs."""

_ARITHMETIC = (
    "abs", "add", "addcdiv", "addcmul", "ceil", "clamp", "clamp_max", "clamp_min", "clone", "cos", "div", "erf", "exp",
    "expm1", "floor", "lerp", "log", "log1p", "maximum", "minimum", "mul", "neg", "pow", "reciprocal", "round", "rsqrt",
    "rsub", "sign", "sin", "sqrt", "square", "sub", "threshold", "where",
)  # fmt: skip
"""One or a few operations per element: joins, gates, scales. fvcore counts none of them."""

_ACTIVATIONS = (
    "celu", "elu", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "log_sigmoid",
    "log_softmax", "mish", "prelu", "relu", "relu6", "rrelu", "selu", "sigmoid", "silu", "softmax", "softplus",
    "softshrink", "tanh",
)  # fmt: skip
"""fvcore ignores relu as free; the others are treated alike, whatever their formula costs."""

_REDUCTIONS = (
    "adaptive_max_pool1d", "adaptive_max_pool2d", "amax", "amin", "argmax", "avg_pool1d", "avg_pool2d", "cumsum",
    "frobenius_norm", "linalg_vector_norm", "logsumexp", "max", "max_pool1d", "max_pool2d", "max_pool2d_with_indices",
    "mean", "min", "norm", "prod", "std", "std_mean", "sum", "topk", "var", "var_mean",
)  # fmt: skip
"""Poolings, means and norms: comparisons and additions. Not here: adaptive average pooling, which fvcore counts."""

_MOVEMENT = (
    "alias", "as_strided", "broadcast_to", "channel_shuffle", "col2im", "dropout", "expand_as", "feature_alpha_dropout",
    "feature_dropout", "fill", "alpha_dropout", "flip", "im2col", "index_select", "movedim", "numpy_T", "one_hot",
    "pad", "pixel_shuffle", "pixel_unshuffle", "reflection_pad1d", "reflection_pad2d", "repeat",
    "repeat_interleave", "replication_pad2d", "reshape_as", "rot90", "swapaxes", "swapdims", "take", "tensor_split",
    "tile", "tril", "triu", "unflatten", "unfold", "view_as", "zero", "T", "mT", "numel", "is_floating_point",
)  # fmt: skip
"""Data movement, and dropout, which does nothing in eval mode."""

_NUMBERS = (
    "Bool", "Float", "FloatImplicit", "IntImplicit", "__derive_index", "__getitem__", "__or__", "__range_length",
    "bool", "detach", "dim", "eq", "floordiv", "item", "le", "len", "linspace", "logical_and", "logical_not",
    "logical_or", "lt", "ne", "new_ones", "not", "ones_like", "rand", "randn", "scalar_tensor", "tensor",
    "true_divide", "lift_fresh",
)  # fmt: skip
"""Comparisons, constants and arithmetic on shapes."""

FREE = tuple(
    f"aten::{name}{twin}"
    for name in (*_ARITHMETIC, *_ACTIVATIONS, *_REDUCTIONS, *_MOVEMENT, *_NUMBERS)
    for twin in ("", "_")
)
"""Operators that cost nothing by convention, besides those that fvcore ignores by itself."""


def _contraction(inputs: Any, outputs: Any, left: int = 0) -> int:
    """Multiply-adds of a product of matrices or vectors: one per output element and element of the contracted side."""
    elements: int = math.prod(get_shape(outputs[0]) or [1])
    return elements * int(get_shape(inputs[left])[-1])


def _baddbmm(inputs: Any, outputs: Any) -> int:
    """A batched product that is added to something: the addition is free."""
    return _contraction(inputs, outputs, left=1)


def _convolution_by_word(inputs: Any, outputs: Any) -> dict[str, int]:
    """A convolution whose padding is a word, such as ``padding="same"``."""
    shapes = (get_shape(inputs[0]), get_shape(inputs[1]), get_shape(outputs[0]))
    return {"conv": int(conv_flop_count(*shapes))}


def _attention(inputs: Any, _outputs: Any) -> int:
    """Scaled dot-product attention: queries with keys, and weights with values; the softmax is free.

    As `torch.utils.flop_counter` counts it, with one multiply-add as one.
    """
    *batch, queries, features = map(int, get_shape(inputs[0]))
    keys, values = int(get_shape(inputs[1])[-2]), int(get_shape(inputs[2])[-1])
    return math.prod(batch) * queries * keys * (features + values)


PRODUCTS: dict[str, Handle] = {
    "aten::_convolution": conv_flop_jit,
    "aten::_convolution_mode": _convolution_by_word,
    "aten::addmm": addmm_flop_jit,
    "aten::baddbmm": _baddbmm,
    "aten::bmm": bmm_flop_jit,
    "aten::dot": _contraction,
    "aten::einsum": einsum_flop_jit,
    "aten::linear": linear_flop_jit,
    "aten::matmul": _contraction,
    "aten::mm": _contraction,
    "aten::mv": _contraction,
    "aten::scaled_dot_product_attention": _attention,
}
"""Operators that multiply and add, with their FLOPs: fvcore's handlers where it has them and they fit every shape.

Their outputs are what fvcore's ``ActivationCountAnalysis`` counts.
"""
