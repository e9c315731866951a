"""A trace read step by step into a flow of values of the language; what cannot be said is collected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.fx import Node as Step

from budgetnet.convert.flow import MadeValue, ValueFlow, Weight
from budgetnet.convert.layout import TensorView, laid_plainly
from budgetnet.convert.operators.attention import ATTENTION
from budgetnet.convert.operators.joins import JOINS
from budgetnet.convert.operators.layers import LAYERS
from budgetnet.convert.operators.pointwise import POINTWISE
from budgetnet.convert.operators.pooling import POOLING
from budgetnet.convert.operators.views import VIEWS
from budgetnet.convert.reading import KeyProducts, TokensNeeded, TraceReading
from budgetnet.convert.trace import Trace, Unsayable, operator_of, where
from budgetnet.errors import RequestError
from budgetnet.network.nodes import Shape

__all__ = ["HANDLERS", "read_flow", "tensors_of"]

HANDLERS: dict[str, Callable[[TraceReading, Mapping[str, Any]], Any]] = {
    **LAYERS,
    **VIEWS,
    **POOLING,
    **POINTWISE,
    **JOINS,
    **ATTENTION,
}
"""Readers of operators, by the operator's name."""

_IGNORED = ("_assert_async", "_assert_scalar", "_assert_tensor_metadata", "sym_constrain_range_for_size")
_MOST_PROBLEMS = 8


class _Unknown:
    """Result of a step that could not be read; what uses it is not read either."""


_UNKNOWN = _Unknown()
_STALE = _Unknown()
"""Another view of a tensor that was changed in place."""


def read_flow(trace: Trace, module: nn.Module, shape: Shape, name: str) -> tuple[ValueFlow, int]:
    """Return a module's flow and the position of its result.

    Raises:
        RequestError: the language has no words for some of its operators; each is named, with its place.
    """
    eager: frozenset[str] = frozenset()
    while True:
        reading = TraceReading(trace, shape, tensors_of(module), eager)
        try:
            return _read(reading, name)
        except TokensNeeded as needed:
            eager |= {str(needed)}


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """Return a module's parameters and buffers by name, those that are not saved with it, too."""
    found = dict(module.named_parameters(remove_duplicate=False))
    return {**found, **dict(module.named_buffers(remove_duplicate=False))}


def _read(reading: TraceReading, name: str) -> tuple[ValueFlow, int]:
    trace = reading.trace
    known: dict[Step, Any] = {}
    problems: dict[str, None] = {}
    for step in trace.steps:
        reading.step = step
        if step.op == "placeholder":
            known[step] = _given(reading, step)
            continue
        if operator_of(step) in _IGNORED:
            continue
        arguments = _arguments(step, known)
        if any(value is _UNKNOWN for value in _flat(arguments)):
            known[step] = _UNKNOWN
            continue
        try:
            if any(value is _STALE for value in _flat(arguments)):
                raise Unsayable("it uses another view of a tensor that was changed in place; nearest: out of place")
            known[step] = _apply(reading, step, arguments)
        except Unsayable as problem:
            problems.setdefault(f"{where(step)}: {operator_of(step)}: {problem}", None)
            known[step] = _UNKNOWN
        if _works_in_place(step):
            _overwrite(step, known)
    if problems:
        shown = list(problems)[:_MOST_PROBLEMS]
        more = f"\n  and {len(problems) - len(shown)} more" if len(problems) > len(shown) else ""
        raise RequestError(
            f"the language must have words for all that {name} computes, but it has none for\n  "
            + "\n  ".join(shown)
            + more
        )
    result = known[trace.result]
    if not isinstance(result, TensorView):
        raise RequestError(f"{name} must return scores made of its images, but its result does not depend on them")
    try:
        result = reading.settled(result)
    except Unsayable as problem:
        raise RequestError(f"{name} must end with scores, but {problem}") from None
    return reading.flow, result.value


def _given(reading: TraceReading, step: Step) -> Any:
    """Return the form of an input: the image, or a tensor of the module."""
    name = step.name
    if name == reading.trace.image:
        return laid_plainly(reading.flow.add(MadeValue(None, (), reading.shape)), reading.shape)
    if name in reading.trace.tensors:
        target = reading.trace.tensors[name]
        return Weight((target,), lambda tensor: tensor)
    if name in reading.trace.constants:
        constant = reading.trace.constants[name]
        key = f"constant {name}"
        reading.state[key] = constant
        return Weight((key,), lambda tensor: tensor)
    return _UNKNOWN


def _arguments(step: Step, known: Mapping[Step, Any]) -> dict[str, Any]:
    """Return a step's arguments by the names in its operator's schema."""
    schema = getattr(step.target, "_schema", None)
    given = [_open(argument, known) for argument in step.args]
    named = {name: _open(argument, known) for name, argument in step.kwargs.items()}
    if schema is None:  # getitem
        return {"a": given[0], "b": given[1]}
    found: dict[str, Any] = {}
    for place, argument in enumerate(schema.arguments):
        if place < len(given) and not argument.kwarg_only:
            found[argument.name] = given[place]
        elif argument.name in named:
            found[argument.name] = named[argument.name]
        else:
            found[argument.name] = argument.default_value if argument.has_default_value() else None
    return found


def _open(given: Any, known: Mapping[Step, Any]) -> Any:
    """Return an argument with the results of steps in their places."""
    if isinstance(given, Step):
        return known[given]
    if isinstance(given, list | tuple):
        return [_open(each, known) for each in given]
    return given


def _flat(arguments: Mapping[str, Any]) -> list[Any]:
    found: list[Any] = []
    for value in arguments.values():
        found.extend(value if isinstance(value, list | tuple) else [value])
    return found


def _apply(reading: TraceReading, step: Step, arguments: Mapping[str, Any]) -> Any:
    operator = operator_of(step).removesuffix("_") if _works_in_place(step) else operator_of(step)
    handler = HANDLERS.get(operator)
    if handler is None:
        raise Unsayable("no operation of the language; docs/language.md lists them, and a plug-in can bring others")
    if not any(isinstance(value, TensorView | Weight | KeyProducts | tuple) for value in _flat(arguments)):
        raise Unsayable("it makes a tensor of nothing; nearest: zero, position")
    return handler(reading, arguments)


def _works_in_place(step: Step) -> bool:
    schema = getattr(step.target, "_schema", None)
    return schema is not None and schema.is_mutable and schema.name.endswith("_")


def _overwrite(step: Step, known: dict[Step, Any]) -> None:
    """Let later uses of what a step worked on in place see the result; views of it are not followed."""
    target = step.args[0]
    if not isinstance(target, Step):
        return
    before = known[target]
    for other, value in known.items():
        if other is target or other is step or not isinstance(value, TensorView) or not isinstance(before, TensorView):
            continue
        if value.value == before.value and operator_of(other) not in ("clone", "lift_fresh_copy"):
            known[other] = known[step] if value == before else _STALE
    known[target] = known[step]
