"""Memory that a network's int8 kernels need at once, and layers that have no int8 kernel.

A tensor lives from the kernel that writes it to the last one that reads it. The peak is the largest total of the
tensors that are alive while a kernel runs, its input, output and scratch buffer included, each rounded up to 16 bytes,
as ExecuTorch's planner does. The input image counts in int8 while something needs it.

What becomes part of the kernel in front of it writes no tensor: batch norm behind a convolution, and ReLU, ReLU6 and
hardtanh behind a convolution, linear layer, sum or max pooling (hard sigmoid: the first two). A layer without an int8
kernel reads and writes float32; conversions stand around it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod

from budgetnet.network.cost.types import CustomForm
from budgetnet.network.int8.kernels import KernelRun, Program
from budgetnet.network.int8.write import write_program
from budgetnet.network.nodes import Node, Shape
from budgetnet.ops.int8 import aligned

__all__ = ["Footprint", "footprint", "least_ram"]

_TAKES: dict[str, tuple[str, ...]] = {
    "norm": ("conv",),
    "clamp": ("conv", "linear", "norm", "add", "maxpool"),
    "gate": ("conv", "linear", "norm"),
}
"""Kernels that each may become part of."""

_FLOAT = 4

_BESIDE: dict[str, int] = {"PReLU": 5, "Softplus": 9, "Mish": 9, "GlobalResponseNorm": 1}
"""Bytes per value that a float layer holds beside its input and output."""
_MOMENTS = {"LayerNorm2d"}
"""Layers that write mean and deviation of each position in float32."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """A network in int8 on a Cortex-M processor."""

    ram: int
    """Most bytes of tensors and scratch buffers alive at once, for one image."""
    in_float: Mapping[str, int]
    """Classes of layers that have no int8 kernel, with their number; empty if the network is whole in int8."""


def footprint(
    network: Node, input_shape: Shape, custom: Mapping[str, CustomForm], *, flattened: bool = True
) -> Footprint:
    """Return what a network needs in int8 beside flash.

    Args:
        network: the network, or a part of one.
        input_shape: without the batch.
        custom: closed forms of a study's own primitives, by name; they run in float32.
        flattened: an image at the end becomes a vector; False for a part of a network.

    Raises:
        ShapeError: the network cannot be applied to such an input; plain text without a place.
        CountError: it holds a study's own primitive without a closed form.
    """
    program, result = write_program(network, input_shape, custom, flattened=flattened)
    runs, result = _fused(program, result)
    float_runs = Counter(run.layer for run in runs if run.work in ("float", "gate"))
    return Footprint(_peak(program, _converted(program, runs), result), dict(sorted(float_runs.items())))


@lru_cache(maxsize=1 << 14)
def least_ram(part: Node, input_shape: Shape) -> int:
    """Return a lower bound for the memory of a network in which a built-in operation stands.

    Layers at its start that may become part of what is in front of them are left out.

    Raises:
        ShapeError: it cannot be applied to such an input.
        CountError: it is a study's own primitive.
    """
    program, result = write_program(part, input_shape, {}, flattened=False)
    runs, result = _fused(program, result)
    names: dict[int, int] = {}
    kept: list[KernelRun] = []
    for run in runs:
        if run.work in _TAKES and not any(earlier.work not in _TAKES for earlier in kept):
            names[run.writes[0]] = names.get(run.reads[0], run.reads[0])
        else:
            kept.append(replace(run, reads=tuple(names.get(read, read) for read in run.reads)))
    return _peak(program, kept, names.get(result, result))


def _fused(program: Program, result: int) -> tuple[list[KernelRun], int]:
    """Let kernels take in what stands behind them; return what is left, and the tensor of the result."""
    readers = Counter(read for run in program.runs for read in run.reads)
    readers[result] += 1
    names: dict[int, int] = {}
    makers: dict[int, int] = {}
    closed: set[int] = set()
    found: list[KernelRun] = []
    for run in program.runs:
        reads = tuple(names.get(read, read) for read in run.reads)
        if run.work == "view":
            names[run.writes[0]] = reads[0]
            readers[reads[0]] += readers[run.writes[0]] - 1
            continue
        place = makers.get(reads[0]) if run.work in _TAKES and readers[reads[0]] == 1 else None
        if place is not None and found[place].work in _TAKES[run.work] and place not in closed:
            names[run.writes[0]] = reads[0]
            readers[reads[0]] = readers[run.writes[0]]
            if run.work != "norm":
                closed.add(place)
            continue
        makers.update(dict.fromkeys(run.writes, len(found)))
        found.append(replace(run, reads=reads))
    return found, names.get(result, result)


def _converted(program: Program, runs: list[KernelRun]) -> list[KernelRun]:
    """Put conversions to and from float32 around what has no int8 kernel."""
    if not any(run.work in ("float", "gate") for run in runs):
        return runs
    found: list[KernelRun] = []
    for run in runs:
        if run.work not in ("float", "gate"):
            found.append(run)
            continue
        wide = [program.tensor((_FLOAT * prod(program.shapes[each]),)) for each in (*run.reads, *run.writes)]
        entries, made = wide[: len(run.reads)], wide[len(run.reads) :]
        found += [KernelRun("copy", (read,), (entry,)) for read, entry in zip(run.reads, entries, strict=True)]
        after = program.shapes[run.writes[0]]
        beside = run.scratch + _BESIDE.get(run.layer, 0) * prod(after)
        beside += 2 * _FLOAT * prod(after[1:]) if run.layer in _MOMENTS else 0
        found.append(KernelRun("float", tuple(entries), tuple(made), beside))
        found += [KernelRun("copy", (each,), (write,)) for each, write in zip(made, run.writes, strict=True)]
    return found


def _peak(program: Program, runs: list[KernelRun], result: int) -> int:
    sizes = [aligned(prod(shape)) for shape in program.shapes]
    last = {result: len(runs)}
    for place, run in enumerate(runs):
        for read in run.reads:
            last[read] = max(place, last.get(read, 0))
    for run in runs:  # slices of one tensor end together
        if len(run.writes) > 1:
            last.update(dict.fromkeys(run.writes, max(last.get(each, 0) for each in run.writes)))
    alive = {0}
    peak = sizes[0]
    for place, run in enumerate(runs):
        alive.update(run.writes)
        peak = max(peak, aligned(run.scratch) + sum(sizes[tensor] for tensor in alive))
        alive = {tensor for tensor in alive if last.get(tensor, -1) > place}
    return peak
