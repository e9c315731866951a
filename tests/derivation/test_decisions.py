"""Decisions: their names, their replay, and states that have one future."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budgetnet.derivation.decision import Decision
from budgetnet.derivation.frames import Interner
from budgetnet.derivation.listeners import Assembler
from budgetnet.derivation.machine import Machine, Pending, State
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.grammar.load import load_grammar
from budgetnet.grammar.syntax import Grammar
from budgetnet.network.cost.closed_form import output_of
from budgetnet.network.nodes import (
    Node,
    Shape,
)
from tests.derivation.derivations import (
    DESIGN,
    GRAMMARS,
    VOCABULARY,
    derive,
    draw,
)

# --- names ------------------------------------------------------------------------------------------


def test_the_names_of_the_design() -> None:
    """A name is the path of calls, one number per repetition, and the place's own label."""
    decisions = derive(DESIGN, {"stage.count": 2, "stage#2.count": 1}, classes=10).decisions
    for name in (
        "stem.conv.channels",
        "stage.count",
        "stage[0].c",
        "stage[1].c",
        "stage#2[0].c",
        "stage[1].block.count",
        "stage[1].block[0].kind",
        "stage[1].block[0].regular.conv.kernel",
        "stage[1].down.kind",
        "stage#2[0].block[0].kind",
    ):
        assert name in decisions, name


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(GRAMMARS), st.integers(0, 10**9), st.integers(0, 10**9))
def test_names_are_unique_and_stable(grammar: Grammar, first: int, second: int) -> None:
    """No name twice in a derivation; where a name says it is stable it has the same options in every derivation."""
    known: dict[str, Decision] = {}
    for seed in (first, second):
        asked = draw(grammar, seed)[0].asked
        assert len({decision.name for decision in asked}) == len(asked)
        for decision in asked:
            before = known.setdefault(decision.name, decision)
            assert (before.kind, before.stable) == (decision.kind, decision.stable)
            if decision.stable:
                assert (before.labels, before.weights) == (decision.labels, decision.weights)
            assert sum(decision.weights) == pytest.approx(1)
            assert len(decision.labels) == len(set(map(repr, decision.labels))) > 1


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(GRAMMARS), st.integers(0, 10**9))
def test_a_replay_by_names_gives_the_same_network(grammar: Grammar, seed: int) -> None:
    """The recorded decisions are all that a derivation depends on."""
    expansion = draw(grammar, seed)[1]
    if isinstance(expansion, str):
        return
    again = derive(grammar, expansion.decisions, shape=(4, 16, 16), classes=10)
    assert again == expansion
    assert output_of(expansion.network, (4, 16, 16)) == expansion.shape


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(GRAMMARS), st.integers(0, 10**9))
def test_interned_agendas_change_nothing(grammar: Grammar, seed: int) -> None:
    """With an interner the same answers lead to the same network, errors and names."""
    interned = MACHINES[GRAMMARS.index(grammar)]
    plain_asked, plain_end = draw(grammar, seed)
    interned_asked, interned_end = draw(grammar, seed, interned)
    assert plain_end == interned_end
    assert plain_asked.asked == interned_asked.asked


def _interned(grammar: Grammar) -> Machine:
    return Machine(grammar, input_shape=(4, 16, 16), classes=10, vocabulary=VOCABULARY, interner=Interner())


MACHINES = [_interned(grammar) for grammar in GRAMMARS]


def test_states_with_one_key_have_one_future() -> None:
    """Whatever led there: the same decisions on offer, the same answers, the same end."""
    for grammar, machine in zip(GRAMMARS, MACHINES, strict=True):
        found: dict[object, list[Pending]] = {}
        for seed in range(60):
            for pending in _stops(machine, seed):
                found.setdefault(pending.state.key(), []).append(pending)
        shared = [pendings for pendings in found.values() if len({pending.decision.name for pending in pendings}) > 1]
        assert len(shared) > 10, grammar.start.name
        for number, pendings in enumerate(shared[:80]):
            futures = {repr(_future(machine, pending, number)) for pending in pendings[:4]}
            assert len(futures) == 1


def _stops(machine: Machine, seed: int) -> list[Pending]:
    chooser, stops = random.Random(seed), []
    try:
        stop = machine.run(machine.start(), Assembler())
        while isinstance(stop, Pending):
            stops.append(stop)
            index = chooser.choice([index for index, allowed in enumerate(stop.decision.allowed) if allowed])
            stop = machine.run(machine.take(stop, index), _Deaf())
    except (ShapeError, LanguageError):
        pass
    return stops


class _Deaf(Assembler):
    """Hears primitives only: a derivation that starts in the middle closes parts that never began."""

    def __init__(self) -> None:
        super().__init__()
        self.leaves: list[tuple[Node, Shape, int]] = []

    def leaf(self, node: Node, entry: Shape, factor: int) -> None:  # type: ignore[override]
        self.leaves.append((node, entry, factor))

    def begin(self) -> None: ...

    def end(self) -> None: ...

    def skip(self, *, projected: bool) -> None: ...

    def join(self, owner: object, shares: object) -> None: ...

    def shared(self, times: int) -> None: ...

    def graph(self, graph: object) -> None: ...


def _future(machine: Machine, pending: Pending, seed: int) -> list[object]:
    chooser, told, ears = random.Random(seed), [], _Deaf()
    stop: object = pending
    try:
        while isinstance(stop, Pending):
            told.append((stop.decision._replace(name=""), stop.site))
            index = chooser.choice([index for index, allowed in enumerate(stop.decision.allowed) if allowed])
            stop = machine.run(machine.take(stop, index), ears)
        told.append(stop)
    except (ShapeError, LanguageError) as error:
        told.append(type(error))
    return [*told, *ears.leaves]


def test_states_are_immutable_values() -> None:
    """Taking one option leaves the pending decision as it was: every option can be taken from it."""
    machine = _interned(load_grammar("network = conv(3, 8|16|24) gap"))
    pending = machine.run(machine.start(), Assembler())
    assert isinstance(pending, Pending)
    ends = []
    for index in (0, 1, 2, 0):
        state = machine.take(pending, index)
        assert isinstance(state, State)
        ends.append(machine.run(state, Assembler()))
    assert ends == [((8, 1, 1),), ((16, 1, 1),), ((24, 1, 1),), ((8, 1, 1),)]
