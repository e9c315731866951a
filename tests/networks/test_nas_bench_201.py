"""NAS-Bench-201: any of its 15,625 cells, with the counts that the benchmark states."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from budgetnet.files.network_file import Architecture, parse, read
from budgetnet.network.cost.closed_form import cost, layers
from budgetnet.network.torch.build import build
from budgetnet.network.torch.measure import measure
from tests.networks.cell_oracles import NasBench201
from tests.networks.function import same_output
from tests.networks.published import CELLS, FOLDER

PARTS = {
    "none": "zero({0})",
    "skip_connect": "{0}",
    "nor_conv_1x1": "nb201_conv(k=1)({0})",
    "nor_conv_3x3": "nb201_conv({0})",
    "avg_pool_3x3": "nb201_pool({0})",
}
"""How the language says what the benchmark says."""

CELL_1 = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"

SKELETON = """
format: budgetnet/1
input: [3, 32, 32]
classes: 10
network: |
  from prelude import nb201_conv, nb201_pool, nb201_down
  network =
      conv(3, {c}, act=none) cell{{{n}}} nb201_down({c} * 2) cell{{{n}}} nb201_down({c} * 4) cell{{{n}}}
      norm act gap linear(classes)
  cell = graph {{ n1 = {n1}; n2 = {n2}; return {n3} }}
"""


def text_of(cell: str, channels: int = 16, cells: int = 5) -> str:
    """A network file for a cell as the benchmark spells it, ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``."""
    n1, n2, n3 = (
        " + ".join(
            PARTS[edge.split("~")[0]].format(name)
            for edge, name in zip(node.strip("|").split("|"), ("x", "n1", "n2"), strict=False)
        )
        for node in cell.split("+")
    )
    return SKELETON.format(c=channels, n=cells, n1=n1, n2=n2, n3=n3)


def stated_flops(architecture: Architecture) -> int:
    """FLOPs as the benchmark counts them: convolutions, and the classifier with its bias; all else is free."""
    rows = layers(architecture.network, architecture.input_shape)
    return sum(row.flops for row in rows if row.type in ("Conv2d", "Linear")) + architecture.classes


@pytest.mark.parametrize("name", CELLS)
def test_shipped_cells_are_the_benchmarks(name: str):
    """The graph written in the file is the cell that the benchmark spells with bars."""
    shipped = read(FOLDER / f"nas-bench-201-{name}.yaml")
    assert parse(text_of(CELLS[name])).network == shipped.network


@pytest.mark.parametrize(
    ("cell", "params", "flops"),
    [
        # NATS-Bench issues 24 (FLOPs) and NASLib's tests (parameters): exact
        (CELLS["0"], "0.129306", "15.64737"),
        # NATS-Bench issue 36: exact
        (CELLS["mixed"], "0.802426", "113.95137"),
        # NATS-Bench issue 18, cell 1
        (CELL_1, "0.802", "113.95"),
        # NATS-Bench issue 19, cell 2211: convolutions of zeros count
        (CELLS["2211"], "0.344", "47.10"),
        # the benchmark's printed information on cell 9930
        (CELLS["9930"], "1.289", "184.73"),
    ],
)
def test_counts_are_the_benchmarks(cell: str, params: str, flops: str):
    """Parameters and FLOPs, in millions, to the digits that the benchmark prints."""
    architecture = parse(text_of(cell))
    digits = [len(number.split(".")[1]) for number in (params, flops)]
    counted = cost(architecture.network, architecture.input_shape).params
    assert f"{counted / 1e6:.{digits[0]}f}" == params
    assert f"{stated_flops(architecture) / 1e6:.{digits[1]}f}" == flops


def test_range_of_parameters():
    """Between the cell of skips and the cell of 3x3 convolutions lie all others, in steps of one edge."""
    least, most = (cost(parse(text_of(CELLS[name])).network, (3, 32, 32)).params for name in ("skips", "conv3x3"))
    edge = 5 * sum(9 * c * c + 2 * c for c in (16, 32, 64))
    assert (least, most) == (73_306, 73_306 + 6 * edge)


OPERATIONS = st.lists(st.sampled_from(sorted(PARTS)), min_size=6, max_size=6)


@settings(max_examples=15, deadline=None)
@given(OPERATIONS)
def test_any_cell_is_counted_and_computed_alike(names: list[str]):
    """Drawn cells, at a small size, have the counts of fvcore and of the usual Python, and compute the same."""
    a, b, c, d, e, f = names
    cell = f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"
    architecture = parse(text_of(cell, channels=4, cells=1))
    oracle = NasBench201(cell, channels=4, cells=1)
    closed = cost(architecture.network, (3, 32, 32))
    counted = measure(architecture.network, (3, 32, 32))
    assert (closed.params, closed.flops) == (counted.params, counted.flops)
    assert closed.params == sum(parameter.numel() for parameter in oracle.parameters())
    for module in oracle.modules():
        if isinstance(module, nn.AvgPool2d):
            module.count_include_pad = True  # the one difference: whether a mean at the border counts padding
    torch.manual_seed(0)
    assert same_output(build(architecture.network, (3, 32, 32)), oracle, (3, 32, 32))
