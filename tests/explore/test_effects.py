"""The exact effect of an option against brute force."""

from __future__ import annotations

import pytest

from budgetnet.explore.effects import affordable, exact_effect
from budgetnet.explore.from_draws import draw_statistics
from budgetnet.explore.provenance import plain
from budgetnet.space.counting.table import Table
from budgetnet.space.counting.tabulate import tabulate
from budgetnet.space.counting.without import CutSpace
from tests.space.spaces import GRAMMARS, space_of
from tests.space.test_table import derived, middle


@pytest.mark.parametrize(
    "name",
    [
        "weights",
        "repetition",
        "tied",
        "tied in tied",
        "tied cell at several widths",
        "shared",
        "optional",
        "skip",
        "parallel concat",
    ],
)
def test_effects_equal_brute_force(name: str) -> None:
    """Derivations, probabilities and shares of every option that one place in the text offers."""
    entries = [entry for entry in derived(name) if entry.cost]
    bound = middle([entry.cost.params for entry in entries])
    space = space_of(GRAMMARS[name], params=bound)
    table = tabulate(space)
    assert isinstance(table, Table)
    assert affordable(table) > 0
    cut = CutSpace(table)
    choices = [choice for choice in draw_statistics(space, 150, 0).choices if choice.rule == space.grammar.start.name]
    assert choices
    whole = sum(entry.weight for entry in derived(name))
    assert whole == pytest.approx(1.0)
    for choice in choices:

        def takes(entry, choice=choice):
            return any(
                plain(key) == choice.site and label == choice.label and type(label) is choice.type
                for key, label in entry.decisions.items()
            )

        exact = exact_effect(table, cut, choice)
        taking = [entry for entry in entries if takes(entry)]
        within = [entry for entry in taking if entry.cost.params <= bound]
        others = [entry for entry in entries if not takes(entry) and entry.cost.params <= bound]
        taken = sum(entry.weight for entry in derived(name) if takes(entry))
        assert (exact.derivations, exact.fitting) == (len(taking), len(within))
        assert exact.taken == pytest.approx(taken)
        assert exact.fits == pytest.approx(sum(entry.weight for entry in within) / taken)
        if exact.fits_without is not None:
            assert exact.fits_without == pytest.approx(sum(entry.weight for entry in others) / (1 - taken))
