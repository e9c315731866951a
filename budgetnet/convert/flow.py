"""A module as a flow of values of the language: each is made by one operation or join from earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from budgetnet.network.nodes import Primitive, Shape

if TYPE_CHECKING:
    from torch import Tensor

    from budgetnet.grammar.graph import Join

__all__ = ["MadeValue", "Margins", "Mix", "ModulePlace", "Slice", "ValueFlow", "Weighing", "Weight"]


class ModulePlace(NamedTuple):
    """A module on the way to a layer."""

    path: str
    """Its name in the model: ``layer1.0``; empty for the model."""
    type: str
    """Its class: ``BasicBlock``."""


@dataclass(frozen=True, slots=True)
class Weight:
    """A tensor of a layer here, made of tensors of the module."""

    names: tuple[str, ...]
    """Names of the module's tensors, as in its ``state_dict``."""
    make: Callable[..., Tensor]
    """Puts it together from these tensors."""

    def of(self, state: Mapping[str, Tensor]) -> Tensor:
        """Return it for a module's tensors."""
        return self.make(*(state[name] for name in self.names))


@dataclass(frozen=True, slots=True)
class Slice:
    """Some of the channels."""

    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Mix:
    """Attention whose projection back has not been met yet."""

    heads: int
    width: int
    bias: bool


@dataclass(frozen=True, slots=True)
class Weighing:
    """Weights of positions by the softmax of a linear layer, before the mean that they weigh."""


@dataclass(frozen=True, slots=True)
class Margins:
    """Zeros around an image, for the convolution behind."""

    above: int
    below: int
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class MadeValue:
    """One value."""

    made: Primitive | Join | Slice | Mix | Weighing | Margins | None
    inputs: tuple[int, ...]
    shape: Shape
    """Without the batch."""
    weights: tuple[Weight, ...] = ()
    """In the order in which the layers of the language have them."""
    modules: tuple[ModulePlace, ...] = ()
    """The modules it stands in, outermost first."""
    operator: str = ""
    """The operator that it was read from: ``mean``."""


@dataclass
class ValueFlow:
    """Values in an order in which they can be computed; the first is the input."""

    values: list[MadeValue] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    """FLOPs, as fvcore counts them, of layers that do nothing at this size and are left out, by their modules."""

    def add(self, value: MadeValue) -> int:
        """Append a value and return its position."""
        self.values.append(value)
        return len(self.values) - 1

    def users(self, result: int) -> dict[int, list[int]]:
        """Return who uses each value that *result* depends on, in order; *result* has a user, too: -1."""
        live = {result}
        for position in range(result, -1, -1):
            if position in live:
                live.update(self.values[position].inputs)
        found: dict[int, list[int]] = {position: [] for position in sorted(live)}
        for position in sorted(live):
            for entry in self.values[position].inputs:
                found[entry].append(position)
        found[result].append(-1)
        return found
