"""Costs and hashes of the networks that come with the package, as text that a reviewer can read.

A change of any number here is a change of what users were told. ``python -m tests.network.test_published_costs`` prints
the table anew.
"""

from __future__ import annotations

from dataclasses import astuple, fields
from pathlib import Path

from budgetnet.files import network_file
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.network.cost.closed_form import cost, layers
from budgetnet.network.cost.types import Cost

TABLE = Path(__file__).parent / "published_costs.txt"
NETWORKS = Path(__file__).parents[2] / "studies" / "networks"


def table() -> str:
    """One line for each network file: its numbers, its rows in a layer table, its hash."""
    lines = [" ".join(["name", *(field.name for field in fields(Cost)), "layers", "hash"])]
    for path in sorted(NETWORKS.glob("*.yaml")):
        read = network_file.read(path)
        total = cost(read.network, read.input_shape, ram=True)
        rows = len(layers(read.network, read.input_shape))
        lines.append(" ".join(map(str, [path.stem, *astuple(total), rows, canonical_hash(read.network)])))
    return "\n".join(lines) + "\n"


def test_costs_and_hashes_stay() -> None:
    """The numbers are those that were published."""
    assert table() == TABLE.read_text(encoding="utf-8")


if __name__ == "__main__":
    print(table(), end="")  # noqa: T201
