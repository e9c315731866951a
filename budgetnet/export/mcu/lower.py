"""A trained network as an ExecuTorch program in int8 for Cortex-M processors.

The way is that of ExecuTorch's Cortex-M backend: quantisation by its own quantiser (``prepare_pt2e``, ranges from train
images, ``convert_pt2e``), its passes to CMSIS-NN's kernels, and its memory planner. The program takes and gives int8,
so that an image needs a quarter of the memory; scale and zero point are recorded.
"""

from __future__ import annotations

import logging
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from budgetnet.errors import ExportError
from budgetnet.export.mcu.plan import planners
from budgetnet.export.mcu.rewrite import rewrite
from budgetnet.export.verify.run_pte import PteProgram

__all__ = ["TARGET", "Lowered", "Scaling", "lower"]

TARGET = "cortex-m4"
"""The processor whose kernels and scratch buffers are planned for: any with the DSP extension and without MVE."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """How real values become int8: ``round(value / scale) + zero_point``, kept within -128 and 127."""

    scale: float
    zero_point: int

    def document(self) -> dict[str, float]:
        """Return it for JSON."""
        return {"scale": self.scale, "zero_point": self.zero_point}

    def quantise(self, values: Tensor) -> Tensor:
        """Return real values in int8."""
        return (torch.round(values / self.scale) + self.zero_point).clamp(-128, 127).to(torch.int8)

    def real(self, values: Tensor) -> Tensor:
        """Return int8 values as real ones."""
        return (values.float() - self.zero_point) * self.scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowered:
    """A program, and what it takes."""

    program: bytes
    """The ``.pte`` file."""
    ram: int
    """Bytes of RAM that tensors and scratch buffers take in the plan."""
    ram_of_its_own: int
    """Bytes that the plan of ExecuTorch's own algorithm would take."""
    flash: int
    """Bytes of constants in the file."""
    in_float: Mapping[str, int]
    """Operators that stay in float32, with their number."""
    input: Scaling
    output: Scaling
    norms: Mapping[str, int]
    """Changes that `budgetnet.export.mcu.rewrite.rewrite` made."""
    kernels: int
    """Number of kernels that it runs."""
    logits: Tensor
    """Answers (N, K) of the file to the samples, by ExecuTorch's references of its kernels."""


def lower(model: nn.Module, calibration: Tensor, samples: Tensor) -> Lowered:
    """Lower a network; takes some ten seconds to minutes.

    Args:
        model: the network in eval mode on the processor; it is not changed.
        calibration: images (N, C, H, W) as the network takes them, whose values give the ranges.
        samples: images (N, C, H, W) to answer.

    Raises:
        ExportError: ExecuTorch cannot lower it.
    """
    try:
        with _quietly(), torch.random.fork_rng(devices=[]):
            return _lower(model, calibration, samples)
    except ExportError:
        raise
    except Exception as error:  # its passes raise whatever their parts raise
        reason = " ".join(str(error).split())[:300]
        raise ExportError(
            f"ExecuTorch cannot lower the network to Cortex-M ({type(error).__name__}: {reason}); leave pte out of the "
            "formats"
        ) from error


def _lower(model: nn.Module, calibration: Tensor, samples: Tensor) -> Lowered:
    from executorch.backends.cortex_m.edge_compile_config import cortex_m_edge_compile_config
    from executorch.backends.cortex_m.passes.cortex_m_pass_manager import CortexMPassManager
    from executorch.backends.cortex_m.quantizer.quantizer import CortexMQuantizer
    from executorch.backends.cortex_m.target_config import CortexMTargetConfig
    from executorch.exir import ExecutorchBackendConfig, to_edge
    from executorch.exir.passes import MemoryPlanningPass
    from executorch.exir.passes.quantize_io_pass import QuantizeInputs, QuantizeOutputs
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    example = (_last(calibration[:1]),)
    exported: Any = torch.export.export(deepcopy(model).to(memory_format=torch.channels_last), example, strict=False)
    graph = exported.module(check_guards=False)
    norms = rewrite(graph)
    prepared = prepare_pt2e(graph, CortexMQuantizer())
    with torch.no_grad():
        for image in calibration:
            prepared(_last(image[None]))
    quantised = torch.export.export(convert_pt2e(prepared), example, strict=False)
    entry, end = _scalings(quantised)
    edge: Any = to_edge(quantised, compile_config=cortex_m_edge_compile_config())
    edge = edge.transform([QuantizeInputs(edge, [0]), QuantizeOutputs(edge, [0])])
    target = CortexMTargetConfig.from_target_string(TARGET)
    lowered = _without_unused(CortexMPassManager(edge.exported_program(), target_config=target).transform())
    edge._edge_programs["forward"] = lowered
    own: list[int] = []
    planning = MemoryPlanningPass(memory_planning_algo=planners(own))
    finished = edge.to_executorch(ExecutorchBackendConfig(memory_planning_pass=planning))
    told = {"input": entry.document(), "output": end.document()}
    program = PteProgram(bytes(finished.buffer))
    return Lowered(
        program=bytes(finished.buffer),
        ram=program.ram,
        ram_of_its_own=own[-1],
        flash=sum(len(constant.storage) for constant in finished.executorch_program.constant_buffer),
        in_float=_in_float(finished),
        input=entry,
        output=end,
        norms=norms,
        kernels=program.kernels,
        logits=torch.from_numpy(program.answers(samples.numpy(), told)),
    )


def _last(images: Tensor) -> Tensor:
    """Return images with their channels last in memory, as the kernels take them."""
    return images.to(memory_format=torch.channels_last)


def _scalings(program: Any) -> tuple[Scaling, Scaling]:
    """Return the scaling of a quantised program's input and output."""
    nodes = list(program.graph.nodes)
    first = next(node for node in nodes if ".quantize_per_tensor" in str(node.target))
    last = next(node for node in reversed(nodes) if ".dequantize_per_tensor" in str(node.target))
    return Scaling(float(first.args[1]), int(first.args[2])), Scaling(float(last.args[1]), int(last.args[2]))


def _without_unused(program: Any) -> Any:
    """Remove constants that no operator reads any more: the passes leave the weights of before and their scales."""
    from torch.export.graph_signature import InputKind

    constants = (InputKind.PARAMETER, InputKind.BUFFER, InputKind.CONSTANT_TENSOR)
    graph = program.graph_module.graph
    nodes = {node.name: node for node in graph.nodes if node.op == "placeholder"}
    kept = []
    for spec in program.graph_signature.input_specs:
        node = nodes[spec.arg.name]
        if spec.kind in constants and not node.users:
            graph.erase_node(node)
            program._state_dict.pop(spec.target, None)
            program._constants.pop(spec.target, None)
        else:
            kept.append(spec)
    program.graph_signature.input_specs[:] = kept
    program.graph_module.recompile()
    return program


def _in_float(finished: Any) -> dict[str, int]:
    """Return the operators that write float32, without conversions, by name."""
    found: Counter[str] = Counter()
    for node in finished.exported_program().graph_module.graph.nodes:
        name = str(node.target).removeprefix("aten.").partition(".")[0]
        spec = node.meta.get("spec")
        spec = spec[0] if isinstance(spec, list | tuple) and spec else spec
        if node.op != "call_function" or "quantize_per_tensor" in name or "alloc" in name or "getitem" in name:
            continue
        if getattr(spec, "dtype", None) == torch.float32 and "view" not in name:
            found[name] += 1
    return dict(sorted(found.items()))


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep warnings and reports of the libraries to itself."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
