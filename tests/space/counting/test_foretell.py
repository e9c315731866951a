"""The number of states is told from a few derivations, and never as more than there are by far."""

from __future__ import annotations

import pytest

from budgetnet.space.counting.foretell import fewest_states
from budgetnet.space.counting.shortest_paths import ShortestPaths, search_states
from budgetnet.space.counting.states import FORETOLD_AT, find_states
from tests.space.spaces import GRAMMARS, space_of

STAGES = """
network = stage(8..64:8) maxpool stage(8..64:8) maxpool stage(8..64:8) gap linear(classes)
stage(c) = block(c){1..4}
block(c) = conv(3|5, c) | dwconv(3|5) conv(1, c) | skip(conv(3|5, c))
"""


@pytest.mark.parametrize("name", ["repetition", "graph", "recursion", "tied cell at several widths"])
def test_states_of_small_spaces_are_all_seen(name: str) -> None:
    """Many derivations visit each of few states more than once."""
    space = space_of(GRAMMARS[name], params=200)

    def run(paths: ShortestPaths) -> tuple[float, int]:
        foretold = fewest_states(paths)
        while (ahead := paths.ahead()) is not None and ahead <= 200:
            paths.look()
        return foretold, paths.within

    foretold, states = search_states(space, "params", (), run)
    assert 0.5 * states <= foretold <= 1.2 * states


def test_a_search_that_would_come_to_its_limit_ends_at_once() -> None:
    """Long before the limit; and what was looked into changes nothing where the limit is high enough."""
    space = space_of(STAGES, shape=(3, 16, 16), params=100_000)
    looked: list[int] = []

    def run(paths: ShortestPaths) -> float:
        while paths.work < FORETOLD_AT:
            paths.look()
        foretold = fewest_states(paths)
        looked.append(paths.looked)
        return foretold

    foretold = search_states(space, "params", (), run)
    graph = find_states(space, 100_000)
    assert graph is not None
    within = sum(least <= 100_000 for least in graph.least)
    assert 0.5 * within <= foretold <= 1.2 * within
    assert find_states(space, round(foretold / 2.5)) is None
