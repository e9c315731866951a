"""Reasons that a search gives for what it trains."""

from __future__ import annotations

import numpy as np

from budgetnet.search.model.policy import PolicyTraining
from budgetnet.search.reasons import decision_reason, trial_reason


class Known:
    """A model that knows one network."""

    def moments(self, keys):
        """Mean and deviation."""
        assert keys == ["a"]
        return np.array([0.8412]), np.array([0.0079])


def test_a_decision_names_what_is_predicted_and_seen():
    """Numbers first, so that a narrow terminal shows them; the best full training counts if there is one."""
    brief = PolicyTraining("b", True, 0.61)
    full = PolicyTraining("a", False, 0.832)
    assert decision_reason("can still win", "a", [brief, full], Known()) == (
        "predicted 84.1 ± 0.8 % in full, best seen 83.2 %; can still win"
    )
    assert decision_reason("a plain draw", "a", [brief], None) == "best seen briefly 61.0 %; a plain draw"
    assert decision_reason("the largest on offer", "a", [PolicyTraining("b", True)], None) == "the largest on offer"


def test_other_samplers_say_where_a_trial_comes_from(make_record):
    """A repetition, a known network, or a proposal."""
    assert trial_reason({"redo_of": 4}, "tpe", None) == "repeats trial 4, which was interrupted"
    assert trial_reason({"origin": "resnet.yaml"}, "tpe", None) == "from resnet.yaml"
    assert trial_reason({}, "tpe", None) == "proposed by the sampler tpe; nothing seen yet"
    assert trial_reason({}, "random", make_record(1, 0.5)) == (
        "proposed by the sampler random; best seen briefly 50.0 %"
    )
