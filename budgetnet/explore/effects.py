"""Exact effect of each option of a grammar on the share that fits: the space is counted again without it.

An option stands at one place in the text, however many decisions of a derivation are made there. To leave it out,
whatever takes it comes to nothing; so the difference to the whole table is what takes it at least once.
"""

from __future__ import annotations

from budgetnet.explore.findings import Exact
from budgetnet.explore.provenance import PlacedOption
from budgetnet.space.counting.table import Table
from budgetnet.space.counting.without import CutSpace

__all__ = ["LIMIT_WORK", "affordable", "exact_effect"]

LIMIT_WORK = 4.0
"""Work that all options together may take: about as many seconds on a slow core."""
_PER_STATE = 5e-5
_PER_BYTE = 8e-10


def affordable(table: Table, limit: float = LIMIT_WORK) -> int:
    """Return of how many options the exact effect may be asked for; 0 where the table cannot tell.

    The estimate rests on the table's size and not on the time it took, so that it is the same on every machine.
    """
    if not table.exact or table.axis is None or table.derivations is None or table.start[0] < 0:
        return 0
    return int(limit / (_PER_STATE * table.states + _PER_BYTE * table.bytes + 1e-3))


def exact_effect(table: Table, cut: CutSpace, choice: PlacedOption) -> Exact:
    """Count a space without one option.

    Args:
        table: of the whole space; see `affordable` for how often to ask.
        cut: of the table.
        choice: the option.
    """
    assert table.fitting is not None
    assert table.derivations is not None
    without = cut.without(choice.rule, choice.site, choice.label)
    fits = max(0.0, table.prior["fits"] - without.fits)
    return Exact(
        derivations=table.derivations - without.derivations,
        fitting=table.fitting - without.fitting,
        taken=without.taken,
        fits=min(1.0, fits / without.taken) if without.taken else 0.0,
        fits_without=min(1.0, without.fits / (1.0 - without.taken)) if without.taken < 1.0 - 1e-12 else None,
    )
