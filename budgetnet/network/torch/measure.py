"""The count of record: parameters by ``numel``, FLOPs and activations by fvcore.

Convention: a fresh module in eval mode, float32, batch 1, the stated input. **One multiply-add is one FLOP.**
For the operators that budgetnet's own modules run, fvcore counts (per application, so a part with shared
weights counts each time it runs)

=======================  ==================================================================================
``conv``                 output positions x output channels x kernel height x kernel width x input channels
                         / groups; the bias is free
``linear``               input features x output features; the bias is free
``batch_norm``           2 per element (eval mode; it would be 5 in training mode)
``group_norm``           5 per element
``layer_norm``           5 per element
``adaptive_avg_pool2d``  1 per *input* element
=======================  ==================================================================================

and nothing for everything in `FREE` and for the data movement on fvcore's own list (``cat``, ``chunk``, ``slice``,
``flatten``, ``permute``, ``transpose`` …, to which it adds ``relu`` and ``dropout``). Any other operator is an error: a
count with a hole in it is not a count. The tracer drops what does not reach the output, so a part whose result is
thrown away has parameters and no FLOPs.
"""

from __future__ import annotations

import logging
import warnings
from collections import Counter
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from budgetnet.errors import CountError
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.torch.build import CustomModule, build_nodes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

with warnings.catch_warnings():  # fvcore calls torch.jit.script as it is imported, which newer torch deprecates
    warnings.simplefilter("ignore", FutureWarning)
    warnings.simplefilter("ignore", DeprecationWarning)
    from fvcore.nn import FlopCountAnalysis
    from fvcore.nn.jit_handles import (
        addmm_flop_jit,
        bmm_flop_jit,
        conv_flop_jit,
        einsum_flop_jit,
        generic_activation_jit,
        linear_flop_jit,
        matmul_flop_jit,
    )

__all__ = ["FREE", "Measurement", "measure_module", "measure_nodes"]

FREE = (
    # Joins, gates and scales: one addition or product per element, which fvcore counts for no operator.
    "aten::add",
    "aten::mul",
    # Activations: fvcore ignores relu as free; the others are treated alike, whatever their formula costs.
    "aten::gelu",
    "aten::hardsigmoid",
    "aten::hardswish",
    "aten::hardtanh",
    "aten::leaky_relu",
    "aten::relu6",
    "aten::sigmoid",
    "aten::silu",
    "aten::tanh",
    # Poolings: comparisons and additions. Not here: adaptive average pooling, which fvcore does count.
    "aten::adaptive_max_pool2d",
    "aten::avg_pool2d",
    "aten::max_pool2d",
    # Data movement that fvcore's list of such operators lacks under the name that torch traces today.
    "aten::channel_shuffle",
    "aten::pad",
    "aten::unflatten",
)
"""Operators that cost nothing by convention, beside those that fvcore ignores by itself."""

_PRODUCTS = {
    "aten::_convolution": conv_flop_jit,
    "aten::addmm": addmm_flop_jit,
    "aten::bmm": bmm_flop_jit,
    "aten::einsum": einsum_flop_jit,
    "aten::linear": linear_flop_jit,
    "aten::matmul": matmul_flop_jit,
}
"""The operators whose outputs fvcore's ``ActivationCountAnalysis`` counts, with fvcore's FLOP handlers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Counts of one network by fvcore and ``numel`` on one input of batch 1."""

    params: int
    """Learned values; weights that are shared count once."""
    flops: int
    """Multiply-adds, by the convention above."""
    activations: int
    """Elements of the outputs of all convolutions and linear layers (fvcore's ``ActivationCountAnalysis``)."""
    by_operator: dict[str, int] = field(default_factory=dict)
    """FLOPs of each counted operator, largest first; they sum to ``flops``."""


def measure_nodes(
    network: Node, input_shape: Shape, *, custom: Mapping[str, CustomModule] | None = None
) -> Measurement:
    """Build the network anew and count it; the caller's random state stays as it was.

    Args:
        network: the architecture.
        input_shape: ``(channels, height, width)`` of one image.
        custom: the study's own primitives by name.

    Raises:
        CountError: an operator is neither counted by fvcore nor known to be free.
        ShapeError: the network cannot be applied to such images.
    """
    with torch.random.fork_rng(devices=[]):
        return measure_module(build_nodes(network, input_shape, custom=custom), input_shape)


def measure_module(module: nn.Module, input_shape: Shape) -> Measurement:
    """Count any module that maps ``(1, *input_shape)`` to one tensor, e.g. an exported one; left in eval mode.

    FLOPs and activations come out of one trace: the handlers of the products also note their outputs' sizes.

    Raises:
        CountError: an operator is neither counted by fvcore nor known to be free.
    """
    parameter = next(module.parameters(), None)
    image = torch.zeros(1, *input_shape, device=None if parameter is None else parameter.device)
    analysis = FlopCountAnalysis(module.eval(), image)
    analysis.set_op_handle(**dict.fromkeys(FREE))
    activations: Counter[str] = Counter()
    for operator, handle in _PRODUCTS.items():
        analysis.set_op_handle(operator, _also_counting(handle, activations))
    with _quiet(), torch.no_grad():
        by_operator = {name: int(flops) for name, flops in analysis.by_operator().most_common()}
    unknown = sorted(analysis.unsupported_ops())
    if unknown:
        raise CountError(
            f"fvcore has no count for {', '.join(unknown)}, and budgetnet does not know "
            f"{'it' if len(unknown) == 1 else 'them'} to be free; build the primitive from convolutions, "
            "linear layers, norms, poolings and activations"
        )
    return Measurement(
        params=sum(parameter.numel() for parameter in module.parameters()),
        flops=sum(by_operator.values()),
        activations=activations.total(),
        by_operator=by_operator,
    )


def _also_counting(handle: Callable[[Any, Any], Any], activations: Counter[str]) -> Callable[[Any, Any], Any]:
    """Wrap a FLOP handler so that the elements of the operator's output are noted, too."""
    elements = generic_activation_jit("elements")

    def both(inputs: Any, outputs: Any) -> Any:
        activations.update(elements(inputs, outputs))
        return handle(inputs, outputs)

    return both


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence fvcore's log (it repeats what becomes an error here) and the tracer's deprecation warnings."""
    log = logging.getLogger("fvcore.nn.jit_analysis")
    before = log.disabled
    log.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.disabled = before
