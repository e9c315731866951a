"""Keys: one declaration, from which reading, errors and documentation follow."""

from __future__ import annotations

import contextlib
import pickle
from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgetnet.errors import StudyError
from budgetnet.keys.declare import check_keys, key, keys_of, read_values
from budgetnet.keys.key import REQUIRED, BadValueError


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A key of every simple kind."""

    count: int = key(3, "Things. There may be many.", low=1, high=10, unit="things", also=("n",))
    memory: int | None = key(None, "Bytes.", in_bytes=True, low=1, example="1KiB")
    rate: float = key(0.5, "How fast.", above=0)
    part: float = key(0.1, "How much.", share=True, low=0, below=1)
    on: bool = key(False, "Whether.")
    colour: Literal["red", "green"] = key("red", "Which.")
    depth: Literal[1, 3] = key(REQUIRED, "How deep.")
    workers: int | None = key(None, "Who.", auto=True, low=1, left_out="auto: all", example="2")
    inner: str = "no key"

    def __post_init__(self) -> None:
        """Check every field."""
        check_keys(self)


KEYS = keys_of(Sample)


def test_kinds_follow_from_types():
    """Nothing that the type says is declared again."""
    kinds = {name: declared.kind for name, declared in KEYS.items()}
    assert kinds == {
        "count": "whole",
        "memory": "bytes",
        "rate": "number",
        "part": "share",
        "on": "flag",
        "colour": "word",
        "depth": "word",
        "workers": "whole",
    }
    assert [name for name, declared in KEYS.items() if declared.required] == ["depth"]
    assert KEYS["depth"].words == (1, 3)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("count", "1e1", 10),
        ("count", 2.0, 2),
        ("memory", "1KiB", 1024),
        ("memory", None, None),
        ("rate", "1", 1.0),
        ("rate", 2, 2.0),
        ("part", "20%", 0.2),
        ("on", "true", True),
        ("on", False, False),
        ("colour", "green", "green"),
        ("depth", "3", 3),
        ("workers", "auto", None),
    ],
)
def test_values_are_read_in_the_type_of_the_field(name, text, value):
    """From a text, or from a value that Python or JSON gives."""
    found = KEYS[name].read(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("count", "11", "count must be a whole number from 1 to 10, but got '11'"),
        ("count", "some", "count must be a whole number from 1 to 10, but got 'some'; write for example count: 3"),
        ("count", True, "count must be a whole number from 1 to 10, but got True"),
        ("memory", "0", "memory must be a whole number of at least 1, but got '0'"),
        ("rate", float("inf"), "rate must be a number above 0, but got inf"),
        ("part", "20", "part must be a share of at least 0 and below 1, .*, but got '20'; 20 percent is written 20%"),
        ("on", "yes", "on must be true or false, but got 'yes'"),
        ("colour", "Gren", "colour must be one of red, green, but got 'Gren'; did you mean 'green'"),
        ("depth", "2", "depth must be one of 1, 3, but got '2'"),
        ("depth", True, "depth must be one of 1, 3, but got True"),
        ("workers", "all", "workers must be auto or a whole number of at least 1, but got 'all'; write .* workers: 2"),
    ],
)
def test_wrong_values_name_key_rule_and_advice(name, text, message):
    """In this order; and the error survives the way between processes."""
    with pytest.raises(BadValueError, match=message) as raised:
        KEYS[name].read(text)
    copy = pickle.loads(pickle.dumps(raised.value))
    assert (copy.key, copy.problem, str(copy)) == (name, raised.value.problem, str(raised.value))


def test_unknown_keys_get_what_was_meant():
    """Another tool's word, the nearest name, or all there are."""
    for name, hint in (
        ("N", "did you mean 'count'"),
        ("color", "did you mean 'colour'"),
        ("xyzzy", "known keys: count"),
    ):
        with pytest.raises(StudyError, match=f"a sample has no key '{name}'; {hint}"):
            read_values(Sample, {name: 1})


def test_a_dataclass_checks_itself():
    """Values that did not come from a file keep to the same rules."""
    assert Sample(depth=1).inner == "no key"
    with pytest.raises(BadValueError, match="rate must be a number above 0, but got 0"):
        Sample(depth=1, rate=0)


@given(
    st.sampled_from(sorted(KEYS)), st.text(max_size=8) | st.integers() | st.floats() | st.none() | st.lists(st.none())
)
def test_whatever_is_read_is_legal(name, value):
    """Reading gives a value, which the key's rule allows, or the key's own error."""
    with contextlib.suppress(BadValueError):
        KEYS[name].check(KEYS[name].read(value))
