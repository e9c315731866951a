"""A search wastes nothing: a small version of tests/benchmarks/bench_space_search.py."""

from __future__ import annotations

import pytest

from budgetnet.files.study_file import load_study
from tests.benchmarks.bench_space_search import SAMPLERS, searched
from tests.benchmarks.spaces import STUDY


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_nothing_is_rejected_or_trained_twice(sampler, tmp_path):
    """On the flagship grammar every candidate fits before it is recorded, and every network is trained once."""
    found = searched(load_study(STUDY), sampler, 14, tmp_path)
    assert found["completed"] == 14
    assert found["recorded over budget"] == found["draws over budget"] == 0
    assert found["trained twice"] == found["other outcomes"] == 0
