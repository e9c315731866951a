"""The number of states is told from a few derivations, and never as more than there are by far."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from budgetnet.space.counting import states
from budgetnet.space.counting.foretell import fewest_states
from budgetnet.space.counting.shortest_paths import ShortestPaths, search_states
from budgetnet.space.counting.states import find_states
from tests.space.spaces import GRAMMARS, space_of

STAGES = """
network = stage(8..40:8) maxpool stage(8..40:8) gap linear(classes)
stage(c) = block(c){1..3}
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

    foretold, there = search_states(space, "params", (), run)
    assert 0.5 * there <= foretold <= 1.2 * there


def test_a_search_that_would_come_to_its_limit_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long before the limit; and what was looked into changes nothing where the limit is high enough."""
    space = space_of(STAGES, shape=(3, 16, 16), params=100_000)
    foretold = search_states(space, "params", (), lambda paths: fewest_states(paths, visits=1000))
    plain = find_states(space, 100_000)
    monkeypatch.setattr(states, "FORETOLD_AT", 100)
    graph = find_states(space, 100_000)
    assert plain is not None
    assert graph is not None
    within = sum(least <= 100_000 for least in graph.least)
    assert 0.5 * within <= foretold <= 1.2 * within
    assert sorted(plain.least) == sorted(graph.least)
    looks: list[int] = []
    monkeypatch.setattr(ShortestPaths, "look", _counted(ShortestPaths.look, looks))
    assert find_states(space, round(foretold / 2.5)) is None
    assert len(looks) <= 200


def _counted(look: Callable[[ShortestPaths], None], looks: list[int]) -> Callable[[ShortestPaths], None]:
    def counted(paths: ShortestPaths) -> None:
        looks.append(paths.looked)
        look(paths)

    return counted
