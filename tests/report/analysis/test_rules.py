"""Parameters by rule."""

from __future__ import annotations

from dataclasses import replace

from budgetnet.files.spaces import space_of
from budgetnet.report.analysis.rules import params_by_rule


def test_the_rules_hold_all_parameters(trials):
    """Every parameter of a network belongs to the text of one rule."""
    space = space_of(trials.study)
    for record in trials.records:
        found = params_by_rule(record, space)
        assert found is not None
        assert set(found) <= {"network", "part"}
        assert sum(found.values()) == record.params


def test_a_network_that_the_grammar_does_not_derive_has_none(trials):
    """One from a file, or of an older grammar."""
    record = replace(trials.records[0], decisions={})
    assert params_by_rule(record, space_of(trials.study)) is None
