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
``matmul`` and the like  output elements x elements of the contracted side
``attention``            queries x keys x (features of a key + features of a value), per head; the softmax is free
=======================  ==================================================================================

and nothing for everything in `FREE` and for the data movement on fvcore's own list (``cat``, ``chunk``, ``slice``,
``flatten``, ``permute``, ``transpose`` …, to which it adds ``relu`` and ``dropout``). Any other operator is an error,
since a count with a hole in it is not a count, unless a plug-in states the cost of the module that runs it: then its
author's figure stands, and `Measurement.stated` names it. The tracer drops what does not reach the output, so a part
whose result is thrown away has parameters and no FLOPs.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections import Counter
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from budgetnet.errors import CountError
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.shapes import describe_shape
from budgetnet.network.torch.build import STATED, CustomModule, StatedCost, build_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

with warnings.catch_warnings():  # fvcore calls torch.jit.script as it is imported, which newer torch deprecates
    warnings.simplefilter("ignore", FutureWarning)
    warnings.simplefilter("ignore", DeprecationWarning)
    from fvcore.nn import FlopCountAnalysis
    from fvcore.nn.jit_handles import generic_activation_jit

    from budgetnet.network.torch.operators import FREE, PRODUCTS, Handle

__all__ = ["Measurement", "known_counts", "measure_module", "measure_nodes"]


_TOO_LARGE = r"can't allocate memory|[Oo]ut of memory|Storage size calculation overflowed|invalid size|too large"
"""Words of PyTorch where a tensor is larger than the memory."""
_TORCH = Path(torch.__file__).parent


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
    stated: tuple[str, ...] = ()
    """Own primitives whose FLOPs and activations are their authors' figures, as fvcore does not know an operator."""


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
    try:
        with torch.random.fork_rng(devices=[]):
            return measure_module(build_nodes(network, input_shape, custom=custom), input_shape)
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, MemoryError) or re.search(_TOO_LARGE, str(error)):
            raise CountError(
                f"fvcore counts a network that runs, but this one is too large for the memory of this machine on an "
                f"image of {describe_shape(input_shape)}; take a smaller image or smaller layers"
            ) from None
        raise


def measure_module(module: nn.Module, input_shape: Shape) -> Measurement:
    """Count any module that maps ``(1, *input_shape)`` to one tensor, e.g. an exported one; left in eval mode.

    FLOPs and activations come out of one trace: the handlers of the products also note their outputs' sizes.

    Raises:
        CountError: an operator is neither counted by fvcore nor known to be free, outside modules whose cost is stated.
    """
    parameter = next(module.parameters(), None)
    image = torch.zeros(1, *input_shape, device=None if parameter is None else parameter.device)
    counted = _traced(module.eval(), image)
    authors = [
        inner
        for name, inner in (module.named_modules() if counted.unknown[""] else ())
        if counted.unknown.get(name) and isinstance(getattr(inner, STATED, None), StatedCost)
    ]
    by_operator, activations, unknown = counted.by_operator, counted.activations, Counter(counted.unknown[""])
    for inner in authors:
        stated: StatedCost = getattr(inner, STATED)
        runs = _runs(module, inner, image)
        found = _traced(inner, torch.zeros(1, *stated.input, device=image.device))
        for operator, flops in found.by_operator.items():
            by_operator[operator] -= runs * flops
        by_operator[f"cost() of {stated.name}"] += runs * stated.flops
        activations += runs * (stated.activations - found.activations)
        unknown -= Counter({operator: runs * count for operator, count in found.unknown[""].items()})
    if unknown:
        raise CountError(_unknown_text(module, image, sorted(unknown), authors))
    return Measurement(
        params=sum(parameter.numel() for parameter in module.parameters()),
        flops=by_operator.total(),
        activations=activations,
        by_operator={name: flops for name, flops in by_operator.most_common() if flops},
        stated=tuple(dict.fromkeys(getattr(inner, STATED).name for inner in authors)),
    )


def known_counts(module: nn.Module, input_shape: Shape) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return FLOPs by operator of any module, and the operators that have no count, instead of refusing them.

    Args:
        module: maps ``(1, *input_shape)`` to one tensor; left in eval mode.
        input_shape: ``(channels, height, width)`` of one image.
    """
    parameter = next(module.parameters(), None)
    image = torch.zeros(1, *input_shape, device=None if parameter is None else parameter.device)
    found = _traced(module.eval(), image)
    return dict(found.by_operator), tuple(sorted(found.unknown[""]))


@dataclass(slots=True)
class _Traced:
    """Findings of fvcore in one trace."""

    by_operator: Counter[str]
    activations: int
    unknown: dict[str, Counter[str]]
    """Operators without a count, by the name of each module in which they ran."""


def _traced(module: nn.Module, image: torch.Tensor) -> _Traced:
    analysis = FlopCountAnalysis(module, image)
    analysis.set_op_handle(**dict.fromkeys(FREE))
    activations: Counter[str] = Counter()
    for operator, handle in PRODUCTS.items():
        analysis.set_op_handle(operator, _also_counting(handle, activations))
    with _quiet(), torch.no_grad(), _attention_in_parts():
        by_operator = Counter({name: int(flops) for name, flops in analysis.by_operator().items()})
        unknown = {"": Counter(analysis.unsupported_ops())}
        if unknown[""]:  # almost never; then it matters where
            unknown = {name: Counter(analysis.unsupported_ops(name)) for name, _ in module.named_modules()}
    return _Traced(by_operator, activations.total(), unknown)


def _runs(module: nn.Module, inner: nn.Module, image: torch.Tensor) -> int:
    """Return how often *inner* runs when *module* is applied once."""
    ran: list[None] = []
    handle = inner.register_forward_pre_hook(lambda _module, _inputs: ran.append(None))
    with torch.no_grad():
        module(image)
    handle.remove()
    return len(ran)


def _unknown_text(module: nn.Module, image: torch.Tensor, unknown: list[str], authors: list[nn.Module]) -> str:
    """Return the error for operators without a count: where they are called outside *authors*, and the way out."""
    codes = [type(inner).forward.__code__ for inner in authors]
    excused = {(code.co_filename, line) for code in codes for _, _, line in code.co_lines()}
    with _quiet(), torch.no_grad():
        graph, _ = torch.jit._get_trace_graph(module, image)  # type: ignore[attr-defined, no-untyped-call]
    places: dict[str, str] = {}
    for node in graph.nodes():
        # The innermost line of the Python stack that is not torch's own.
        lines = [(file, int(line)) for file, line in re.findall(r"(\S+\.py)\((\d+)\)", node.sourceRange())]
        own = [f"{file}:{line}" for file, line in lines if _TORCH not in Path(file).parents]
        if node.kind() in unknown and own and not excused.intersection(lines):
            places.setdefault(node.kind(), own[0])
    listed = ", ".join(f"{name} ({places[name]})" if name in places else name for name in unknown)
    one = len(unknown) == 1
    return (
        f"fvcore must have a count for every operator, but has none for {listed}, and budgetnet does not know "
        f"{'it' if one else 'them'} to be free; build the primitive from convolutions, products of matrices, norms, "
        "poolings, activations and element-wise arithmetic, or state its cost in a method cost()"
    )


def _also_counting(handle: Handle, activations: Counter[str]) -> Handle:
    """Wrap a FLOP handler so that the elements of the operator's output are noted, too."""
    elements = generic_activation_jit("elements")

    def both(inputs: Any, outputs: Any) -> Any:
        activations.update(elements(inputs, outputs))
        return handle(inputs, outputs)

    return both


@contextmanager
def _attention_in_parts() -> Iterator[None]:
    """Trace torch's multi-head attention as projections and products, not as one fused operator."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


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
