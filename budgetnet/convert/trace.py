"""A module as a list of torch operators, by ``torch.export``: what it computes in eval mode on images of one size.

``torch.export`` follows a forward pass on tensors without values. So functions and modules (``F.relu``, ``nn.ReLU``),
views, loops and branches on shapes all end as the same few operators, each with the module and the line of code that
ran it, where ``torch.fx.symbolic_trace`` stops at the first branch on a shape.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Node as Step

from budgetnet.convert.flow import ModulePlace
from budgetnet.convert.layout import BATCH
from budgetnet.errors import RequestError
from budgetnet.network.nodes import Shape

__all__ = ["Trace", "Unsayable", "operator_of", "place_of_step", "trace_module", "where"]

_TORCH = Path(torch.__file__).parent


class Unsayable(Exception):  # noqa: N818 (not an error yet: what cannot be said is collected, then told as one)
    """An operator that the language has no words for; the text says what, and the nearest construct."""


@dataclass(frozen=True, slots=True)
class Trace:
    """The operators that a module runs, in order."""

    steps: tuple[Step, ...]
    tensors: Mapping[str, str]
    """Name in the module's ``state_dict`` of each parameter and buffer, by the name of its step."""
    constants: Mapping[str, Tensor]
    """Tensors that are part of the code, by the name of their step."""
    learned: frozenset[str]
    """Names in the ``state_dict`` of parameters."""
    image: str
    """The step that is the input."""
    result: Step
    """The step that is the output."""


def trace_module(module: nn.Module, shape: Shape, name: str) -> Trace:
    """Follow a module's forward pass in eval mode.

    Args:
        module: maps images ``(N, channels, height, width)`` to scores; left as it was.
        shape: ``(channels, height, width)`` of one image.
        name: of the module, for errors.

    Raises:
        RequestError: its forward pass fails on such images, branches on values, or gives something other than a tensor.
    """
    trained = {part: part.training for part in module.modules()}
    reference = next((one for one in module.parameters() if one.is_floating_point()), torch.zeros(0))
    image = torch.zeros(BATCH, *shape, dtype=reference.dtype, device=reference.device)
    loggers = [logging.getLogger(each) for each in ("torch", "torch.export", "torch.fx")]
    levels = [logger.level for logger in loggers]
    try:
        module.eval()
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            with warnings.catch_warnings(), _plain_attention():
                warnings.simplefilter("ignore")
                exported = torch.export.export(module, (image,), strict=False)
        except Exception as error:  # torch.export raises errors of many kinds
            _try_out(module, image, name)
            raise RequestError(
                f"torch.export must be able to follow {name}, but it cannot: {_first_line(error)}; forward must not "
                "branch on values of tensors, only on their shapes"
            ) from error
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        for part, training in trained.items():
            part.training = training
    signature = exported.graph_signature
    if len(signature.user_outputs) != 1 or not isinstance(signature.user_outputs[0], str):
        _try_out(module, image, name)
        raise RequestError(f"{name} must return scores made of its images, but its result does not depend on them")
    tensors = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    constants = {
        step: exported.constants[target] for step, target in signature.inputs_to_lifted_tensor_constants.items()
    }
    exported.graph.eliminate_dead_code()
    steps = tuple(exported.graph.nodes)
    (returned,) = steps[-1].args[0] if isinstance(steps[-1].args[0], tuple | list) else (steps[-1].args[0],)
    (entry,) = signature.user_inputs
    return Trace(
        steps=tuple(step for step in steps if step.op in ("placeholder", "call_function")),
        tensors=tensors,
        constants=constants,
        learned=frozenset(signature.parameters),
        image=str(entry),
        result=returned,
    )


def _try_out(module: nn.Module, image: Tensor, name: str) -> None:
    """Run a module that torch.export could not follow, to say more plainly what is wrong with it.

    Raises:
        RequestError: it fails, or gives something other than a tensor.
    """
    try:
        with torch.no_grad():
            given = module.eval()(image)
    except Exception as error:  # the module is somebody's own code
        size = "x".join(map(str, image.shape[1:]))
        raise RequestError(
            f"{name} must map images of {size} to scores, but it fails: {_first_line(error)}; give the size of its "
            "images with --input"
        ) from error
    if not isinstance(given, Tensor):
        raise RequestError(
            f"{name} must return one tensor of scores, but it returned a {type(given).__name__}; wrap it in a module "
            "that returns the scores alone"
        )


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Let attention run as the operators it is made of, not as torch's one operator for inference."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def operator_of(step: Step) -> str:
    """Return the name of an operator without its overload and the mark of working in place: ``add``."""
    schema = getattr(step.target, "_schema", None)
    name = step.target.__name__ if schema is None else schema.name.removeprefix("aten::")  # type: ignore[union-attr]
    return str(name)


def place_of_step(step: Step) -> tuple[ModulePlace, ...]:
    """Return the modules that a step stands in, outermost first."""
    stack: Mapping[str, Any] = step.meta.get("nn_module_stack") or {}
    found: list[ModulePlace] = []
    for path, kind in stack.values():
        type_name = kind if isinstance(kind, str) else kind.__name__
        found.append(ModulePlace(str(path), type_name.rpartition(".")[2]))
    return tuple(found)


def where(step: Step) -> str:
    """Return where a step comes from, for a message: ``layer1.0.conv1 (Conv2d), my_model.py:17``."""
    places = place_of_step(step)
    named = [place for place in places if place.path]
    module = f"{named[-1].path} ({named[-1].type})" if named else places[0].type if places else "the module"
    lines = re.findall(r'File "([^"]+)", line (\d+)', step.meta.get("stack_trace") or "")
    own = [(file, line) for file, line in lines if _TORCH not in Path(file).parents]
    return f"{module}, {Path(own[-1][0]).name}:{own[-1][1]}" if own else module


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
