"""The state of a reading: values laid out in tensors, brought into the form that an operator needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node as Step

from budgetnet.convert.flow import MadeValue, Margins, Mix, Slice, ValueFlow, Weighing, Weight
from budgetnet.convert.layout import Atom, Dims, TensorView, axes_in, is_whole, laid_plainly, whole_axis
from budgetnet.convert.trace import Trace, Unsayable, operator_of, place_of_step
from budgetnet.errors import ShapeError
from budgetnet.grammar.graph import Join
from budgetnet.network.nodes import Primitive, Shape, Shuffle
from budgetnet.network.shapes import joined_shape
from budgetnet.ops.tokens import Tokens, Transpose

__all__ = ["Arguments", "KeyProducts", "TokensNeeded", "TraceReading"]


Arguments = Mapping[str, Any]
"""Arguments of an operator, by the names in its schema."""


@dataclass(frozen=True, slots=True)
class KeyProducts:
    """Products of queries and keys on their way to attention."""

    queries: TensorView
    keys: TensorView
    scale: float = 1.0
    weights: bool = False
    """They have gone through a softmax."""


class TokensNeeded(Exception):  # noqa: N818 (not an error: the reading starts over)
    """A step that made rows and columns one dimension must be read as ``tokens``."""


@dataclass
class TraceReading:
    """One pass over a trace: the flow so far, and the form of each step's result."""

    trace: Trace
    shape: Shape
    """Shape of one image."""
    state: dict[str, Tensor]
    """The module's tensors."""
    eager: frozenset[str] = frozenset()
    """Steps that are read as ``tokens``."""
    flow: ValueFlow = field(default_factory=ValueFlow)
    known: dict[Any, int] = field(default_factory=dict)
    """Values by how they are made, so that what only moves channels and positions is done once."""
    step: Step | None = None
    """The step that is being read."""

    # --- emission -----------------------------------------------------------------------------------

    def emit(
        self,
        made: Primitive | Join | Slice | Mix | Weighing | Margins,
        inputs: tuple[int, ...],
        weights: Sequence[Weight] = (),
    ) -> int:
        """Append a value.

        Raises:
            Unsayable: it cannot be applied to such inputs.
        """
        shapes = tuple(self.flow.values[entry].shape for entry in inputs)
        try:
            if isinstance(made, str):
                after = joined_shape(made, shapes)
            elif isinstance(made, Slice):
                after = (made.size, *shapes[0][1:])
            elif isinstance(made, Weighing):
                after = (1, *shapes[0][1:])
            elif isinstance(made, Mix):
                after = (made.width, *shapes[0][1:])
            elif isinstance(made, Margins):
                channels, height, width = shapes[0]
                after = (channels, height + made.above + made.below, width + made.left + made.right)
            else:
                after = made.output(shapes[0])
        except ShapeError as error:
            raise Unsayable(str(error)) from None
        assert self.step is not None
        moved = isinstance(made, Shuffle | Slice | Tokens | Transpose)
        if moved and (made, inputs) in self.known:
            return self.known[made, inputs]
        self.known[made, inputs] = len(self.flow.values)
        return self.flow.add(
            MadeValue(made, inputs, after, tuple(weights), place_of_step(self.step), operator_of(self.step))
        )

    def shape_of(self, laid: TensorView) -> Shape:
        """Return the shape of the value behind a tensor."""
        return self.flow.values[laid.value].shape

    def pointwise(self, operation: Primitive, laid: TensorView, weights: Sequence[Weight] = ()) -> TensorView:
        """Apply an operation that leaves the shape as it is, whatever the layout."""
        found = self.settled(laid)
        return replace(found, value=self.emit(operation, (found.value,), weights))

    # --- forms --------------------------------------------------------------------------------------

    def settled(self, laid: TensorView) -> TensorView:
        """Return the tensor as a view of a value of all its channels, in their order.

        Raises:
            Unsayable: its channels are neither a slice nor a shuffle of a value's.
        """
        if isinstance(self.flow.values[laid.value].made, Mix):
            raise Unsayable("attention needs a linear layer right behind it that projects back; nearest: attention")
        if isinstance(self.flow.values[laid.value].made, Weighing):
            raise Unsayable("a softmax over positions; nearest: seqpool, which takes the mean that it weighs")
        channels = self.shape_of(laid)[0]
        atoms = [atom for dim in laid.dims for atom in dim if atom.axis == "C"]
        held = prod(atom.size for atom in atoms)
        if held != channels:
            in_order = sorted(atoms, key=lambda atom: -atom.stride)
            if not is_whole(in_order, held):
                raise Unsayable("it takes every n-th channel; nearest: split(…), whose slices are contiguous")
            laid = replace(laid, value=self.emit(Slice(laid.offset, held), (laid.value,)), offset=0)
        if is_whole(atoms, held):
            return _in_one_piece(laid)
        if len(atoms) != 2 or atoms[0].stride != 1 or atoms[1].stride != atoms[0].size:
            raise Unsayable("it puts channels into another order than shuffle(groups) does; nearest: shuffle")
        groups = atoms[1].size
        fresh = {atoms[0]: Atom("C", atoms[0].size, groups), atoms[1]: Atom("C", groups, 1)}
        dims = tuple(tuple(fresh.get(atom, atom) for atom in dim) for dim in laid.dims)
        return _in_one_piece(replace(laid, value=self.emit(Shuffle(groups), (laid.value,)), dims=dims))

    def arranged(self, laid: TensorView, want: str) -> TensorView:
        """Return the tensor with the axes *want* in the dimensions behind the batch: ``"CHW"``, ``"CH"``, ``"C"``.

        Raises:
            Unsayable: no permutation of the language does it.
        """
        found = self.settled(laid)
        if _fits(found.dims, want):
            return found
        if len(self.shape_of(found)) == 3:
            for change in (self.tokens, self.transposed):
                other = change(found, try_only=True)
                if other is not None and _fits(other.dims, want):
                    done = change(found)
                    assert done is not None
                    return done
        raise Unsayable(f"it works on dimensions {_dims_text(found.dims)}; nearest: channels, rows, columns")

    def tokens(self, laid: TensorView, *, try_only: bool = False) -> TensorView | None:
        """Return the tensor as a view of a column of positions; None if its rows and columns are apart.

        Raises:
            TokensNeeded: the step that put rows and columns together is to be read so from the start.
        """
        _, height, width = self.shape_of(laid)
        count = height * width
        whole = (*whole_axis("H", height), *whole_axis("W", width))
        if width == 1 or whole not in laid.dims:
            return None
        dims = tuple(whole_axis("H", count) if dim == whole else dim for dim in laid.dims)
        if try_only:
            return replace(laid, dims=dims)
        if laid.merged_by and laid.merged_by not in self.eager:
            raise TokensNeeded(laid.merged_by)
        return TensorView(self.emit(Tokens(), (laid.value,)), dims)

    def transposed(self, laid: TensorView, *, try_only: bool = False) -> TensorView | None:
        """Return the tensor as a view of a value with channels and positions exchanged; None if they are mixed."""
        channels, height, width = self.shape_of(laid)
        whole = (*whole_axis("H", height), *whole_axis("W", width))
        own = whole_axis("C", channels)
        if any(dim not in (whole, own, ()) for dim in laid.dims[1:]):
            return None
        fresh: dict[tuple[Atom, ...], tuple[Atom, ...]] = {own: whole_axis("H", channels)}
        fresh[whole] = whole_axis("C", height * width)
        fresh[()] = ()
        dims = (laid.dims[0], *(fresh[dim] for dim in laid.dims[1:]))
        if try_only:
            return replace(laid, dims=dims)
        before = self.flow.values[laid.value]
        if isinstance(before.made, Transpose) and self.flow.values[before.inputs[0]].shape[2:] == (1,):
            return TensorView(before.inputs[0], dims)
        return TensorView(self.emit(Transpose(), (laid.value,)), dims)

    def aligned(self, first: TensorView, second: TensorView) -> tuple[TensorView, TensorView]:
        """Return two tensors as views of values whose axes lie in the same dimensions.

        Raises:
            Unsayable: no permutation of the language does it.
        """
        a, b = self.settled(first), self.settled(second)
        rank = max(len(a.dims), len(b.dims))
        if len(a.dims) != len(b.dims):
            raise Unsayable(f"it joins tensors of {len(a.dims)} and {len(b.dims)} dimensions")
        if _meet(a.dims, b.dims):
            return a, b
        for one in ("tokens", "transposed", ""):
            for other in ("transposed", "tokens", ""):
                try_a = getattr(self, one)(a, try_only=True) if one and len(self.shape_of(a)) == 3 else a
                try_b = getattr(self, other)(b, try_only=True) if other and len(self.shape_of(b)) == 3 else b
                if try_a is None or try_b is None or not _meet(try_a.dims, try_b.dims):
                    continue
                done_a = getattr(self, one)(a) if one and len(self.shape_of(a)) == 3 else a
                done_b = getattr(self, other)(b) if other and len(self.shape_of(b)) == 3 else b
                return done_a, done_b
        raise Unsayable(
            f"it joins {_dims_text(a.dims)} with {_dims_text(b.dims)} ({rank} dimensions); nearest: parallel(…)"
        )

    # --- tensors of the module ----------------------------------------------------------------------

    def weight_value(self, weight: Weight) -> Tensor:
        """Return a weight's present value."""
        return weight.of(self.state)

    def changed(self, weight: Weight, change: Any) -> Weight:
        """Return a weight with a function applied to it."""
        make = weight.make
        return Weight(weight.names, lambda *tensors: change(make(*tensors)))

    def is_learned(self, weight: Weight) -> bool:
        """Return whether training changes it."""
        return any(name in self.trace.learned for name in weight.names)

    def fresh(self, value: int) -> TensorView:
        """Return a new value as torch usually has it."""
        return laid_plainly(value, self.flow.values[value].shape)

    def constant(self, weight: Weight) -> float | None:
        """Return the one number that a tensor holds everywhere, or None."""
        tensor = self.weight_value(weight).detach()
        if not tensor.numel() or not tensor.is_floating_point():
            return None
        first = tensor.flatten()[0]
        if not torch.equal(tensor, first.expand_as(tensor)):
            return None
        return float(first) if tensor.dtype == torch.float64 else float(f"{float(first):.7g}")


def _in_one_piece(laid: TensorView) -> TensorView:
    """Return the tensor with neighbouring atoms of an axis put together."""
    dims = []
    for dim in laid.dims:
        found: list[Atom] = []
        for atom in dim:
            if found and found[-1].axis == atom.axis and found[-1].stride == atom.stride * atom.size:
                found[-1] = Atom(atom.axis, found[-1].size * atom.size, atom.stride)
            else:
                found.append(atom)
        dims.append(tuple(found))
    return replace(laid, dims=tuple(dims))


def _fits(dims: Dims, want: str) -> bool:
    """Return whether each dimension behind the batch holds the wanted axis, or one entry."""
    if len(dims) != len(want) + 1 or axes_in(dims[0]) != "N":
        return False
    return all(axes_in(atoms) in ("", axis) and len(atoms) < 2 for atoms, axis in zip(dims[1:], want, strict=True))


def _meet(a: Dims, b: Dims) -> bool:
    """Return whether dimensions hold the same, or one entry; with an axis in one place only."""
    if any(one != other and one and other for one, other in zip(a, b, strict=True)):
        return False
    both = [one or other for one, other in zip(a, b, strict=True)]
    seen = [atom for atoms in both for atom in atoms]
    return len(seen) == len(set(seen)) and [axes_in(dim) for dim in both].count("C") <= 1


def _dims_text(dims: Dims) -> str:
    return f"({', '.join(axes_in(atoms) or '1' for atoms in dims)})"
