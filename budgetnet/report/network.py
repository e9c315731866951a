"""One network on a page: its layers, its totals, and where its parameters go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from budgetnet.errors import CountError
from budgetnet.files.network_file import Network
from budgetnet.network.cost import closed_form
from budgetnet.network.cost.combine import part_of
from budgetnet.network.cost.types import Cost, Layer
from budgetnet.network.int8.memory import footprint
from budgetnet.network.nodes import Sequence, Shape
from budgetnet.network.text import summary
from budgetnet.report.difference import part_lines
from budgetnet.report.table import render_table
from budgetnet.text import NOTHING, bytes_text, count_text, joined_table, shape_text

__all__ = ["NetworkPart", "Sheet", "sheet", "sheet_document", "sheet_text", "verified"]

WIDEST_PART = 60
"""Characters of a part's short text."""
MOST_PARTS = 12
"""Parts listed one by one; the smaller ones are added up on one more line."""


@dataclass(frozen=True, slots=True)
class NetworkPart:
    """One step of the network's outermost sequence."""

    text: str
    """The part's text in the network, on one line."""
    short: str
    """The same in a few words, without norms and activations."""
    params: int
    flops: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that is shown of a network."""

    name: str
    input_shape: Shape
    """``(channels, height, width)`` at which the network is counted."""
    classes: int
    cost: Cost
    layers: tuple[Layer, ...]
    parts: tuple[NetworkPart, ...]
    in_float: Mapping[str, int] = field(default_factory=dict)
    """Classes of layers without an int8 kernel on a Cortex-M processor, with their number."""
    note: str = ""
    """Caveat for counts that depend on custom primitives."""


def sheet(architecture: Network, input_shape: Shape | None = None) -> Sheet:
    """Count a network by the closed form.

    Args:
        architecture: the network with its own input shape.
        input_shape: another shape to count it at.

    Raises:
        ShapeError: the network cannot be applied to that shape.
    """
    shape = input_shape or architecture.input_shape
    network, forms = architecture.network, architecture.plugins.forms
    parts: list[NetworkPart] = []
    here = shape
    for item in network.items if isinstance(network, Sequence) else (network,):
        part = part_of(item, here, forms)
        text = " ".join(line.strip() for line in part_lines(item))
        parts.append(NetworkPart(text, summary(item, WIDEST_PART), part.params, part.flops))
        here = part.shape
    needed = footprint(network, shape, forms)
    return Sheet(
        name=architecture.name,
        input_shape=shape,
        classes=architecture.classes,
        cost=replace(closed_form.cost(network, shape, custom=forms), ram=needed.ram),
        layers=tuple(closed_form.layers(network, shape, custom=forms)),
        parts=tuple(parts),
        in_float=needed.in_float,
        note=architecture.plugins.note,
    )


def verified(shown: Sheet, architecture: Network) -> Sheet:
    """Return *shown* after fvcore and ``numel`` have counted the built network and agreed (loads torch).

    Raises:
        CountError: the counts differ, or fvcore does not know an operator.
    """
    from budgetnet.network.torch.measure import measure_nodes

    measured = measure_nodes(architecture.network, shown.input_shape, custom=architecture.plugins.modules)
    for word, closed, counted in (
        ("parameters", shown.cost.params, measured.params),
        ("FLOPs", shown.cost.flops, measured.flops),
        ("activations", shown.cost.activations, measured.activations),
    ):
        if closed != counted:
            differs = f"{shown.name}: the closed form counts {closed:,} {word}, the built network has {counted:,}"
            own = architecture.plugins.disagreement(architecture.network, shown.input_shape)
            raise CountError(
                f"{differs}; {own or 'this is an error in budgetnet, please report it with the text of the network'}"
            )
    if measured.stated:
        authors = f"FLOPs and activations of {', '.join(measured.stated)} are as cost() states: fvcore has no count"
        return replace(shown, note="; ".join(filter(None, (shown.note, authors))))
    return shown


def sheet_text(shown: Sheet, *, verified: bool = False) -> list[str]:
    """Return the page as lines for people; *verified* says that fvcore has counted the same."""
    cost = shown.cost
    judged = "counted by fvcore, too" if verified else "by the closed form"
    totals = [
        ["Parameters", count_text(cost.params), ""],
        ["FLOPs", count_text(cost.flops), f"one multiply-add = one FLOP; eval mode, one image; {judged}"],
        ["Activations", count_text(cost.activations), "values that convolutions and linear layers put out"],
        ["Peak activation memory", bytes_text(cost.peak_activation_bytes), "float32, one image"],
        ["Receptive field", f"{cost.receptive_field} px", f"of {shape_text(shown.input_shape[1:])}"],
        ["Depth", str(cost.depth), "convolutions and linear layers on the longest path"],
        ["Flash in int8", bytes_text(cost.flash), "weights, biases and scales, without the runtime"],
        ["RAM in int8", NOTHING if cost.ram is None else bytes_text(cost.ram), _int8_note(shown)],
    ]
    width = max(len(name) for name, _, _ in totals)
    digits = max(len(value) for _, value, _ in totals)
    return [
        f"{shown.name}: input {shape_text(shown.input_shape)}, {shown.classes} classes",
        "",
        *render_table(shown.layers, shown.input_shape).splitlines(),
        "",
        *(f"{name:<{width}}  {value:>{digits}}  {note}".rstrip() for name, value, note in totals),
        *([f"({shown.note})"] if shown.note else []),
        "",
        *_shares(shown),
    ]


def _int8_note(shown: Sheet) -> str:
    """Return what to know about the RAM, above all which layers stay in float32."""
    told = "one image, on a Cortex-M with CMSIS-NN"
    if not shown.in_float:
        return told
    listed = ", ".join(f"{number} {name}" for name, number in shown.in_float.items())
    return f"{told}; without an int8 kernel, so in float32: {listed}"


def sheet_document(shown: Sheet) -> dict[str, Any]:
    """Return the page for `--json`; shares are fractions."""
    return {
        "name": shown.name,
        "input": list(shown.input_shape),
        "classes": shown.classes,
        **asdict(shown.cost),
        "in_float": dict(shown.in_float),
        "note": shown.note,
        "layers": [
            {
                "name": layer.name,
                "type": layer.type,
                "output": list(layer.output),
                "params": layer.params,
                "flops": layer.flops,
            }
            for layer in shown.layers
        ],
        "parts": [
            {"text": part.text, "params": part.params, "flops": part.flops, "share": _share(part.params, shown.cost)}
            for part in shown.parts
        ],
    }


def _share(params: int, cost: Cost) -> float:
    return params / cost.params if cost.params else 0.0


def _shares(shown: Sheet) -> list[str]:
    """The largest parts in the order of the network, then the rest in one line."""
    holders = [index for index, part in enumerate(shown.parts) if part.params]
    largest = set(sorted(holders, key=lambda index: -shown.parts[index].params)[:MOST_PARTS])
    listed = [shown.parts[index] for index in holders if index in largest]
    rest = [shown.parts[index] for index in holders if index not in largest]
    rows = [_row(part.short, part.params, part.flops, shown.cost) for part in listed]
    if rest:
        words = f"{len(rest)} smaller parts" if len(rest) > 1 else "1 smaller part"
        rows.append(_row(words, sum(part.params for part in rest), sum(part.flops for part in rest), shown.cost))
    return joined_table(["Where the parameters go", "parameters", "%", "FLOPs", "%"], rows, left=(0,))


def _row(text: str, params: int, flops: int, cost: Cost) -> list[str]:
    of_flops = flops / cost.flops if cost.flops else 0.0
    return [text, count_text(params), f"{100 * _share(params, cost):.1f}", count_text(flops), f"{100 * of_flops:.1f}"]
