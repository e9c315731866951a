"""A program of int8 kernels while it is written: tensors with their shapes, and what runs on them in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Literal

from budgetnet.network.nodes import Shape
from budgetnet.ops.base import Spec
from budgetnet.ops.int8 import Kernel, kernel_of, scratch_of

__all__ = ["KernelRun", "Program", "write_layer"]

KernelWork = Kernel | Literal["copy", "add", "mul", "concat", "split"]
"""A layer's kernel, a copy in another order, or a join."""


@dataclass(frozen=True, slots=True)
class KernelRun:
    """One kernel."""

    work: KernelWork
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    scratch: int = 0
    """Bytes that it needs for itself."""
    layer: str = ""
    """The layer's class, if it is one."""


@dataclass(slots=True)
class Program:
    """Kernels in the order they run; tensors are numbered."""

    shapes: list[Shape] = field(default_factory=list)
    """Shape of each tensor."""
    runs: list[KernelRun] = field(default_factory=list)

    def tensor(self, shape: Shape) -> int:
        """Return the number of a new tensor."""
        self.shapes.append(shape)
        return len(self.shapes) - 1

    def run(self, work: KernelWork, *reads: int, shape: Shape, scratch: int = 0, layer: str = "") -> int:
        """Append a kernel; return the tensor that it writes."""
        made = self.tensor(shape)
        self.runs.append(KernelRun(work, reads, (made,), scratch, layer))
        return made

    def split(self, read: int, shapes: Sequence[Shape]) -> list[int]:
        """Append the cutting of a tensor into slices of the given shapes; return them."""
        made = [self.tensor(shape) for shape in shapes]
        self.runs.append(KernelRun("split", (read,), tuple(made)))
        return made


def write_layer(program: Program, spec: Spec, read: int) -> int:
    """Append the kernels of one layer to a program; return the tensor that holds its result."""
    kernel, entry, after = kernel_of(spec), program.shapes[read], spec.output
    match kernel:
        case "none":
            return read
        case "view":
            # Channels-last images of more than one pixel are put in the order of a vector by a copy.
            whole = len(entry) == 3 and prod(entry[1:]) > 1 and entry[0] > 1
            return program.run("copy", read, shape=after) if whole else _renamed(program, read, after)
        case "avgpool":
            options = dict(spec.options)
            if options.get("count_include_pad", True):  # a copy pads, even by nothing
                padding = options.get("padding", 0)
                down, across = (padding, padding) if isinstance(padding, int) else padding
                read = program.run("copy", read, shape=(entry[0], entry[1] + 2 * down, entry[2] + 2 * across))
            return program.run(kernel, read, shape=after, scratch=scratch_of(spec, entry), layer=spec.type)
        case "margin":
            return program.run("copy", read, shape=after)
        case "hardswish":
            clipped = program.run("lookup", read, shape=after)
            return program.run("mul", read, clipped, shape=after, layer=spec.type)
        case "shuffle":
            for _ in range(4):
                read = program.run("copy", read, shape=after)
            return read
        case "pad":
            return _pad(program, spec, read)
        case "excite":
            gate = read
            for _, part in spec.parts:
                gate = write_layer(program, part, gate)
            return program.run("mul", read, gate, shape=after)
        case _:
            return program.run(kernel, read, shape=after, scratch=scratch_of(spec, entry), layer=spec.type)


def _renamed(program: Program, read: int, shape: Shape) -> int:
    """Return a second name of a tensor, with another shape."""
    return program.run("view", read, shape=shape)


def _pad(program: Program, spec: Spec, read: int) -> int:
    """Append the slices, copies and padding of ResNet's option A."""
    channels, _, width = program.shapes[read]
    if dict(spec.options).get("stride", 1) > 1:
        read = program.run("copy", read, shape=(channels, spec.output[1], width))
        read = program.run("copy", read, shape=(channels, *spec.output[1:]))
    read = program.run("copy", read, shape=(channels, *spec.output[1:]))
    read = program.run("copy", read, shape=spec.output)
    return program.run("copy", read, shape=spec.output)
