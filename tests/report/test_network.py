"""One network on a page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from budgetnet.errors import CountError, ShapeError
from budgetnet.files import network_file
from budgetnet.report.network import MOST_PARTS, sheet, sheet_document, sheet_text, verified

SEED = Path(__file__).parents[2] / "studies/networks/dilated-residual-100k.yaml"


def test_the_first_network_has_78_rows():
    """The hand-made network's table, its totals, and fvcore's agreement."""
    architecture = network_file.read(SEED)
    shown = verified(sheet(architecture), architecture)
    assert len(shown.layers) == 78
    assert (shown.cost.params, shown.cost.flops) == (100_416, 69_083_264)
    text = "\n".join(sheet_text(shown))
    assert "AdaptiveAvgPool2d-77" in text
    assert "Conv2d-78" in text
    assert "one multiply-add = one FLOP" in text


def test_parts_add_up_to_the_whole():
    """Nothing is counted twice or left out where the parameters are dealt to parts."""
    shown = sheet(network_file.read(SEED))
    assert sum(part.params for part in shown.parts) == shown.cost.params
    assert sum(part.flops for part in shown.parts) == shown.cost.flops
    assert len([line for line in sheet_text(shown) if "smaller part" in line]) == 1
    assert len([part for part in shown.parts if part.params]) == MOST_PARTS + 1


def test_the_document_has_the_keys_that_programs_read(by_hand):
    """One JSON document with totals, layers and parts; shares are fractions."""
    document = json.loads(json.dumps(sheet_document(sheet(by_hand))))
    for key in ("params", "flops", "activations", "peak_activation_bytes", "receptive_field", "depth"):
        assert isinstance(document[key], int), key
    assert set(document["layers"][0]) == {"name", "type", "output", "params", "flops"}
    assert sum(layer["params"] for layer in document["layers"]) == document["params"]
    assert sum(part["share"] for part in document["parts"]) == pytest.approx(1)


def test_another_input_changes_flops_and_not_parameters(by_hand):
    """Convolutions cost by position."""
    small, large = sheet(by_hand), sheet(by_hand, (1, 16, 16))
    assert small.cost.params == large.cost.params
    assert small.cost.flops < large.cost.flops
    assert large.input_shape == (1, 16, 16)


def test_an_input_that_does_not_suit_is_an_error(by_hand):
    """The message says what cannot be done."""
    with pytest.raises(ShapeError, match="kernel 2"):
        sheet(by_hand, (1, 1, 1))


@pytest.mark.parametrize(
    ("field", "word"), [("params", "parameters"), ("flops", "FLOPs"), ("activations", "activations")]
)
def test_counts_that_disagree_with_fvcore_are_not_shown(by_hand, field, word):
    """The count of record is fvcore's; a difference is an error and names both numbers."""
    shown = sheet(by_hand)
    wrong = replace(shown, cost=replace(shown.cost, **{field: 1}))
    with pytest.raises(CountError, match=f"the closed form counts 1 {word}, the built network has"):
        verified(wrong, by_hand)


def test_a_network_without_parameters_has_a_page():
    """No share is divided by zero."""
    empty = network_file.parse_network_file(
        "format: budgetnet/1\nname: none\ninput: [10, 4, 4]\nclasses: 10\nnetwork: |\n  network = gap\n"
    )
    shown = sheet(empty)
    assert shown.cost.params == 0
    assert sheet_document(shown)["parts"][0]["share"] == 0.0
    assert any("Where the parameters go" in line for line in sheet_text(shown))
