"""Features say of a network what can be counted by hand."""

from __future__ import annotations

import subprocess
import sys
from math import log2, log10

import pytest

from budgetnet.grammar.graph import Binding
from budgetnet.network.cost.closed_form import cost
from budgetnet.network.nodes import (
    Conv,
    DepthwiseConv,
    GlobalAvgPool,
    Graph,
    GraphApply,
    GraphJoin,
    GraphName,
    Linear,
    MaxPool,
    Node,
    Parallel,
    Sequence,
    Shared,
    Skip,
)
from budgetnet.search.model.features import features_of, group_of

IMAGE = (3, 32, 32)
NETWORK = Sequence((
    Conv(3, 16),
    MaxPool(2),
    Skip(Sequence((DepthwiseConv(5), Conv(1, 16, groups=4)))),
    Conv(3, 32, stride=2, dilation=2, act="gelu", dropout=0.25),
    GlobalAvgPool(),
    Linear(10),
))  # fmt: skip


def test_counts_of_operations_are_those_of_the_text() -> None:
    """Counts of operations are those of the text."""
    found = features_of(NETWORK, IMAGE)
    expected = {
        "op.conv": 3, "op.dwconv": 1, "op.maxpool": 1, "op.gap": 1, "op.linear": 1, "op.kernel3": 2, "op.kernel5": 1,
        "op.kernel1": 1, "op.strided": 1, "op.dilated": 1, "op.grouped": 1, "op.groups": 2, "op.norm.batch": 4,
        "op.act.relu": 3, "op.act.gelu": 1, "op.dropout.rate": 0.25, "form.skips": 1, "form.layers": 5, "form.depth": 5,
        "level1.blocks": 1, "level0.layers": 1, "level1.layers": 2, "level2.layers": 1,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected


def test_sizes_are_logarithms_of_the_closed_form() -> None:
    """Sizes are logarithms of the closed form."""
    counted = cost(NETWORK, IMAGE)
    found = features_of(NETWORK, IMAGE, counted=counted)
    assert found["size.params"] == log10(counted.params)
    assert found["size.flops"] == log10(counted.flops)
    assert found["size.memory"] == log10(counted.peak_activation_bytes)
    assert found["form.receptive_field"] == log2(counted.receptive_field)


def test_shares_of_operations_sum_to_one() -> None:
    """Shares of operations sum to one."""
    found = features_of(NETWORK, IMAGE)
    operations = ("op.conv", "op.dwconv", "op.linear", "op.gap")
    assert sum(found.get(f"{name}.params", 0.0) for name in operations) == pytest.approx(1)
    assert sum(found.get(f"{name}.flops", 0.0) for name in operations) == pytest.approx(1)


def test_widths_are_means_over_the_weighted_layers_of_a_level() -> None:
    """Widths are means over the weighted layers of a level."""
    found = features_of(Sequence((Conv(3, 8), Conv(3, 24), GlobalAvgPool(), Linear(10))), IMAGE)
    assert found["level0.width"] == log2(16)


def test_a_shared_part_counts_its_parameters_once_and_its_runs_each_time() -> None:
    """A shared part counts its parameters once and its runs each time."""
    once = features_of(Sequence((Conv(3, 3), GlobalAvgPool(), Linear(10))), IMAGE)
    thrice = features_of(Sequence((Shared(Conv(3, 3), 3), GlobalAvgPool(), Linear(10))), IMAGE)
    assert thrice["op.conv"] == 3
    assert thrice["op.conv.params"] == once["op.conv.params"]
    assert thrice["form.shared"] == 2


@pytest.mark.parametrize(
    "part",
    [
        Parallel((Conv(3, 3), Conv(5, 3)), "add"),
        Graph(
            ("x",),
            (Binding("a", GraphApply(Conv(3, 3), ("x",))),),
            GraphJoin("add", (GraphName("a"), GraphApply(Conv(5, 3), ("x",)))),
        ),
    ],
)
def test_branches_are_all_counted(part: Node) -> None:
    """Branches are all counted."""
    found = features_of(Sequence((part, GlobalAvgPool(), Linear(10))), IMAGE)
    assert (found["op.conv"], found["op.kernel3"], found["op.kernel5"]) == (2, 1, 1)


def test_decisions_are_values_or_labels() -> None:
    """Decisions are values or labels."""
    found = features_of(NETWORK, IMAGE, decisions={"stage.c": 48, "kind": "conv(3, c)", "bias": True})
    assert found["decision.stage.c"] == 48
    assert found["decision.kind=conv(3, c)"] == 1
    assert found["decision.bias=True"] == 1


def test_every_feature_has_a_group() -> None:
    """Every feature has a group."""
    found = features_of(NETWORK, IMAGE, decisions={"stage.c": 48})
    assert {group_of(name) for name in found} == {"size", "form", "level", "op", "decision"}


def test_features_need_no_torch() -> None:
    """Features need no torch."""
    code = "import sys, budgetnet.search.model.features; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
