"""Variants of a study: another sampler, seed or budget under a name of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from budgetnet.cli.overrides import as_variant
from budgetnet.errors import RequestError, StudyError
from budgetnet.files.study_file import load_study
from budgetnet.files.variants import split_variant, variant_path
from tests.search.helpers import study_text


def test_a_variant_has_its_values_and_its_name(study_path):
    """Its trials and its run folder are its own; everything else is the study's."""
    plain = load_study(study_path)
    path = study_path.with_name(f"{study_path.name}@sampler=tpe,params=2k,seed=3")
    variant = load_study(path)
    assert variant.name == "tiny-tpe-params-2k-seed-3"
    assert (variant.search.sampler, variant.search.seed, variant.budget.params) == ("tpe", 3, 2000)
    assert variant.path == path
    assert variant.grammar == plain.grammar
    assert variant.run_folder() != plain.run_folder()


def test_a_variant_of_one_budget_has_one(tmp_path):
    """Other parameters take the place of a list; another bound holds for all of it."""
    path = tmp_path / "s.yaml"
    path.write_text(study_text(budget="{params: [2k, 6k]}"), encoding="utf-8")
    assert load_study(tmp_path / "s.yaml@params=3k").limits == ()
    assert [one.flops for one in load_study(tmp_path / "s.yaml@flops=300k").tighter] == [300_000]


@pytest.mark.parametrize(
    ("tail", "message"),
    [
        ("sampler", "a variant must be STUDY@KEY=VALUE,KEY=VALUE, each key once"),
        ("sampler=tpe,sampler=random", "each key once"),
        ("samplr=tpe", "but got 'samplr'; did you mean 'sampler'"),
        ("sampler=tpi", r"sampler must be one of .*, but got 'tpi'"),
        ("params=-1", "params must be a whole number of at least 1"),
    ],
)
def test_wrong_variants_are_refused(study_path, tail, message):
    """With the rule, what came, and what to write."""
    with pytest.raises(StudyError, match=message):
        load_study(study_path.with_name(f"{study_path.name}@{tail}"))


def test_addresses_add_up():
    """Options on a variant's address extend it; a plain address is left alone."""
    path = variant_path(Path("a/my.yaml@sampler=tpe"), {"seed": 1})
    assert path == Path("a/my.yaml@sampler=tpe,seed=1")
    assert split_variant(path) == (Path("a/my.yaml"), {"sampler": "tpe", "seed": "1"})
    assert split_variant(Path("a/my.yaml")) == (Path("a/my.yaml"), {})


def test_options_of_a_search_make_a_variant():
    """A seed beside another sampler belongs to the variant; alone it is the study's own."""
    path = Path("my.yaml")
    assert as_variant(path, None, None, 4) == (path, 4)
    assert as_variant(path, "tpe", None, 4) == (Path("my.yaml@sampler=tpe,seed=4"), None)
    assert as_variant(path, None, "params=100k,flops=1M", None) == (Path("my.yaml@params=100k,flops=1M"), None)
    with pytest.raises(RequestError, match="--budget must be KEY=N, but got '100k'; write for example --budget params"):
        as_variant(path, None, "100k", None)
