"""Exact numbers about a whole space from its table, and a note about those that could not be counted."""

from __future__ import annotations

import random
from math import sqrt
from statistics import fmean, stdev

from budgetnet.derivation.frames import Interner
from budgetnet.explore.estimates import Share
from budgetnet.explore.findings import ExactCounts
from budgetnet.space.choosers import prior
from budgetnet.space.counting.distribution import table_bins
from budgetnet.space.counting.table import Table
from budgetnet.space.counting.tabulate import rounded_text
from budgetnet.space.judge import Candidate, judge
from budgetnet.space.recognise import count_derivations
from budgetnet.space.within_budget import derive_within_budget

__all__ = ["count_exactly"]


def count_exactly(table: Table, *, draws: int = 60, seed: int = 0, bins: int = 40) -> ExactCounts:
    """Sum up a table.

    Args:
        table: of the space.
        draws: for the two estimates.
        seed: of those draws.
        bins: of the histogram, of equal width from the smallest network to the bound.
    """
    notes = []
    if table.derivations is None:
        notes.append(f"states above the budget were left out after {table.states:,}")
    if not table.exact:
        notes.append(f"the exact number that fits: {rounded_text(table)}")
    between = table.fitting_between
    all_bounds, unique = (None, None) if not table.fitting else _estimates(table, draws, seed)
    return ExactCounts(
        axis=table.axis,
        bound=table.bound,
        derivations=table.derivations,
        fitting=table.fitting,
        fitting_between=None if between is None or between[0] == between[1] else between,
        fits_between=None if table.exact else table.fits_between,
        smallest=table.smallest,
        prior=table.prior,
        bins=table_bins(table, table.bound, bins),
        all_bounds=all_bounds,
        unique=unique,
        states=table.states,
        seconds=table.seconds,
        note="; ".join(notes),
    )


def _estimates(table: Table, draws: int, seed: int) -> tuple[Share | None, Share]:
    """From uniform draws within the axis' bound: the share that keeps all bounds, and networks per derivation."""
    rng = random.Random(seed)  # noqa: S311 (no secret)
    kept = 0
    weights = []
    machine = table.space.make_machine(interner=Interner())
    for _ in range(draws):
        expansion = derive_within_budget(table, prior(rng), weighting="uniform", axis_only=True)
        kept += isinstance(judge(table.space, expansion), Candidate)
        weights.append(1 / count_derivations(expansion.network, table.space, machine))
    error = stdev(weights) / sqrt(draws) if draws > 1 else 0.5
    unique = Share(value=fmean(weights), error=error)
    return (Share.of(kept, draws) if table.others else None), unique
