"""Views: what moves values without computing, and what takes a part of them."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from budgetnet.convert.flow import Margins, Weight
from budgetnet.convert.layout import LayoutError, TensorView, axes_in, permuted, reshaped, take_part, whole_axis
from budgetnet.convert.reading import Arguments, TraceReading
from budgetnet.convert.trace import Unsayable
from budgetnet.network.nodes import MaxPool, Pad
from budgetnet.ops.tokens import TakeFirst

__all__ = ["VIEWS", "dim_sizes"]


def dim_sizes(laid: TensorView) -> list[int]:
    """Return the sizes of a tensor's dimensions."""
    return [prod(atom.size for atom in dim) for dim in laid.dims]


def _place(dim: int, rank: int) -> int:
    return dim % rank if rank else 0


def _same(reading: TraceReading, a: Arguments) -> Any:  # noqa: ARG001 - a handler's signature
    return a["self"] if "self" in a else a["input"]


# --- other forms ------------------------------------------------------------------------------------


def _reshape(reading: TraceReading, a: Arguments) -> Any:
    sizes = a["shape"] if "shape" in a else a["size"]
    return _read_as(reading, a["self"], list(sizes))


def _read_as(reading: TraceReading, entry: Any, sizes: list[int]) -> Any:
    if isinstance(entry, Weight):
        return reading.changed(entry, lambda tensor: tensor.reshape(sizes))
    assert reading.step is not None
    try:
        found = reshaped(entry, sizes, reading.step.name)
    except LayoutError as error:
        raise Unsayable(f"{error}; nearest: tokens, transpose, shuffle") from None
    for dim in found.dims:
        steps = [atom.stride for atom in dim if atom.axis == "C"]
        if steps != sorted(steps, reverse=True):
            found = reading.settled(found)  # channels in another order than before: a shuffle
            break
    if reading.step.name in reading.eager:
        column = reading.tokens(reading.settled(found))
        return found if column is None else column
    return found


def _flatten(reading: TraceReading, a: Arguments) -> Any:
    entry = a["self"]
    if isinstance(entry, Weight):
        return reading.changed(entry, lambda tensor: tensor.flatten(a["start_dim"], a["end_dim"]))
    sizes = dim_sizes(entry)
    first, last = _place(a["start_dim"], len(sizes)), _place(a["end_dim"], len(sizes))
    return _read_as(reading, entry, [*sizes[:first], prod(sizes[first : last + 1]), *sizes[last + 1 :]])


def _unflatten(reading: TraceReading, a: Arguments) -> Any:
    sizes = dim_sizes(a["self"])
    dim = _place(a["dim"], len(sizes))
    inner = list(a["sizes"])
    if -1 in inner:
        inner[inner.index(-1)] = sizes[dim] // -prod(inner)
    return _read_as(reading, a["self"], [*sizes[:dim], *inner, *sizes[dim + 1 :]])


def _permute(reading: TraceReading, a: Arguments) -> Any:
    if isinstance(a["self"], Weight):
        return reading.changed(a["self"], lambda tensor: tensor.permute(a["dims"]))
    rank = len(a["self"].dims)
    return permuted(a["self"], [_place(dim, rank) for dim in a["dims"]])


def _transpose(reading: TraceReading, a: Arguments) -> Any:
    entry = a["self"]
    if isinstance(entry, Weight):
        return reading.changed(entry, lambda tensor: tensor.transpose(a["dim0"], a["dim1"]))
    order = list(range(len(entry.dims)))
    one, other = _place(a["dim0"], len(order)), _place(a["dim1"], len(order))
    order[one], order[other] = other, one
    return permuted(entry, order)


def _turned(reading: TraceReading, a: Arguments) -> Any:
    return _transpose(reading, {"self": a["self"], "dim0": -2, "dim1": -1})


def _unsqueeze(reading: TraceReading, a: Arguments) -> Any:
    entry = a["self"]
    if isinstance(entry, Weight):
        return reading.changed(entry, lambda tensor: tensor.unsqueeze(a["dim"]))
    dim = _place(a["dim"], len(entry.dims) + 1)
    return replace(entry, dims=(*entry.dims[:dim], (), *entry.dims[dim:]))


def _squeeze(reading: TraceReading, a: Arguments) -> Any:
    entry = a["self"]
    if isinstance(entry, Weight):
        return reading.changed(entry, lambda tensor: tensor.squeeze(a["dim"]) if "dim" in a else tensor.squeeze())
    named = a.get("dim")
    wanted = range(len(entry.dims)) if named is None else [named] if isinstance(named, int) else named
    places = {_place(dim, len(entry.dims)) for dim in wanted}
    return replace(entry, dims=tuple(dim for place, dim in enumerate(entry.dims) if dim or place not in places))


def _expand(reading: TraceReading, a: Arguments) -> Any:  # noqa: ARG001 - a handler's signature
    entry = a["self"]
    if isinstance(entry, Weight):
        return entry  # what it meets is as large
    sizes = list(a["size"]) if "size" in a else dim_sizes(a["other"])
    return replace(entry, dims=((),) * (len(sizes) - len(entry.dims)) + entry.dims)


# --- parts ------------------------------------------------------------------------------------------


def _part(reading: TraceReading, entry: Any, dim: int, start: int, size: int) -> Any:
    steps = [atom.stride for atoms in entry.dims for atom in atoms if atom.axis == "C"]
    if steps != sorted(steps, reverse=True):
        entry = reading.settled(entry)  # a shuffle comes before the slice
    try:
        return take_part(entry, dim, start, size)
    except LayoutError as error:
        first = (start, size) == (0, 1) and axes_in(entry.dims[dim]) in ("H", "HW")
        if first and len(reading.shape_of(entry)) == 3:
            found = reading.settled(entry)
            _, height, width = reading.shape_of(found)
            if found.dims[dim] == (*whole_axis("H", height), *whole_axis("W", width)):
                value = reading.emit(TakeFirst(), (found.value,))
                return replace(found, value=value, dims=(*found.dims[:dim], (), *found.dims[dim + 1 :]))
        raise Unsayable(f"{error}; nearest: split(…) of channels, first, or a convolution with padding=0") from None


def _parts(reading: TraceReading, a: Arguments, sizes: list[int]) -> tuple[Any, ...]:
    dim = _place(a["dim"], len(a["self"].dims))
    starts = [sum(sizes[:place]) for place in range(len(sizes))]
    return tuple(_part(reading, a["self"], dim, start, size) for start, size in zip(starts, sizes, strict=True))


def _chunk(reading: TraceReading, a: Arguments) -> tuple[Any, ...]:
    total = dim_sizes(a["self"])[a["dim"]]
    return _parts(reading, a, _equal(total, -(-total // a["chunks"])))


def _split(reading: TraceReading, a: Arguments) -> tuple[Any, ...]:
    total = dim_sizes(a["self"])[a["dim"]]
    given = a["split_size"] if "split_size" in a else a["split_sizes"] if "split_sizes" in a else a["split_size"]
    return _parts(reading, a, _equal(total, given) if isinstance(given, int) else list(given))


def _equal(total: int, size: int) -> list[int]:
    return [min(size, total - start) for start in range(0, total, size)]


def _unbind(reading: TraceReading, a: Arguments) -> tuple[Any, ...]:
    dim = _place(a["dim"], len(a["self"].dims))
    count = dim_sizes(a["self"])[dim]
    return tuple(_select(reading, {"self": a["self"], "dim": dim, "index": index}) for index in range(count))


def _select(reading: TraceReading, a: Arguments) -> Any:
    entry = a["self"]
    if isinstance(entry, Weight):
        return reading.changed(entry, lambda tensor: tensor.select(a["dim"], a["index"]))
    dim = _place(a["dim"], len(entry.dims))
    count = dim_sizes(entry)[dim]
    found = _part(reading, entry, dim, a["index"] % count, 1)
    return replace(found, dims=(*found.dims[:dim], *found.dims[dim + 1 :]))


def _slice(reading: TraceReading, a: Arguments) -> Any:
    entry = a["self"]
    if isinstance(entry, Weight):
        return reading.changed(entry, lambda tensor: tensor[_index(tensor.dim(), a)])
    dim = _place(a["dim"], len(entry.dims))
    total = dim_sizes(entry)[dim]
    start, end, step = slice(a["start"], a["end"], a["step"]).indices(total)
    if step == 1:
        return _part(reading, entry, dim, start, max(end - start, 0))
    axis = axes_in(entry.dims[dim])
    if start or end != total or axis not in ("H", "W"):
        raise Unsayable("it takes every n-th of some positions; nearest: maxpool(1, stride=n), which takes the first")
    found = reading.arranged(entry, "CHW")
    pool = MaxPool(1, f"{step}x1" if axis == "H" else f"1x{step}")
    value = reading.emit(pool, (found.value,))
    return reading.fresh(value)


def _index(rank: int, a: Arguments) -> tuple[slice, ...]:
    dim = _place(a["dim"], rank)
    return (slice(None),) * dim + (slice(a["start"], a["end"], a["step"]),)


def _getitem(reading: TraceReading, a: Arguments) -> Any:  # noqa: ARG001 - a handler's signature
    return a["a"][a["b"]]


# --- padding ----------------------------------------------------------------------------------------


def _pad(reading: TraceReading, a: Arguments) -> TensorView:
    if a.get("mode", "constant") != "constant" or a.get("value") not in (None, 0, 0.0):
        raise Unsayable("padding with something other than zeros; nearest: padding=… of a convolution")
    entry = reading.settled(a["self"])
    pads = list(a["pad"])
    sides = {len(entry.dims) - 1 - place: (pads[2 * place], pads[2 * place + 1]) for place in range(len(pads) // 2)}
    around: dict[str, tuple[int, int]] = {}
    for dim, (before, after) in sides.items():
        if (before, after) == (0, 0):
            continue
        axis = axes_in(entry.dims[dim]) or "CHW"[dim - 1]
        if axis not in ("C", "H", "W") or before < 0 or after < 0:
            raise Unsayable("padding that cuts positions off, or of tokens; nearest: padding=… of a convolution")
        around[axis] = (before, after)
    dims = entry.dims
    value = entry.value
    if "C" in around:
        before, after = around.pop("C")
        channels = reading.shape_of(entry)[0]
        if before != (before + after) // 2:
            raise Unsayable(
                f"{before} channels of zeros in front and {after} behind; nearest: pad(channels), which adds as "
                "many on both sides"
            )
        value = reading.emit(Pad(channels + before + after), (value,))
        dims = tuple(whole_axis("C", channels + before + after) if axes_in(dim) == "C" else dim for dim in dims)
    if around:
        image = reading.arranged(replace(entry, value=value, dims=dims), "CHW")
        above, below = around.get("H", (0, 0))
        left, right = around.get("W", (0, 0))
        return reading.fresh(reading.emit(Margins(above, below, left, right), (image.value,)))
    return replace(entry, value=value, dims=dims)


VIEWS = {
    **dict.fromkeys(("contiguous", "clone", "detach", "alias", "lift_fresh_copy", "view_as", "to", "_to_copy"), _same),
    **dict.fromkeys(("view", "reshape", "_unsafe_view"), _reshape),
    "flatten": _flatten,
    "unflatten": _unflatten,
    "permute": _permute,
    "transpose": _transpose,
    "t": _turned,
    "mT": _turned,
    "unsqueeze": _unsqueeze,
    "squeeze": _squeeze,
    "expand": _expand,
    "expand_as": _expand,
    "chunk": _chunk,
    "split": _split,
    "split_with_sizes": _split,
    "unbind": _unbind,
    "select": _select,
    "slice": _slice,
    "getitem": _getitem,
    "pad": _pad,
    "constant_pad_nd": _pad,
}
"""By the operator's name."""
