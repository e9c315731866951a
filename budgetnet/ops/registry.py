"""The table of built-in operations: by name, as grammars may call them, and as typed values."""

from __future__ import annotations

from collections.abc import Callable

from budgetnet.errors import LanguageError
from budgetnet.ops.base import Operation
from budgetnet.ops.channels import Identity, Pad, Scale, Shuffle, Zero
from budgetnet.ops.conv import Conv, DepthwiseConv
from budgetnet.ops.custom import Custom
from budgetnet.ops.linear import Linear
from budgetnet.ops.norm import Norm, ResponseNorm
from budgetnet.ops.pointwise import Act, Dropout
from budgetnet.ops.pool import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool, Upsample
from budgetnet.ops.signature import Scalar, Signature, plain_size, read_parameters, wrong
from budgetnet.ops.squeeze_excite import SqueezeExcite
from budgetnet.ops.tokens import (
    Attention,
    Position,
    PrependToken,
    TakeFirst,
    TokenPool,
    Tokens,
    Transpose,
)

__all__ = ["BUILTIN", "make"]

_OPERATIONS: tuple[type[Operation], ...] = (
    Conv,
    DepthwiseConv,
    Linear,
    MaxPool,
    AvgPool,
    GlobalAvgPool,
    GlobalMaxPool,
    Upsample,
    Norm,
    ResponseNorm,
    Act,
    Dropout,
    SqueezeExcite,
    Shuffle,
    Identity,
    Zero,
    Scale,
    Pad,
    Attention,
    Position,
    Tokens,
    Transpose,
    PrependToken,
    TakeFirst,
    TokenPool,
)

BUILTIN = {
    operation.word: Signature(name=operation.word, parameters=read_parameters(operation), help=operation.help)
    for operation in _OPERATIONS
}
"""The signature of each built-in operation, by its name, in the order of the language's reference."""

_CLASSES: dict[str, Callable[..., Operation]] = {operation.word: operation for operation in _OPERATIONS}


def make(signature: Signature, arguments: tuple[Scalar, ...]) -> Operation:
    """Return the operation with all its arguments, in the signature's order.

    Raises:
        LanguageError: an argument is outside its limits (text without a place; the caller knows it).
    """
    values: dict[str, Scalar] = {}
    for parameter, value in zip(signature.parameters, arguments, strict=True):
        problem = wrong(parameter, value)
        if problem:
            raise LanguageError(f"{signature.name}: {problem}")
        if parameter.kind == "name" and isinstance(value, bool):
            value = str(value).lower()
        elif parameter.kind == "float" and isinstance(value, int):
            value = float(value)
        elif parameter.kind == "size":
            value = plain_size(value)
        values[parameter.name] = value
    if signature.name not in _CLASSES:
        return Custom(signature.name, tuple(values.items()))
    made = _CLASSES[signature.name](**values)
    problem = made.problem()
    if problem:
        raise LanguageError(f"{signature.name}: {problem}")
    return made
