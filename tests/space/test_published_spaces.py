"""The published spaces in studies/spaces: their exact numbers of networks, and networks that build and fit."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

from budgetnet.files.spaces import space_of
from budgetnet.files.study_file import load_study
from budgetnet.grammar.load import load_grammar
from budgetnet.grammar.printer import to_text
from budgetnet.network.budget import Budget
from budgetnet.space.choosers import prior
from budgetnet.space.counting.merging import merge_states
from budgetnet.space.counting.states import find_states

FOLDER = Path(__file__).parents[2] / "studies" / "spaces"

PUBLISHED = {
    "nas-bench-201": 5**6,
    "darts": (1 * 3 * 6 * 10 * 7**8) ** 2,
    "pnas": (2 * 3 * 4 * 5 * 6) ** 2 * 8**10,
}
"""Numbers of networks as the papers give them; each file says where."""

SHORT = {
    "darts": "cells(n, r) = graph { s = fit(16)(x); a = n(s, s); return r(a, a) }",
    "pnas": "cells(c) = graph { s = fit(16)(x); return c(2)(s, s) }",
}
"""One cell of each kind: the same choices are counted in less time than at all places, which is for the benchmark."""


def test_every_space_has_its_number() -> None:
    """No file is left out."""
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_number_of_networks_is_the_published_one(name: str) -> None:
    """A part that is drawn once and stands at several widths multiplies no states."""
    study = load_study(FOLDER / f"{name}.yaml")
    whole = space_of(study)
    text = re.sub(r"(?ms)^cells\(.*?^\}$", SHORT.get(name, ""), to_text(whole.grammar))
    space = replace(whole, grammar=load_grammar(text), budget=Budget())
    graph = find_states(space, 60_000)
    assert graph is not None
    merged = merge_states(graph, 0)
    assert merged.derivations is not None
    assert merged.derivations[merged.of_node[graph.start[0]]] == PUBLISHED[name]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_draw_is_a_network(name: str) -> None:
    """It ends with the classes."""
    space = space_of(load_study(FOLDER / f"{name}.yaml"))
    drawn = space.expand(prior(random.Random(0)))
    assert drawn.shape == (10,)
    assert space.cost(drawn.network).params > 0
