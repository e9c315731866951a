"""Exact numbers of a space as text, with a histogram of the networks that fit."""

from __future__ import annotations

from collections.abc import Sequence

from budgetnet.explore.findings import ExactCounts
from budgetnet.space.counting.distribution import Bin
from budgetnet.text import count_text, joined_table, percent, short_count

__all__ = ["exact_text", "large"]

ROWS = 10
"""Rows of the histogram, each of several bins."""
BAR = 30
"""Characters of the longest bar."""


def exact_text(census: ExactCounts) -> list[str]:
    """Return the exact numbers as lines for people, those that are estimates with their standard errors."""
    what = f"{census.axis} ≤ {count_text(census.bound)}" if census.axis is not None else "no bound"
    lines = []
    if census.derivations is not None:
        noun = "derivation" if census.derivations == 1 else "derivations"
        lines.append(f"The grammar has {large(census.derivations)} {noun}, exactly.")
    if census.fitting == 0:
        lines.append(f"None of them fits {what}.")
    elif census.fitting is not None and census.axis is not None:
        share = ""
        if census.derivations:
            share = f", {_portion(census.fitting, census.derivations)} of all"
        verb = "fits" if census.fitting == 1 else "fit"
        lines.append(f"{large(census.fitting)} of them {verb} {what}, exactly{share}.")
    if census.fitting_between is not None:
        low, high = map(large, census.fitting_between)
        lines.append(f"{low} to {high} of them fit {what}.")
    if census.all_bounds is not None:
        kept = f"{percent(census.all_bounds.value, 1)} ± {percent(census.all_bounds.error, 1)}"
        lines.append(f"An estimated {kept} % of those keep the other bounds, too.")
    if census.unique is not None and census.unique.value + 2 * census.unique.error < 1:
        value = f"{census.unique.value:.2f} ± {census.unique.error:.2f}"
        lines.append(f"Some derive the same network: an estimated {value} different networks per derivation.")
    if census.smallest is not None and census.axis is not None:
        lines.append(f"The smallest has {count_text(census.smallest)} ({census.axis}).")
    if "fits" in census.prior and census.axis is not None:
        lines.append(
            f"The grammar's own draws fit {what} with probability {percent(census.prior['fits'], 1)} %, exactly."
        )
    if census.fits_between is not None:
        low, high = (percent(share, 1) for share in census.fits_between)
        share = f"{low} to {high} %" if low != high else f"{low} %"
        lines.append(f"The grammar's own draws fit {what} with probability {share}.")
    if census.note:
        lines.append(f"Not counted: {census.note}.")
    return [*lines, *_histogram(census)]


def large(number: int) -> str:
    """Return a whole number, in powers of ten where it is too long to read."""
    digits = str(number)
    if len(digits) <= 15:
        return count_text(number)
    return f"{digits[0]}.{digits[1:4]}e{len(digits) - 1}"


def _portion(part: int, whole: int) -> str:
    """A share of two whole numbers that may be too large for floats."""
    millionths = part * 10**6 // whole
    if millionths < 100:
        return f"1 in {large(whole // max(part, 1))}"
    share = millionths / 10**4
    return f"{share:.0f} %" if share >= 10 else f"{share:.2g} %"  # two digits, but 100 % is no 1e+02 %


def _histogram(census: ExactCounts) -> list[str]:
    """Return a table of the number of networks by size and the share of the grammar's own draws."""
    rows = _merged(census.bins)
    if not rows:
        return []
    most = max(derivations for _, _, derivations, _ in rows)
    table = [
        [
            f"{short_count(low)} – {short_count(high)}",
            large(derivations),
            percent(prior, 1),
            "█" * _length(derivations, most),
        ]
        for low, high, derivations, prior in rows
    ]
    return ["", *joined_table([str(census.axis), "derivations", "% of draws", ""], table, left=(3,))]


def _merged(bins: Sequence[Bin]) -> list[tuple[int, int, int, float]]:
    """Neighbouring bins put together: lower and upper end, derivations, prior probability."""
    size = -(-len(bins) // ROWS)
    groups = [bins[start : start + size] for start in range(0, len(bins), size)] if bins else []
    return [
        (group[0].low, group[-1].high, sum(entry.derivations for entry in group), sum(entry.prior for entry in group))
        for group in groups
    ]


def _length(part: int, most: int) -> int:
    """A bar's length; anything above zero stays visible."""
    return 0 if not part else max(1, part * BAR // most)
