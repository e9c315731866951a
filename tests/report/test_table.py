"""The layer table: torchsummary's numbers and form."""

from __future__ import annotations

import subprocess
import sys

import pytest

from budgetnet.network.cost.closed_form import layers
from budgetnet.network.cost.types import Layer
from budgetnet.network.nodes import Node
from budgetnet.report.table import render_table, rows

SMALL = [
    Layer("0", "Conv2d", (16, 32, 32), 448, 442_368),
    Layer("1", "ReLU", (16, 32, 32), 0, 0),
    Layer("2", "AdaptiveAvgPool2d", (16, 1, 1), 0, 16_384),
    Layer("4", "Linear", (10,), 170, 160),
]

TABLE = """\
----------------------------------------------------------------
        Layer (type)               Output Shape         Param #
================================================================
            Conv2d-1           [-1, 16, 32, 32]             448
              ReLU-2           [-1, 16, 32, 32]               0
 AdaptiveAvgPool2d-3             [-1, 16, 1, 1]               0
            Linear-4                   [-1, 10]             170
================================================================
Total params: 618
Trainable params: 618
Non-trainable params: 0
----------------------------------------------------------------
Input size (MB): 0.01
Forward/backward pass size (MB): 0.25
Params size (MB): 0.00
Estimated Total Size (MB): 0.26
----------------------------------------------------------------
FLOPs (one multiply-add = one FLOP): 458,912
----------------------------------------------------------------"""


def test_table_of_a_small_network() -> None:
    """Rows, totals and sizes stand as in torchsummary, and the FLOPs state their convention."""
    assert render_table(SMALL, (3, 32, 32)) == TABLE


def test_hand_made_network(hand_made: Node) -> None:
    """78 leaf rows from the first convolution to the classes, 100,416 parameters, 69,083,264 FLOPs."""
    found = layers(hand_made, (3, 32, 32))
    table = rows(found)
    assert len(table) == 78
    assert table[0] == ("Conv2d-1", "[-1, 64, 30, 30]", "1,728")
    assert table[76] == ("AdaptiveAvgPool2d-77", "[-1, 64, 1, 1]", "0")
    assert table[77] == ("Conv2d-78", "[-1, 10, 1, 1]", "640")
    text = render_table(found, (3, 32, 32))
    for line in (
        "Total params: 100,416",
        "Input size (MB): 0.01",
        "Forward/backward pass size (MB): 38.04",
        "Params size (MB): 0.38",
        "Estimated Total Size (MB): 38.43",
        "FLOPs (one multiply-add = one FLOP): 69,083,264",
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize("width", [1, 10**9])
def test_wide_rows_keep_their_columns_apart(width: int) -> None:
    """However long a number, type, shape and parameters stay separate words."""
    text = render_table([Layer("0", "AdaptiveAvgPool2d", (width, 1, 1), width, 0)], (3, 8, 8))
    assert f" [-1, {width}, 1, 1] " in text
    assert text.splitlines()[3].endswith(f" {width:,}")


def test_table_needs_no_torch() -> None:
    """Printing a table loads no torch."""
    code = "import sys, budgetnet.report.table; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
