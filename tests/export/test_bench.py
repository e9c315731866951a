"""Bench: every network in every way, with times that belong together; what cannot be run is said, not hidden."""

from __future__ import annotations

import json
import re

import pytest

import budgetnet as bn
from budgetnet.errors import RequestError
from budgetnet.export.bench import load as load_module
from budgetnet.export.bench import measure, runners
from budgetnet.export.bench.measure import Timing

TEXT = "conv(3, 4) maxpool gap linear(classes)"


@pytest.fixture(scope="module")
def network():
    """A network that runs in microseconds."""
    return bn.parse_network(TEXT, input=(1, 8, 8), classes=10)


def test_networks_take_turns_in_every_way(network):
    """One row per network, way, batch and number of threads; medians below the 95th percentile."""
    other = bn.parse_network("conv(3, 64) conv(3, 64) gap linear(classes)", input=(1, 8, 8), classes=10)
    found = bn.bench([network, other], ways="eager,onnx,int8", batches=(1, 16), threads=(1,), seconds=0.05)
    assert [(entry.way, entry.batch) for entry in found.timings] == [
        (way, batch) for batch in (1, 16) for _ in range(2) for way in ("eager", "onnx", "int8")
    ]
    for entry in found.timings:
        assert 0 < entry.median_s <= entry.p95_s
        assert measure.LEAST_RUNS <= entry.runs <= measure.MOST_RUNS
        assert entry.images_per_second == pytest.approx(entry.batch / entry.median_s)
    small, large = (found.timings[place].median_s for place in (6, 9))  # eager, batch 16
    assert small < large
    lines = found.text()
    assert re.match(r"network +way +batch +threads +median ms +95 % ms +images/s +memory", lines[0])
    assert "these times belong to this machine" in lines[-1]
    document = json.loads(json.dumps(found.document()))
    assert len(document["timings"]) == 12
    assert "command" not in document["environment"]


def test_a_way_that_fails_is_said_and_the_others_go_on(network, monkeypatch):
    """A machine without a compiler still measures the rest."""
    monkeypatch.setattr(runners.shutil, "which", lambda _: None)
    found = bn.bench([network], ways="eager,compile", batches=(1,), threads=(1,), seconds=0.01)
    eager, compiled = found.timings
    assert eager.median_s is not None
    assert (compiled.median_s, compiled.images_per_second) == (None, None)
    assert compiled.reason.startswith("torch.compile needs a C++ compiler, but none is on the path")
    assert any(line.startswith("compile could not be run: torch.compile needs") for line in found.text())


def test_wrong_requests_are_refused(network):
    """Before anything is measured."""
    with pytest.raises(RequestError, match=r"ways must be names among .*, but got 'onxx'; did you mean 'onnx'\?"):
        bn.bench([network], ways="onxx")
    with pytest.raises(RequestError, match=r"batches must be whole numbers of at least 1, but got \[0\]"):
        bn.bench([network], ways="eager", batches=(0,))
    with pytest.raises(RequestError, match="a bench needs at least one network, but got none"):
        bn.bench([], ways="eager")


def test_ways_without_their_libraries_are_left_out_or_refused(monkeypatch):
    """Left out by default, refused with the install command if asked for."""
    from budgetnet.export import formats

    monkeypatch.setattr(formats, "find_spec", lambda _: None)
    assert runners.read_ways(None) == ("eager", "compile")
    with pytest.raises(RequestError, match=r"pip install 'budgetnet\[onnx\]'"):
        runners.read_ways("int8")


def test_a_timing_that_was_not_made_is_null_in_json():
    """Not 0, which would be a time."""
    document = Timing(network="a", way="compile", batch=1, threads=1, reason="why").document()
    assert (document["median_s"], document["images_per_second"], document["reason"]) == (None, None, "why")


@pytest.mark.skipif(load_module._peak_from_now() is False, reason="this system does not count peak memory")
def test_memory_belongs_to_the_network_from_the_first_setting_on():
    """Its weights at least, and not what a library sets up at its first use; twice the weights count more."""
    pair = [
        bn.parse_network(f"conv(3, {width}) conv(3, {width}) gap linear(classes)", input=(3, 8, 8), classes=10)
        for width in (64, 1024)
    ]
    found = bn.bench(pair, ways="eager", batches=(1,), threads=(1,), seconds=0.01)
    small, large = (entry.memory_bytes for entry in found.timings)
    weights = 4 * bn.count(pair[1]).params
    assert weights <= large <= 4 * weights
    assert small < 0.5 * weights
