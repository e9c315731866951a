"""Numbers and tables as text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budgetnet.text import (
    PAGE_WIDTH,
    bytes_text,
    command_text,
    count_text,
    counted,
    duration,
    fitted,
    joined_table,
    percent,
    shape_text,
    short_count,
    signed,
    some_of,
    wrapped,
)

UNITS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((1, "image"), "1 image"),
        ((0, "image"), "0 images"),
        ((1437, "image"), "1,437 images"),
        ((1, "class", "classes"), "1 class"),
        ((2, "class", "classes"), "2 classes"),
    ],
)
def test_numbers_agree_with_their_nouns(words, text):
    """Only one is singular."""
    assert counted(*words) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (999.4, "999"), (999.6, "1k"), (213_440, "213k"), (999_600, "1M"), (69_083_264, "69.1M")],
)
def test_short_counts_never_say_1000_of_a_unit(value, text):
    """A number that rounds to a thousand of a unit is one of the next."""
    assert short_count(value) == text


@given(st.integers(0, 10**17))
@settings(deadline=None)
def test_short_counts_are_right_to_three_digits(value):
    """Read back, a short count is off by at most half a unit of its third digit."""
    text = short_count(value)
    unit = text[-1] if text[-1] in UNITS else ""
    assert abs(float(text.removesuffix(unit)) * UNITS[unit] - value) <= 0.00501 * max(value, 1)


def test_missing_numbers_are_dashes():
    """Where there is no value, no text pretends one."""
    assert percent(None) == count_text(None) == short_count(None) == duration(None) == "–"


def test_percents_and_changes():
    """Fractions become percents, changes carry their sign."""
    assert percent(0.85123) == "85.12"
    assert signed(1024, 20_000) == "+1,024 (+5.1 %)"
    assert signed(-10, 100) == "-10 (-10.0 %)"
    assert signed(5, 0) == "+5"
    assert signed(0, 7) == "±0"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (200, "3 min 20 s"), (7_500, "2 h 05 min")],
)
def test_durations_roll_over(seconds, text):
    """Sixty seconds are a minute, sixty minutes an hour."""
    assert duration(seconds) == text


def test_sizes_and_shapes():
    """Bytes come in binary units, shapes with multiplication signs."""
    assert bytes_text(1000) == "1000 B"
    assert bytes_text(294_912) == "288.0 KiB"
    assert bytes_text(3 * 2**20) == "3.00 MiB"
    assert shape_text((3, 32, 32)) == "3×32×32"


def test_tables_are_aligned():
    """Numbers end, words begin, at one column; no line ends with blanks."""
    lines = joined_table(["name", "n", "note"], [["a", "1,000", ""], ["long", "5", "x"]], left=(0, 2))
    assert lines == ["name      n  note", "a     1,000", "long      5  x"]


@pytest.fixture
def narrow():
    """Text is made for 40 columns."""
    token = PAGE_WIDTH.set(40)
    yield 40
    PAGE_WIDTH.reset(token)


def test_a_table_that_is_too_wide_is_cut_between_words(narrow):
    """Texts end with an ellipsis first; numbers stay whole."""
    lines = joined_table(["n", "reason"], [["1,000", "the best epoch is below the median of the others"]], left=(1,))
    assert lines == ["    n  reason", "1,000  the best epoch is below the…"]


def test_a_text_that_is_cut_ends_with_one_ellipsis(narrow):
    """Also where it has one of its own."""
    lines = joined_table(["n", "network"], [["1,000", "conv3-16 · conv3-32 · … · separable with bias"]], left=(1,))
    assert lines[1] == "1,000  conv3-16 · conv3-32…"


def test_long_names_go_on_below(narrow):
    """A name without blanks is broken behind its dots, and not cut."""
    lines = joined_table(["place", "n"], [["stage#2.units.unit.separable.kernel.of.it", "1"], ["down", "2"]], left=(0,))
    assert max(map(len, lines)) <= narrow
    assert "…" not in "".join(lines)
    assert lines[1].startswith("stage#2.units.unit.separable.")
    assert lines[2].endswith("of.it") or lines[2].endswith(".it")
    assert lines[1].endswith("1")


def test_bars_keep_their_proportions(narrow):
    """A bar is never cut."""
    lines = joined_table(["n", ""], [["1", "█" * 60], ["2", "█" * 30]], left=(1,))
    assert abs(lines[1].count("█") - 2 * lines[2].count("█")) <= 1
    assert max(map(len, lines)) <= narrow


def test_columns_that_do_not_fit_are_left_out_and_named(narrow):
    """From the right, in a last line."""
    header = ["trial", "parameters", "activations", "peak memory", "receptive field"]
    lines = joined_table(header, [["1", "1,000", "2,000", "3,000", "4 px"]])
    assert lines[:2] == ["trial  parameters  activations", "    1       1,000        2,000"]
    assert " ".join(lines[2:]) == "(left out at 40 columns: peak memory, receptive field; see --json)"
    assert max(map(len, lines)) <= narrow


def test_a_table_that_fits_is_left_alone(narrow):
    """Nothing is cut for nothing."""
    assert joined_table(["a", "b"], [["x", "y"]], left=(0, 1)) == ["a  b", "x  y"]


def test_lines_break_between_words():
    """What follows is indented alike; a word that is too long stays whole."""
    assert wrapped("  one two three", 9) == ["  one two", "  three"]
    assert wrapped("a abcdefghijkl", 8) == ["a", "abcdefghijkl"]


def test_a_number_stays_with_its_percent_sign():
    """And commands stay on one line, so that they can be copied."""
    assert wrapped("digits: 10.2 % of them", 12) == ["digits:", "10.2 % of", "them"]
    command = "  budgetnet search studies/quickstart.yaml"
    assert fitted(["one two", command], 5) == ["one", "two", command]
    assert fitted(["one two"], None) == ["one two"]


def test_commands_can_be_pasted():
    """Words with blanks are quoted."""
    assert command_text("list", "my study.yaml") == "budgetnet list 'my study.yaml'"


def test_lists_say_what_they_leave_out():
    """No list ends in dots, which a full stop or a comma would follow."""
    assert some_of([1, 2, 21], 3) == "1, 2, 21"
    assert some_of(range(1004), 2) == "0, 1 and 1,002 more"


def test_empty_and_short_columns_stay_as_they_are_in_a_narrow_terminal() -> None:
    """A column of nothing has no proportions, and short bars do not grow."""
    rows = [["a" * 30, "", "██", "b" * 30], ["c", "", "█", "d"]]
    token = PAGE_WIDTH.set(40)
    try:
        lines = joined_table(("one", "none", "bar", "two"), rows, left=(0, 1, 2, 3))
    finally:
        PAGE_WIDTH.reset(token)
    assert max(map(len, lines)) <= 60
    assert "███" not in "".join(lines)
