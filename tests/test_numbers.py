"""Numbers as people write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgetnet.numbers import BYTE_UNITS, UNITS, number_text, read_number
from budgetnet.text import bytes_text, count, percent, short_count


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("200k", 200_000),
        ("200 K", 200_000),
        ("0.2M", 200_000),
        ("2e5", 200_000),
        ("1_000", 1000),
        ("60,000,000", 60_000_000),
        ("0.0001G", 100_000),
        ("2T", 2 * 10**12),
        ("1.1k", 1100),
        ("80%", 0.8),
        ("300%", 3),
        ("1e-5", 1e-5),
        (".5", 0.5),
        ("5.", 5),
        ("-3", -3),
        (" 7 ", 7),
    ],
)
def test_numbers(text, number):
    """A whole number is an int, however it is written."""
    found = read_number(text)
    assert (found, type(found)) == (number, type(number))


@pytest.mark.parametrize(
    ("text", "number"),
    [("256kB", 256_000), ("256KB", 256_000), ("1MiB", 2**20), ("1.5KiB", 1536), ("12 B", 12), ("4k", 4000)],
)
def test_bytes(text, number):
    """Bytes take units of 1000 and of 1024."""
    assert read_number(text, in_bytes=True) == number


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("many", ""),
        ("", ""),
        ("k", ""),
        ("1 000", ""),
        ("0x10", r"the unit 'x' is not one of|^$"),
        ("inf", ""),
        ("nan", ""),
        ("1,5", "write a decimal point, not a comma"),
        ("20,00k", "write a decimal point, not a comma"),
        ("200q", "the unit 'q' is not one of k, M, G, T, P, %"),
        ("200kB", "the unit 'kB' is not one of k, M, G, T, P, %"),
        ("1e999", "it is too large"),
        ("1e999999999", ""),
        ("9" * 101, ""),
        ("٣", ""),
    ],
)
def test_what_is_not_a_number(text, advice):
    """Advice is given where something else was nearly said."""
    with pytest.raises(ValueError, match=f"^{advice}$"):
        read_number(text)


@given(st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_written_is_read_back(value):
    """`number_text` and `read_number` are each other's inverse, up to the type of a whole number."""
    assert type(value)(read_number(number_text(value))) == value


@given(st.integers(0, 10**15))
def test_counts_as_tables_show_them_are_read_back(value):
    """What budgetnet prints can be pasted into a study."""
    assert read_number(count(value)) == value
    assert read_number(f"{value:_}") == value
    assert math.isclose(read_number(short_count(value)), value, rel_tol=0.005, abs_tol=0.5)
    assert math.isclose(read_number(bytes_text(value), in_bytes=True), value, rel_tol=0.05)


@given(st.integers(0, 1000))
def test_shares_are_read_as_before(tenths):
    """Databases hold shares as earlier versions read them: the number behind the sign, divided by 100."""
    text = f"{tenths / 10}"
    assert read_number(f"{text}%") == float(text) / 100
    assert math.isclose(read_number(f"{percent(tenths / 1000)}%"), tenths / 1000, abs_tol=1e-12)


@given(st.integers(1, 999), st.sampled_from(sorted(UNITS)), st.booleans())
def test_units_are_factors(value, unit, lower):
    """In either case."""
    assert read_number(f"{value}{unit.lower() if lower else unit}") == value * UNITS[unit]


@given(st.integers(1, 999), st.sampled_from(sorted(BYTE_UNITS)))
def test_units_of_memory_are_factors(value, unit):
    """With and without a blank."""
    assert read_number(f"{value} {unit}", in_bytes=True) == read_number(f"{value}{unit}", in_bytes=True)
    assert read_number(f"{value}{unit}", in_bytes=True) == value * BYTE_UNITS[unit]


@given(st.text(max_size=12))
def test_any_text_is_a_finite_number_or_refused(text):
    """Nothing else escapes."""
    try:
        found = read_number(text)
    except ValueError:
        return
    assert math.isfinite(found)
