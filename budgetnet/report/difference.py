"""Two networks side by side: what one costs more than the other, and where their texts differ."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from typing import Any

from budgetnet.files.network_file import Network
from budgetnet.network.cost.closed_form import cost
from budgetnet.network.cost.types import Cost
from budgetnet.network.nodes import Node, Sequence
from budgetnet.network.text import network_text
from budgetnet.text import count_text, joined_table, shape_text, signed

__all__ = ["Difference", "difference", "difference_document", "difference_text", "part_lines"]

NAMES = {
    "params": "parameters",
    "flops": "FLOPs",
    "activations": "activations",
    "peak_activation_bytes": "peak activation bytes",
    "depth": "depth",
    "receptive_field": "receptive field",
    "flash": "flash bytes in int8",
    "ram": "RAM bytes in int8",
}
"""Fields of `Cost` in the order and the words in which people read them."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Differences between two networks."""

    names: tuple[str, str]
    """The names that the user gave."""
    inputs: tuple[tuple[int, ...], tuple[int, ...]]
    """Input shapes at which the two are counted."""
    costs: tuple[Cost, Cost]
    lines: tuple[tuple[str, str], ...]
    """Every line of both texts once, in order, behind ``" "`` (both have it), ``"-"`` (the first) or ``"+"``."""

    @property
    def same(self) -> bool:
        """True if the two have the same text and the same input."""
        return self.inputs[0] == self.inputs[1] and all(mark == " " for mark, _ in self.lines)


def difference(first: Network, second: Network, names: tuple[str, str]) -> Difference:
    """Compare two networks, each counted at its own input shape by the closed form.

    Raises:
        ShapeError: one of them cannot be applied to its input.
    """
    return Difference(
        names=names,
        inputs=(first.input_shape, second.input_shape),
        costs=(_cost(first), _cost(second)),
        lines=tuple(_aligned(_lines(first.network), _lines(second.network))),
    )


def difference_text(found: Difference) -> list[str]:
    """Return the comparison as lines for people."""
    before, after = (asdict(cost) for cost in found.costs)
    rows = [
        [NAMES[key], count_text(before[key]), count_text(after[key]), signed(after[key] - before[key], before[key])]
        for key in NAMES
    ]
    lines = [f"A  {found.names[0]}", f"B  {found.names[1]}"]
    if found.inputs[0] != found.inputs[1]:
        lines.append(f"counted at different inputs: {shape_text(found.inputs[0])} and {shape_text(found.inputs[1])}")
    lines += ["", *joined_table(["", "A", "B", "change"], rows, left=(0, 3))]
    lines += ["", "one multiply-add = one FLOP", ""]
    if found.same:
        return [*lines, "The two networks are the same."]
    return [*lines, *(f"{mark} {text}" for mark, text in found.lines)]


def difference_document(found: Difference) -> dict[str, Any]:
    """Return the comparison for `--json`; ``change`` is B minus A."""
    before, after = (asdict(cost) for cost in found.costs)
    sides = zip(("a", "b"), found.names, found.inputs, (before, after), strict=True)
    return {
        **{
            side: {"name": name, "input": list(shape), **{key: counts[key] for key in NAMES}}
            for side, name, shape, counts in sides
        },
        "change": {key: after[key] - before[key] for key in NAMES},
        "same": found.same,
        "lines": [{"in": {" ": "both", "-": "a", "+": "b"}[mark], "text": text} for mark, text in found.lines],
    }


def _cost(architecture: Network) -> Cost:
    return cost(architecture.network, architecture.input_shape, custom=architecture.plugins.forms, ram=True)


def part_lines(node: Node) -> list[str]:
    """The text of a part of a network without the rule's head, on one line where it is short."""
    return network_text(node).partition("=")[2].strip().splitlines()


def _lines(network: Node) -> list[str]:
    """One line per part, however short the whole: a diff of two one-line texts would show nothing."""
    parts = network.items if isinstance(network, Sequence) else (network,)
    return [line for part in parts for line in part_lines(part)]


def _aligned(first: list[str], second: list[str]) -> list[tuple[str, str]]:
    aligned: list[tuple[str, str]] = []
    for tag, low, high, start, stop in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if tag == "equal":
            aligned += [(" ", line) for line in first[low:high]]
        else:
            aligned += [("-", line) for line in first[low:high]]
            aligned += [("+", line) for line in second[start:stop]]
    return aligned
