"""One search over the states serves lint and table, and neither tells whether the other came first."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

import pytest

from budgetnet.space.counting.shortest_paths import ShortestPaths, search_states
from budgetnet.space.counting.states import StateGraph, find_states
from budgetnet.space.counting.tabulate import TooLarge, tabulate
from budgetnet.space.effort import Effort
from budgetnet.space.lint.lint import examine
from budgetnet.space.space import GROWING, Space
from tests.space.spaces import FLAGSHIP, GRAMMARS, space_of

BUDGETS = ({}, {"params": 150, "flops": 5000}, {"params": 200, "depth": 4})


def told(graph: StateGraph | None) -> tuple[object, ...] | None:
    """All of a graph but what holds addresses."""
    return graph and (graph.axis, graph.others, graph.start, graph.nodes, graph.least)


@pytest.mark.parametrize("name", GRAMMARS)
@pytest.mark.parametrize("bounds", BUDGETS, ids=str)
def test_states_are_the_same_after_lint(name: str, bounds: dict[str, int]) -> None:
    """With and without a limit that cuts the search off, whether it begins or goes on."""
    for limit, steps in ((3, 20), (3, 100_000), (10_000, 20), (10_000, 100_000)):
        alone, linted = (space_of(GRAMMARS[name], **bounds) for _ in range(2))
        report = examine(linted, steps)
        assert told(find_states(linted, limit)) == told(find_states(alone, limit))
        assert examine(linted, steps) == report


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The searches that are begun."""
    found: list[object] = []
    plain = ShortestPaths.__init__

    def noted(self: ShortestPaths, *arguments: object) -> None:
        found.append(self)
        plain(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(ShortestPaths, "__init__", noted)
    return found


def flagship(**bounds: int) -> Space:
    """A space of thousands of states."""
    return space_of(FLAGSHIP, shape=(3, 32, 32), classes=10, **bounds)


def test_a_space_is_searched_once_for_lint_and_table(begun: list[object]) -> None:
    """Also where lint gave up before the end; the states are not kept longer than that."""
    for steps in (100_000, 500):
        space = flagship(params=200_000, flops=60_000_000)
        examine(space, steps)
        graph = find_states(space, 100_000)
        assert graph is not None
        assert len(begun) == 1
        assert not space.memory
        begun.clear()


def test_what_adds_up_other_costs_is_searched_for_itself(begun: list[object]) -> None:
    """Lint follows parameters, so a table of another axis begins anew."""
    space = flagship(flops=60_000_000)
    examine(space)
    assert find_states(space, 100_000) is not None
    assert len(begun) == 2


@pytest.mark.parametrize("name", ["repetition", "ranges", "graph", "tied cell at several widths", "recursion"])
def test_states_within_the_bound_are_known_before_they_are_explored(name: str) -> None:
    """So a search that cannot end within its limit is given up at once, and no other is."""
    space = space_of(GRAMMARS[name], params=200)

    def run(paths: ShortestPaths) -> tuple[list[int], float]:
        counts = [paths.within]
        while (ahead := paths.ahead()) is not None and ahead <= 200:
            paths.look()
            counts.append(paths.within)
        assert paths.within == paths.looked
        return counts, paths.work

    counts, work = search_states(space, "params", (), run)
    assert counts == sorted(counts)
    assert find_states(space, ceil(work)) is not None
    assert find_states(space, ceil(work) - 1) is None


def test_rules_that_grow_by_themselves_may_take_less_work() -> None:
    """Their states are more than can be counted as a rule, which the reason says with the time it took."""
    text = "network = conv(3, 4) tree gap linear(classes)\ntree = conv(3, in) | parallel(tree, tree) | skip(tree)"
    growing = space_of(text, shape=(3, 32, 32), classes=10, params=200_000)
    assert growing.most_states == growing.effort.states // GROWING
    assert space_of(GRAMMARS["recursion"]).most_states == growing.effort.states
    few = replace(growing, effort=Effort(seconds=0.16))
    found = tabulate(few)
    assert isinstance(found, TooLarge)
    assert found.text == (
        "the space has more than 100 states within the budget, too many for a table in 0.02 s (search.count_seconds)"
    )
