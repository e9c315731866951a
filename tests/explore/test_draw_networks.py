"""Networks drawn from a study: their costs, how they were drawn, and the files they become."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from budgetnet.errors import RequestError, SearchError
from budgetnet.explore.draw_networks import draw_networks, draws_document, draws_text, write_networks
from budgetnet.files import network_file
from budgetnet.files.study_file import load_study
from budgetnet.network.budget import Budget
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.network.cost import closed_form
from budgetnet.records.lookup import find


@pytest.fixture
def study(study_path):
    """The small study with a bound that is only checked after the draw, too."""
    return replace(load_study(study_path), budget=Budget(params=3000, peak_activation_bytes=5000))


@pytest.mark.parametrize("weighting", ["prior", "uniform"])
def test_every_network_keeps_every_bound(study, weighting):
    """Costs are those of the text as it reads back; what broke a bound after the draw is counted."""
    drawn = draw_networks(study, 12, seed=1, weighting=weighting)
    document = json.loads(json.dumps(draws_document(drawn)))
    assert len(document["networks"]) == 12
    for entry in document["networks"]:
        head = "format: budgetnet/1\ninput: [1, 8, 8]\nclasses: 10\nnetwork: |\n"
        read = network_file.parse_network_file(head + "".join(f"  {line}\n" for line in entry["network"].splitlines()))
        cost = closed_form.cost(read.network, (1, 8, 8))
        assert (entry["params"], entry["flops"], entry["depth"]) == (cost.params, cost.flops, cost.depth)
        assert entry["params"] <= 3000
        assert entry["peak_activation_bytes"] <= 5000
        assert entry["hash"] == canonical_hash(read.network)
    assert set(document["rejected"]) <= {"peak_activation_bytes"}
    text = "\n".join(draws_text(drawn))
    if document["rejected"]:
        assert "rejected after the draw and drawn again: " in text
    assert draws_document(draw_networks(study, 12, seed=1, weighting=weighting)) == draws_document(drawn)


def test_distinct_networks_are_distinct(study):
    """No hash twice; what was left out is said; too many are refused with what there is."""
    drawn = draw_networks(study, 15, distinct=True)
    assert max(Counter(drawn.drawn.hashes).values()) == 1
    assert any("all networks are different; " in line for line in draws_text(drawn))
    with pytest.raises(RequestError, match=r"1,000,000 different networks requested, but .* only [\d,]+ derivations"):
        draw_networks(study, 1_000_000, distinct=True)
    small = replace(study, budget=Budget(params=600))
    with pytest.raises(RequestError, match=r"different networks requested, but "):
        draw_networks(small, 500, distinct=True)


@pytest.mark.parametrize("stratify", ["size", "depth"])
def test_strata_spread_the_draws(study_path, stratify):
    """One band after the other, and each network is in its band."""
    drawn = draw_networks(load_study(study_path), 8, stratify=stratify)
    assert len(drawn.bands) > 1
    what = "params" if stratify == "size" else "depth"
    for place, point in enumerate(drawn.points):
        band = drawn.bands[place % len(drawn.bands)]
        assert band.low <= getattr(point, what) <= band.high


def test_nothing_fits(study):
    """The message says how small the smallest is."""
    with pytest.raises(SearchError, match=r"nothing in the grammar fits params ≤ 10.*smallest network has"):
        draw_networks(replace(study, budget=Budget(params=10)), 1)


def test_files_are_networks(study, tmp_path):
    """Each is read by whatever takes a network; nothing is overwritten."""
    drawn = draw_networks(study, 3)
    written = write_networks(drawn, tmp_path / "drawn")
    assert [path.name for path in written.values()] == ["tiny-001.yaml", "tiny-002.yaml", "tiny-003.yaml"]
    for place, path in written.items():
        found = find(str(path)).architecture
        assert found.network == drawn.drawn.candidates[place].expansion.network
        assert found.claimed == {"params": drawn.points[place].params, "flops": drawn.points[place].flops}
    assert "tiny-001.yaml" in "\n".join(draws_text(drawn, written))
    assert draws_document(drawn, written)["networks"][0]["file"].endswith("tiny-001.yaml")
    with pytest.raises(RequestError, match=r"tiny-001.yaml exists; choose another folder with --out"):
        write_networks(drawn, tmp_path / "drawn")
