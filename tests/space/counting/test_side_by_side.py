"""Copies of tied parts that change their shapes: derived side by side where that can be, one by one else."""

from __future__ import annotations

import random

import pytest

from budgetnet.space.choosers import prior
from budgetnet.space.counting.shortest_paths import ShortestPaths, search_states
from budgetnet.space.counting.table import Table
from budgetnet.space.counting.tabulate import tabulate
from budgetnet.space.judge import Candidate
from budgetnet.space.proposer import Proposer
from budgetnet.space.tracing.tied import Ties
from tests.space.spaces import GRAMMARS, space_of

ONE_CELL = """
network = conv(3, 2, act=none) tied(down(in*2) tied(cell){5}){3} act(relu) gap linear(classes)
cell = graph { a = op(x); b = op(x) + op(a); return op(x) + op(a) + op(b) }
op = zero | identity | conv(1, in) | conv(3, in) | avgpool(3, 1, 1)
down(c) = skip(conv(3, c, stride=2) conv(3, c))
"""


def ties_of(name: str) -> Ties:
    """The ties that a search of all states ends with."""

    def run(paths: ShortestPaths) -> Ties:
        while paths.ahead() is not None:
            paths.look()
        return paths.tracer.ties

    return search_states(space_of(GRAMMARS[name]), "params", (), run)


@pytest.mark.parametrize(
    ("name", "beside", "taped"),
    [
        ("tied", 0, 1),  # what a copy takes is its width
        ("tied rule", 0, 0),
        ("tied at several widths", 1, 0),
        ("tied cell at several widths", 1, 0),
        ("tied in tied at several widths", 0, 1),  # only the outer one: a pool or none
        ("both tied at several widths", 2, 0),
        ("tied at several sizes", 1, 0),
        ("tied and out of place", 0, 1),
        ("tied with arguments by width", 0, 1),  # a copy may take what the first one cannot
    ],
)
def test_copies_are_derived_the_simplest_way(name: str, beside: int, taped: int) -> None:
    """Counted where they leave their shape, side by side where all leave the same, else one by one."""
    found = ties_of(name)
    assert (len(found.beside), len(found.taped)) == (beside, taped)


def test_one_cell_at_three_widths_is_counted_by_its_choices_alone() -> None:
    """NAS-Bench-201 with one cell for all stages: 15,625 derivations from a few states, and every draw fits."""
    space = space_of(ONE_CELL, shape=(3, 8, 8), classes=10, params=25_000, flops=250_000)
    table = tabulate(space)
    assert isinstance(table, Table)
    assert table.derivations == 5**6
    assert table.states < 40
    rng = random.Random(0)
    assert table.fitting is not None
    assert 0 < table.fitting < 5**6
    fitting = sum(isinstance(Proposer(space).draw(rng), Candidate) for _ in range(5))
    assert fitting == 5
    costs = [space.cost(space.expand(prior(rng)).network).params for _ in range(300)]
    share = sum(cost <= 25_000 for cost in costs) / 300
    assert abs(table.prior["fits"] - share) < 0.1
