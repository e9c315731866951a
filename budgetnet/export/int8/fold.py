"""Graph changes before quantisation, all of them exact: batch norms become parts of convolutions.

ONNX Runtime and Cortex-M libraries quantise convolutions, not batch norms. A batch norm is

- multiplied into the convolution in front of it;
- also where a max pooling is between them and all its scales are positive: the maximum of scaled values is then
  the scaled maximum (the order conv, pool, norm of some networks);
- otherwise made a depthwise 1x1 convolution, which computes the same and has an int8 kernel.

A batch norm of vectors is multiplied into the linear layer in front of it; where there is none, it stays as it is.

A ReLU after a max pooling moves in front of it, which gives the same values: there the convolution's kernel includes
it, and the pooling's input and output have one range, as its int8 kernel needs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["fold_norms"]

_Array = np.ndarray[Any, Any]


def fold_norms(source: Path, target: Path) -> dict[str, int]:
    """Rewrite an ONNX model's batch norms and global poolings; write it to *target*.

    Args:
        source: a model in float32 with opset 18 or later.
        target: where to write it.

    Returns:
        How many batch norms were folded into a convolution (``folded``) and made one (``depthwise``).
    """
    import onnx

    model = onnx.load(source)
    inferred = onnx.shape_inference.infer_shapes(model).graph
    ranks = {value.name: len(value.type.tensor_type.shape.dim) for value in (*inferred.value_info, *inferred.input)}
    del model.graph.value_info[:]  # shapes of values that move
    graph = _Graph(model.graph)
    done = {"folded": 0, "depthwise": 0}
    for node in list(model.graph.node):
        if node.op_type == "BatchNormalization" and ranks.get(node.input[0]) == 2:
            done["folded"] += graph.fold_into_linear(node)
        elif node.op_type == "BatchNormalization":
            done[graph.fold(node)] += 1
        elif node.op_type == "ReduceMean" and graph.is_global_pool(node):
            graph.to_global_pool(node)
    for node in list(model.graph.node):
        if node.op_type == "Relu":
            graph.before_pool(node)
    graph.drop_unused()
    onnx.checker.check_model(model)
    target.write_bytes(model.SerializeToString(deterministic=True))
    return done


class _Graph:
    """A graph with its constants by name."""

    def __init__(self, graph: Any) -> None:
        self.graph = graph
        self.constants = {tensor.name: tensor for tensor in graph.initializer}

    def value(self, name: str) -> _Array:
        from onnx import numpy_helper

        values: _Array = numpy_helper.to_array(self.constants[name])
        return values

    def add(self, name: str, values: _Array) -> str:
        from onnx import numpy_helper

        self.constants[name] = numpy_helper.from_array(values.astype(np.float32), name)
        self.graph.initializer.append(self.constants[name])
        return name

    def maker(self, name: str) -> Any | None:
        """Return the node that makes a value if nothing else reads the value."""
        readers = sum(name in node.input for node in self.graph.node)
        kept = any(output.name == name for output in self.graph.output)
        makers = [node for node in self.graph.node if name in node.output]
        return makers[0] if makers and readers == 1 and not kept else None

    def line_of(self, norm: Any) -> tuple[_Array, _Array]:
        """Return the factor and the offset that a batch norm comes to."""
        scale, bias, mean, variance = (self.value(name).astype(np.float64) for name in norm.input[1:5])
        epsilon = next((entry.f for entry in norm.attribute if entry.name == "epsilon"), 1e-5)
        factor = scale / np.sqrt(variance + epsilon)
        return factor, bias - mean * factor

    def fold_into_linear(self, norm: Any) -> bool:
        """Fold a norm of vectors into the linear layer before it; where there is none it stays, in float32."""
        linear = self.maker(norm.input[0])
        if linear is None or linear.op_type != "Gemm" or linear.input[1] not in self.constants:
            return False
        settings = {entry.name: entry for entry in linear.attribute}
        if "transB" not in settings or not settings["transB"].i:
            return False
        factor, offset = self.line_of(norm)
        weight = self.value(linear.input[1])
        old = self.value(linear.input[2]) if len(linear.input) > 2 else np.zeros(len(weight))
        inputs = [
            linear.input[0],
            self.add(f"{norm.output[0]}_weight", weight * factor[:, None]),
            self.add(f"{norm.output[0]}_bias", old * factor + offset),
        ]
        del linear.input[:]
        linear.input.extend(inputs)
        linear.output[0] = norm.output[0]
        self.graph.node.remove(norm)
        return True

    def fold(self, norm: Any) -> str:
        """Turn one batch norm into part of a convolution; return how."""
        factor, offset = self.line_of(norm)
        before = self.maker(norm.input[0])
        pool = before if before is not None and before.op_type == "MaxPool" and (factor > 0).all() else None
        conv = self.maker(pool.input[0]) if pool is not None else before
        if conv is not None and conv.op_type == "Conv" and conv.input[1] in self.constants:
            weight = self.value(conv.input[1])
            old = self.value(conv.input[2]) if len(conv.input) > 2 else np.zeros(len(weight))
            shape = (-1, *[1] * (weight.ndim - 1))
            conv.input[1] = self.add(f"{norm.output[0]}_weight", weight * factor.reshape(shape))
            new = self.add(f"{norm.output[0]}_bias", old * factor + offset)
            if len(conv.input) > 2:
                conv.input[2] = new
            else:
                conv.input.append(new)
            last = pool if pool is not None else conv
            last.output[0] = norm.output[0]
            self.graph.node.remove(norm)
            return "folded"
        self._to_depthwise(norm, factor, offset)
        return "depthwise"

    def _to_depthwise(self, norm: Any, factor: _Array, offset: _Array) -> None:
        from onnx import helper

        weight = self.add(f"{norm.output[0]}_weight", factor.reshape(-1, 1, 1, 1))
        bias = self.add(f"{norm.output[0]}_bias", offset)
        made = helper.make_node(
            "Conv",
            [norm.input[0], weight, bias],
            [norm.output[0]],
            name=f"{norm.name}_depthwise",
            group=len(factor),
            kernel_shape=[1, 1],
        )
        self._put(norm, made)

    def is_global_pool(self, node: Any) -> bool:
        """Return True if a mean is taken over height and width, which stay as 1x1."""
        keeps = next((entry.i for entry in node.attribute if entry.name == "keepdims"), 1)
        axes = sorted(self.value(node.input[1]).tolist()) if len(node.input) > 1 else []
        return bool(keeps) and axes in ([2, 3], [-2, -1])

    def to_global_pool(self, node: Any) -> None:
        """Write the mean over height and width as the pooling that quantisers know."""
        from onnx import helper

        made = helper.make_node("GlobalAveragePool", [node.input[0]], [node.output[0]], name=node.name)
        self._put(node, made)

    def before_pool(self, relu: Any) -> None:
        """Move a ReLU in front of the max pooling whose only reader it is."""
        pool = self.maker(relu.input[0])
        if pool is None or pool.op_type != "MaxPool" or len(pool.output) > 1:
            return
        place = list(self.graph.node).index(pool)
        self.graph.node.remove(relu)
        self.graph.node.insert(place, relu)
        moved = self.graph.node[place]
        between, result = pool.output[0], relu.output[0]
        moved.input[0], moved.output[0] = pool.input[0], between
        pool.input[0], pool.output[0] = between, result

    def _put(self, old: Any, new: Any) -> None:
        place = list(self.graph.node).index(old)
        self.graph.node.remove(old)
        self.graph.node.insert(place, new)

    def drop_unused(self) -> None:
        """Remove constants that no node reads any more."""
        used = {name for node in self.graph.node for name in node.input}
        kept = [tensor for tensor in self.graph.initializer if tensor.name in used]
        del self.graph.initializer[:]
        self.graph.initializer.extend(kept)
