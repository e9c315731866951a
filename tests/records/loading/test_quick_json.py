"""Tests of `budgetnet.records.loading.quick_json`."""

from __future__ import annotations

import json

import pytest

from budgetnet.records.loading.quick_json import quick_json


@pytest.mark.parametrize("text", ["1", "null", '"a b"', ' {"a": [1, NaN]} ', "[]\n", "-2.5e3", '{"a": {"b": "ä"}}'])
def test_texts_are_read_as_by_the_standard_library(text: str) -> None:
    """Values are equal, with blanks around them, too."""
    assert repr(quick_json(text)) == repr(json.loads(text))


@pytest.mark.parametrize("text", ["", " ", "[1, 2", '"cut', "1 2", "nul", "{]"])
def test_errors_are_those_of_the_standard_library(text: str) -> None:
    """What is not JSON, or more than one value, is refused in the same words."""
    with pytest.raises(json.JSONDecodeError) as expected:
        json.loads(text)
    with pytest.raises(json.JSONDecodeError) as found:
        quick_json(text)
    assert str(found.value) == str(expected.value)


def test_what_is_no_text_is_refused() -> None:
    """A null in the database is a TypeError."""
    with pytest.raises(TypeError):
        quick_json(None)  # type: ignore[arg-type]
