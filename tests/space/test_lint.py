"""What is said against a space before anything runs, held against all of its derivations one by one."""

from __future__ import annotations

import time

import pytest

from budgetnet.derivation.expand import output_shape
from budgetnet.derivation.listeners import Assembler
from budgetnet.derivation.machine import Pending
from budgetnet.errors import CountError, LanguageError, ShapeError, StudyError
from budgetnet.grammar.load import load_grammar
from budgetnet.network.budget import Budget
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Signature, Vocabulary
from budgetnet.space.lint.lint import examine, lint, smallest
from budgetnet.space.lint.reachable import find_reachable
from budgetnet.space.space import Space
from tests.pace import pace
from tests.space.spaces import FLAGSHIP, GRAMMARS, space_of

LARGE = """
network  = stage(16..96:8){1..3} stage(16..96:8){1..3} stage(16..96:8){1..3} gap linear(classes)
stage(c) = (skip(conv(3, c, dilation=1|2|4) conv(1|3, c)) | conv(3, c) | dwconv(3|5|7) conv(1, c)){1..4} maxpool(2)?
"""
TIED = "from prelude import nb201_cell\nnetwork = conv(3, 16) tied(nb201_cell){3} maxpool{1..9} gap linear(classes)"

Option = tuple[str, str, type, object]


def heads(space: Space) -> list[str]:
    """The first lines of what is said about a space."""
    return [warning.text.partition("\n")[0] for warning in lint(space)]


def try_all(space: Space) -> list[tuple[list[Pending], list[int], object]]:
    """Every derivation: its decisions, the options taken, and the network's cost (None if there is none)."""
    machine, found, plan = space.machine, [], []
    while plan is not None:
        decisions: list[Pending] = []
        taken: list[int] = []
        cost, assembler = None, Assembler()
        try:
            stop = machine.run(machine.start(), assembler)
            while isinstance(stop, Pending):
                position = len(taken)
                taken.append(plan[position] if position < len(plan) else stop.decision.allowed.index(True))
                decisions.append(stop)
                stop = machine.run(machine.take(stop, taken[-1]), assembler)
            output_shape(stop, space.classes)
            cost = space.cost(assembler.finish())
        except (ShapeError, LanguageError):
            pass
        found.append((decisions, taken, cost))
        plan = next(
            (
                [*taken[:position], index]
                for position in reversed(range(len(taken)))
                for index in range(taken[position] + 1, len(decisions[position].decision.labels))
                if decisions[position].decision.allowed[index]
            ),
            None,
        )
    return found


def useless_by_trying(space: Space) -> set[Option]:
    """The options that are offered on the way to networks within the budget and stand in none of them."""
    offered: set[Option] = set()
    had: set[Option] = set()
    for decisions, taken, cost in try_all(space):
        if cost is not None and space.budget.excess(cost) is None:
            for pending, index in zip(decisions, taken, strict=True):
                labels = pending.decision.labels
                options = [(pending.scope.rule.name, pending.site, type(word), word) for word in labels]
                offered.update(options)
                had.add(options[index])
    return offered - had


def useless_by_lint(space: Space) -> set[Option]:
    """The options that lint warns of."""
    return {(found.rule, found.site, type(label), label) for found in examine(space).useless for label in found.labels}


@pytest.mark.parametrize("name", GRAMMARS)
def test_useless_options_are_exactly_those_that_no_network_has(name):
    """On every construct of the language, with wide, tight and impossible budgets and images that shrink to nothing."""
    for shape in ((2, 6, 6), (2, 2, 2)):
        costs = sorted(cost.params for _, _, cost in try_all(space_of(GRAMMARS[name], shape=shape)) if cost)
        assert costs
        for bound in (costs[-1], costs[len(costs) // 2], costs[0]):
            space = space_of(GRAMMARS[name], shape=shape, params=bound)
            assert useless_by_lint(space) == useless_by_trying(space)
            assert smallest(space).params == costs[0]
        if costs[0] > 1:
            report = examine(space_of(GRAMMARS[name], shape=shape, params=costs[0] - 1))
            assert report.impossible.startswith(
                f"the smallest network of this grammar has {costs[0]:,} parameters, the budget is {costs[0] - 1:,}; "
            )
            assert report.useless == ()


@pytest.mark.parametrize("name", GRAMMARS)
def test_with_several_bounds_nothing_useful_is_called_useless(name):
    """FLOPs, activations, memory and depth are followed one by one and from below, so warnings stay true."""
    costs = [cost for _, _, cost in try_all(space_of(GRAMMARS[name])) if cost]
    bounds = {
        bound: sorted(getattr(cost, bound) for cost in costs)[len(costs) // 3]
        for bound in ("params", "flops", "activations", "peak_activation_bytes", "depth")
    }
    for chosen in ({"flops": bounds["flops"]}, {"depth": max(bounds["depth"], 1)}, {**bounds, "depth": 9}):
        space = space_of(GRAMMARS[name], **chosen)
        report = examine(space)
        fits = [cost for cost in costs if space.budget.excess(cost) is None]
        assert not (report.impossible and fits)
        if fits:
            assert useless_by_lint(space) <= useless_by_trying(space)


@pytest.mark.parametrize("name", [name for name in GRAMMARS if "tied" in name])
def test_copies_that_may_differ_give_no_false_warnings(name):
    """Where tied parts are too much work they are looked at loosely, and what is said stays true."""
    space = space_of(GRAMMARS[name], params=sorted(c.params for _, _, c in try_all(space_of(GRAMMARS[name])) if c)[3])
    steps = find_reachable(space).tracer.steps
    for fewer in (steps - 1, steps // 2, 3, 1):
        found = find_reachable(space, fewer)
        true = {cost.params for _, _, cost in try_all(space) if cost}
        assert found.least_params <= min(true)
        assert found.smallest() is None or found.smallest().params == min(true)


def test_pools_that_use_up_the_image():
    """Counts that cannot be are named with the reason and the place."""
    (warning,) = lint(space_of("network = conv(3, 4|8)\n  maxpool(2){1..10} gap linear(classes)", shape=(1, 8, 8)))
    assert warning.text == (
        "<text>:2:3: in rule 'network': maxpool.count=4 to 10 can never be taken: kernel 2 is larger than the input "
        "1×1; leave them out\n"
        "  2 |   maxpool(2){1..10} gap linear(classes)\n"
        "    |   ^^^^^^^"
    )


def test_kernels_larger_than_the_image_point_at_the_first():
    """Values that cannot be are listed at the first of them, with the path of the example."""
    text = "network = stem gap linear(classes)\nstem = conv(3|9|11, 8, padding=0)"
    (warning,) = lint(space_of(text, shape=(3, 5, 5)))
    assert "<text>:2:15: in rule 'stem': conv.kernel=9, 11 can never be taken: kernel 9 is larger" in warning.text
    assert "(at stem); leave them out\n  2 | stem = conv(3|9|11, 8, padding=0)\n    |               ^" in warning.text


def test_widths_beyond_the_budget_say_by_how_much():
    """An option over the budget tells the least that it costs; the wide rule's own options are not mentioned."""
    text = "network = (wide | conv(3, 8)) gap linear(classes)\nwide = conv(3, 512|1024) conv(3, 64)"
    (line,) = heads(space_of(text, shape=(1, 8, 8), params=8000, flops=10**9))
    assert line == (
        "<text>:1:12: in rule 'network': kind=wide can never be taken: a network with it has at least 300,867 "
        "parameters, 3,661 % over 8,000; leave it out or raise the budget"
    )


def test_an_optional_part_that_cannot_be_used_is_told_at_its_place():
    """True and false are written as in the language."""
    (line,) = heads(space_of("network = conv(3, 4) (maxpool maxpool)? gap linear(classes)", shape=(1, 3, 3)))
    assert line.startswith("<text>:1:23: in rule 'network': part.used=true can never be taken: kernel 2 is larger")


def test_recursion_that_cannot_end_in_time_is_told():
    """Options that lead too deep into recursive rules have no networks either."""
    chain = "".join(f"a{depth} = a{depth + 1} | a{depth + 1} a0\n" for depth in range(14))
    space = space_of(f"network = (identity | a0) gap linear(classes)\n{chain}a14 = identity")
    report = examine(space)
    assert [(found.site, found.labels) for found in report.useless] == [("kind", ("a0",))]
    assert "nests recursive rules deeper than 12; leave it out" in report.useless[0].reason


def test_a_budget_below_the_smallest_network():
    """Parameters are exact; other bounds say what every network has at least."""
    text = "network = conv(3, 160|320) conv(3, 160|320) gap linear(classes)"
    (line,) = heads(space_of(text, shape=(1, 8, 8), classes=10, params=8000))
    assert line == (
        "<text>:1:1: in rule 'network': the smallest network of this grammar has 234,090 parameters, the budget is "
        "8,000; raise the budget or allow smaller parts"
    )
    (line,) = heads(space_of(text, shape=(1, 8, 8), classes=10, depth=2))
    assert "every network of this grammar has at least 3 layers in depth, 50.0 % over 2; raise" in line


def test_a_grammar_that_fits_no_image():
    """The reason is one of the derivations' own errors."""
    report = examine(space_of("network = conv(3, 4|8) maxpool{4..6} gap linear(classes)", shape=(1, 8, 8)))
    assert report.smallest is None
    assert report.impossible == (
        "no network of this grammar fits images of 1×8×8: in rule 'network': kernel 2 is larger than the input 1×1"
    )
    report = examine(space_of("network = conv(3, 4|8) gap linear(4)"))
    assert report.impossible.endswith(
        "the network ends with 4 features, but 3 classes need 3 values; end it with: gap linear(classes)"
    )


def test_what_the_language_finds_suspicious_is_passed_on():
    """Unreachable rules and repeated options come first."""
    lines = heads(space_of("network = conv(3, 4|4) gap linear(classes)\nunused = conv(3, 4)"))
    assert [line.partition(": ")[0] for line in lines] == ["<text>:2:1", "<text>:1:21"]
    assert "this rule is never reached from 'network'" in lines[0]


def test_a_space_with_nothing_wrong_is_silent_and_quick():
    """The grammar of the first page, on CIFAR's images."""
    space = space_of(FLAGSHIP, shape=(3, 32, 32), classes=10, params=200_000, flops=60_000_000)
    begun = time.process_time()
    report = examine(space)
    assert (report.warnings, report.useless, report.impossible, report.unchecked) == ((), (), None, None)
    assert report.smallest.params == 3_074
    taken = time.process_time() - begun
    assert taken < 2 or taken < 2 * pace()


def test_a_large_space_says_that_it_was_not_checked():
    """Nothing is said about options then; a budget that the cheapest beginnings break is found all the same."""
    space = space_of(LARGE, shape=(3, 32, 32), classes=10)
    (line,) = heads_with(space, 5_000)
    assert line == "which options can be taken was not checked: the space needs more than 5,000 steps"
    tight = space_of(LARGE, shape=(3, 32, 32), classes=10, params=60)
    assert examine(tight, 5_000).impossible.startswith("every network of this grammar has at least ")


def heads_with(space: Space, steps: int) -> list[str]:
    """What an examination with fewer steps says as a whole."""
    report = examine(space, steps)
    assert report.useless == ()
    return [text for text in (report.impossible, report.unchecked) if text is not None]


def test_tied_cells_are_checked_without_their_15625_copies():
    """Tied parts whose copies are looked at loosely still give exact counts and warnings."""
    space = space_of(TIED, shape=(3, 32, 32), classes=10, params=200_000)
    report = examine(space, 20_000)
    assert report.unchecked is None
    assert report.smallest.params == 634
    assert [(found.site, found.labels) for found in report.useless] == [("maxpool.count", (6, 7, 8, 9))]


def test_own_primitives_without_a_closed_form_are_not_checked():
    """The text's own warnings are given, and what was not done is said."""
    vocabulary = Vocabulary({**BUILTIN, "mine": Signature(name="mine", help="a study's own")})
    grammar = load_grammar("network = conv(3, 4) (mine | identity) gap linear(classes)", vocabulary=vocabulary)
    space = Space(grammar, vocabulary, (3, 8, 8), 10, Budget())
    (line,) = heads(space)
    assert line.startswith("<text>:1:1: in rule 'network': what fits was not checked: ")
    with pytest.raises(CountError, match="mine"):
        smallest(space)


def test_a_search_is_refused_where_nothing_fits():
    """What can only fail is the request's fault, with its place, before anything starts."""
    space = space_of("network = conv(3, 16) gap linear(classes)", params=100)
    with pytest.raises(StudyError, match="the smallest network of this grammar has 371 parameters, the budget is 100"):
        lint(space, refuse=True)
    assert "the smallest network" in lint(space)[0].text
