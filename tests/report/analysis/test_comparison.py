"""Studies side by side."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta

import jsonschema
import pytest

from budgetnet.api.schemas.commands import command_schema, schema_name
from budgetnet.errors import RequestError
from budgetnet.pages.page import page_html
from budgetnet.report.analysis.comparison import compare_studies
from budgetnet.report.comparison_text import comparison_document, comparison_text
from budgetnet.report.page.comparison_page import comparison_page


@pytest.fixture
def searched(trials, make_record):
    """Makes a study of a sampler and a seed that found these accuracies, a minute each."""

    def make(sampler: str, seed: int, *accuracies: float):
        start = datetime(2026, 1, 1)
        records = tuple(
            make_record(
                number,
                accuracy,
                started=start + timedelta(minutes=number),
                finished=start + timedelta(minutes=number + 1),
            )
            for number, accuracy in enumerate(accuracies)
        )
        search = replace(trials.study.search, sampler=sampler, seed=seed)
        name = f"{sampler}-{seed}"
        return name, replace(
            trials, study=replace(trials.study, name=name, search=search), records=records, finalists=(), winners=()
        )

    return make


def test_equal_trials_and_equal_time_are_those_of_the_shortest(searched):
    """What a longer search found later does not count."""
    found = compare_studies([searched("tpe", 0, 0.5, 0.6, 0.9), searched("random", 0, 0.4, 0.55)])
    assert (found.equal_trials, found.equal_seconds) == (2, 120)
    assert [study.at_equal_trials for study in found.studies] == [0.6, 0.55]
    assert [study.at_equal_time for study in found.studies] == [0.6, 0.55]
    assert found.differences == ("sampler",)
    assert found.comparable
    assert found.tests == ()
    text = "\n".join(comparison_text(found))
    assert "Best validation accuracy after 2 trained networks, and after 2 min 00 s at work." in text
    assert "Differences are not tested: that takes at least two studies with different seeds on each side." in text


def test_seeds_are_grouped_and_groups_tested(searched):
    """Two samplers with three seeds each: means, deviations, and Welch's test."""
    studies = [searched("tpe", seed, 0.80 + seed / 100) for seed in range(3)]
    studies += [searched("random", seed, 0.60 + seed / 100) for seed in range(3)]
    found = compare_studies(studies)
    assert [(group.words, group.at_equal_trials.n) for group in found.groups] == [
        ("sampler tpe", 3),
        ("sampler random", 3),
    ]
    (test,) = found.tests
    assert test.difference == pytest.approx(0.2)
    assert test.p_value < 1e-4
    assert any(
        re.search(r"sampler tpe less sampler random: \+20\.00 points, p = ", line) for line in comparison_text(found)
    )
    document = json.loads(json.dumps({"schema": schema_name("compare"), **comparison_document(found)}))
    jsonschema.validate(document, command_schema("compare"))
    html = page_html(comparison_page(found, command="budgetnet compare a b"))
    assert "Frontiers: accuracy against parameters" in html


def test_other_images_do_not_compare(searched):
    """The text says so."""
    name, other = searched("tpe", 1, 0.5)
    other = replace(other, study=replace(other.study, validation=0.3))
    found = compare_studies([searched("tpe", 0, 0.5), (name, other)])
    assert not found.comparable
    assert any("validation accuracies do not compare" in line for line in comparison_text(found))


def test_nothing_to_compare_is_refused(searched):
    """One study, or one without a trained network."""
    one = searched("tpe", 0, 0.5)
    with pytest.raises(RequestError, match="a comparison needs at least two studies, but got 1"):
        compare_studies([one])
    with pytest.raises(RequestError, match="a comparison needs trained networks, but tpe-1 has none; run its search"):
        compare_studies([one, searched("tpe", 1)])


def test_one_record_is_not_two_seeds(searched):
    """A study named twice, or a copy of it, is refused, also if one has gone on since."""
    one = searched("tpe", 0, 0.5, 0.6)
    longer = ("copy.yaml", searched("tpe", 0, 0.5, 0.6, 0.7)[1])
    message = (
        "a comparison needs different records, but tpe-0 and {} hold the same trials; name each once, or a run with "
        "another seed"
    )
    for other in (one, longer):
        with pytest.raises(RequestError, match=re.escape(message.format(other[0]))):
            compare_studies([one, searched("random", 0, 0.4), other])


def test_two_searches_with_one_seed_count_once(searched):
    """By their mean, and nothing is tested by them."""
    studies = [searched("tpe", 0, 0.5), searched("tpe", 0, 0.7), searched("random", 0, 0.4), searched("random", 1, 0.6)]
    found = compare_studies(studies)
    assert [(group.seeds, group.at_equal_trials.accuracies) for group in found.groups] == [
        ((0,), (0.6,)),
        ((0, 1), (0.4, 0.6)),
    ]
    assert found.tests == ()
    assert "sampler tpe: 60.00 % (1 seed) at equal trials; 2 studies share 1 seed." in comparison_text(found)
    assert "sampler random: 50.00 ± 14.14 % (2 seeds) at equal trials." in comparison_text(found)


def test_equal_values_have_no_p_value(searched):
    """No variance, nothing to test against; the difference stands."""
    studies = [searched("tpe", seed, 0.8) for seed in range(2)] + [searched("random", seed, 0.7) for seed in range(2)]
    (test,) = compare_studies(studies).tests
    assert test.p_value is None
    assert test.difference == pytest.approx(0.1)
