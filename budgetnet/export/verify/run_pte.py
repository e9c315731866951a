"""Run an ExecuTorch program for Cortex-M processors on this machine, instruction by instruction.

ExecuTorch's pip package has no runtime with kernels for Cortex-M, but Python references of them, which compute in whole
numbers as CMSIS-NN does. They run the file itself: its instructions in their order, its constants, and its tensors
at the addresses that its memory plan gives them, in memory of the planned size. Before a kernel runs, noise is written
over its result and its scratch buffers, so that a plan in which they overlap what the kernel reads gives other answers.

This file needs no budgetnet: folders with a ``model.pte`` carry it beside their ``verify.py``. It needs numpy, torch
and executorch with what its Cortex-M backend imports (torchao, tosa-tools).
"""

from __future__ import annotations

import importlib
import logging
import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

__all__ = ["PteProgram"]

_Array = np.ndarray[Any, Any]


class PteProgram:
    """A program in memory.

    Attributes:
        ram: bytes of the memory plan.
        size: bytes of the file.
        kernels: number of kernels that one image takes.
    """

    def __init__(self, content: bytes, images: int = 1) -> None:
        """Read the content of a ``.pte`` file.

        Args:
            content: the file.
            images: number of images that are run at once, each in memory of its own; more are faster, not different.

        Raises:
            ImportError: torch or executorch is not there.
            ValueError: it is none, does something else than to run kernels on planned memory, or cannot be run on
                several images at once.
        """
        import torch

        self.size = len(content)
        if content[4:6] != b"ET":
            raise ValueError("the file is not an ExecuTorch program")

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            logging.getLogger("torch.utils._pytree").setLevel(logging.ERROR)
            reader = importlib.import_module("executorch.exir._serialize._program")
            importlib.import_module("executorch.backends.cortex_m.passes")  # its operators alone import in a circle
        scalars = importlib.import_module("executorch.exir.scalar_type").ScalarType
        self._types = {
            scalars.BYTE: torch.uint8,
            scalars.CHAR: torch.int8,
            scalars.SHORT: torch.int16,
            scalars.INT: torch.int32,
            scalars.LONG: torch.int64,
            scalars.FLOAT: torch.float32,
            scalars.BOOL: torch.bool,
        }
        program = reader.deserialize_pte_binary(content).program
        plan = program.execution_plan[0]
        self._storage = [buffer.storage for buffer in program.constant_buffer]
        self._images = images
        # Rows for other images begin where all types may.
        sizes = [size if images == 1 else -size % 16 + size for size in plan.non_const_buffer_sizes]
        self._memory = [torch.zeros(images, size, dtype=torch.uint8) for size in sizes]
        self.ram = sum(plan.non_const_buffer_sizes)
        self._values: list[Any] = []
        for each in plan.values:
            self._values.append(self._value(each.val))
        for number, each in enumerate(plan.values):
            if type(each.val).__name__ in ("IntList", "TensorList", "OptionalTensorList"):
                items = [None if item < 0 else self._values[item] for item in each.val.items]
                self._values[number] = items
        self._steps = [_step(step.instr_args, plan.operators) for step in plan.chains[0].instructions]
        self._entry, self._end = self._values[plan.inputs[0]], self._values[plan.outputs[0]]
        self.kernels = len(self._steps)

    @property
    def summary(self) -> str:
        """Size, kernels and memory, in words."""
        return f"{self.size:,} bytes; {self.kernels} kernels in {self.ram:,} bytes of RAM"

    def check(self, told: Mapping[str, Any]) -> None:
        """Compare the file with what is told of it.

        Raises:
            ValueError: something differs.
        """
        for what, came in (("bytes", self.size), ("ram", self.ram), ("kernels", self.kernels)):
            if came != told[what]:
                raise ValueError(f"model.pte has {what} {came:,}, config.json says {told[what]:,}")

    def answers(self, images: _Array, told: Mapping[str, Any]) -> _Array:
        """Return the logits (N, K) of images (N, C, H, W), in float32.

        Args:
            images: images as the network takes them, in real values.
            told: ``scale`` and ``zero_point`` of ``input`` and of ``output``.

        Raises:
            ValueError: the program takes images of another shape.
        """
        import torch

        if tuple(images.shape[1:]) != tuple(self._entry.shape[1:]):
            raise ValueError(f"the program takes images {tuple(self._entry.shape[1:])}, not {tuple(images.shape[1:])}")
        entry, end = told["input"], told["output"]
        found = []
        with torch.no_grad(), _exact():
            every = torch.from_numpy(np.ascontiguousarray(images))
            for start in range(0, len(every), self._images):
                part = every[start : start + self._images]
                steps = torch.round(part / entry["scale"]) + entry["zero_point"]
                self._entry[: len(part)].copy_(steps.clamp(-128, 127))
                for operator, numbers in self._steps:
                    _call(operator, [self._values[number] for number in numbers], self._images)
                found.append((self._end[: len(part)].float() - end["zero_point"]) * end["scale"])
        logits: _Array = torch.cat(found).numpy()
        return logits

    def _value(self, value: Any) -> Any:
        """Return a value as kernels take it; lists of values come later."""
        kind = type(value).__name__
        if kind == "Tensor":
            return self._tensor(value)
        if kind in ("Null", "IntList", "TensorList", "OptionalTensorList"):
            return None
        name = {"Int": "int_val", "Double": "double_val", "Bool": "bool_val", "String": "string_val"}.get(kind, "items")
        return getattr(value, name)

    def _tensor(self, told: Any) -> Any:
        """Return a tensor: a constant, or a view of planned memory at its address."""
        import torch

        kind = self._types[told.scalar_type]
        size = math.prod(told.sizes) * kind.itemsize
        place = told.allocation_info
        if place is None:
            raw = torch.frombuffer(bytearray(self._storage[told.data_buffer_idx][:size] or b"\0"), dtype=torch.uint8)
            rows = raw[None, :size]
        else:
            start = place.memory_offset_low + (place.memory_offset_high << 32)
            rows = self._memory[place.memory_id][:, start : start + size]
        if rows.shape[1] != size:
            raise ValueError(f"a tensor of {size:,} bytes lies outside the {rows.shape[1]:,} bytes that it has")
        order = list(told.dim_order)
        shaped = rows.view(kind).view([len(rows), *(told.sizes[axis] for axis in order)])
        every = shaped.permute(0, *(1 + order.index(axis) for axis in range(len(order))))
        if len(rows) == 1:
            return every[0]
        if len(told.sizes) > 1 and told.sizes[0] != 1:
            raise ValueError(f"a tensor of shape {list(told.sizes)} does not begin with the image")
        return every.squeeze(1) if told.sizes[0] == 1 else every  # a scratch buffer has no place for the image


def _step(told: Any, operators: Any) -> tuple[Any, list[int]]:
    """Return the operator of an instruction, and the numbers of its values."""
    import torch

    if type(told).__name__ != "KernelCall":
        raise ValueError(f"the program has an instruction of kind {type(told).__name__}; only kernels can be run here")
    named = operators[told.op_index]
    space, _, name = named.name.partition("::")
    packet = getattr(getattr(torch.ops, space), name, None)
    if packet is None or named.overload not in packet.overloads():
        raise ValueError(f"the program calls {named.name}.{named.overload}, which is not known here")
    return getattr(packet, named.overload), told.args


def _call(operator: Any, given: list[Any], images: int) -> None:
    """Run a kernel; its results go where the plan has them."""
    import torch

    arguments = operator._schema.arguments
    if images > 1:  # shapes are those of one image
        for place, argument in enumerate(arguments):
            if argument.name == "size" and isinstance(given[place], list):
                given[place] = [images, *given[place][1:]]
        names = [argument.name for argument in arguments]
        if "self" in names and "other" in names:  # the references spread a factor per channel over one image only
            pair = [names.index("self"), names.index("other")]
            shape = np.broadcast_shapes(*(tuple(given[place].shape) for place in pair))
            for place in pair:
                given[place] = given[place].expand(shape)
    inputs = [pair for pair in zip(arguments, given, strict=False) if not pair[0].kwarg_only]
    results = [value for argument, value in zip(arguments, given, strict=False) if argument.kwarg_only]
    scratch = [value for argument, value in inputs if argument.name == "scratch"]
    for tensor in (*results, *scratch):
        noise = torch.randint(0, 100, tensor.shape, generator=torch.Generator().manual_seed(tensor.numel()))
        tensor.copy_(noise)
    if operator.namespace == "aten":
        names = [argument.name for argument in arguments if argument.kwarg_only]
        operator(*(value for _, value in inputs), **dict(zip(names, results, strict=False)))
    else:  # references return their results
        plain = operator._overloadname.removesuffix("out").removesuffix("_") or "default"
        results[0].copy_(getattr(operator.overloadpacket, plain)(*(value for _, value in inputs)))


@contextmanager
def _exact() -> Iterator[None]:
    """Convolve whole numbers in float64, which is exact, faster, and knows dilation."""
    functional: Any = importlib.import_module("torch.nn.functional")

    before = functional.conv2d

    def convolve(entry: Any, weight: Any, bias: Any, **options: Any) -> Any:
        return before(entry.double(), weight.double(), bias.double(), **options).to(entry.dtype)

    functional.conv2d = convolve
    try:
        yield
    finally:
        functional.conv2d = before
