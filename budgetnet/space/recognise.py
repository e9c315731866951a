"""Recognition of a network: the decisions with which a grammar derives it, or the first difference."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from budgetnet.derivation.decision import Label
from budgetnet.derivation.frames import Interner, Shapes
from budgetnet.derivation.machine import Machine, Pending, State
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.grammar import syntax as language
from budgetnet.network.nodes import Node, Primitive, Shape
from budgetnet.space.events import (
    BEGIN,
    END,
    NetworkEvent,
    events_of,
    graph_event,
    join_event,
    layer_events,
    shared_event,
    skip_event,
)
from budgetnet.space.space import Space

__all__ = ["Parting", "Recognition", "count_derivations", "recognise"]


@dataclass(frozen=True, slots=True)
class Recognition:
    """The network is one of the space's."""

    decisions: dict[str, Label]
    """Replayed, they derive it. Of several ways to derive it, the first in the order of the options."""


@dataclass(frozen=True, slots=True)
class Parting:
    """No derivation gives the network."""

    layer: int
    """Number of the layer (a printed part such as ``conv(3, 16)``) up to which the best derivation came."""
    came: str
    """The network's part there."""
    offered: tuple[str, ...]
    """The grammar's options there."""
    text: str
    """One readable sentence."""


@dataclass
class _Best:
    """How far any derivation came, and what was on offer there."""

    position: int = -1
    offers: dict[str, None] = field(default_factory=dict)

    def note(self, position: int, offer: str) -> None:
        if position > self.position:
            self.position, self.offers = position, {}
        if position == self.position:
            self.offers[offer] = None


class _Parted(Exception):  # noqa: N818 (not an error: a derivation that is abandoned)
    """The current derivation differs from the network."""


def recognise(network: Node, space: Space) -> Recognition | Parting:
    """Find the decisions that derive *network*.

    Layers count as equal if they do the same (see `budgetnet.space.events`); combinations must be written as the
    grammar writes them, branches in its order. The budget plays no part.
    """
    search = _Search(events_of(network), space.make_machine(interner=Interner()))
    decisions = search.run()
    return search.parting() if decisions is None else Recognition(decisions)


def count_derivations(network: Node, space: Space, machine: Machine | None = None) -> int:
    """Return the number of derivations of the space that give *network*; 0 if it is not in the space.

    Args:
        network: what is looked for.
        space: where.
        machine: of the space, with interned agendas; a second network is found sooner with the machine of the first.
    """
    return _Search(events_of(network), machine or space.make_machine(interner=Interner())).count()


@dataclass
class _Level:
    """A decision on the path of a search."""

    pending: Pending
    position: int
    """Events of the network that came before."""
    index: int = -1
    """The current option."""
    found: int = 0
    """Derivations by the options so far."""

    def answer(self) -> tuple[str, Label]:
        """Name of the decision and label of the current option."""
        decision = self.pending.decision
        return decision.name, decision.labels[self.index]


class _Search:
    """Depth-first over the options, what is known of states and positions remembered."""

    def __init__(self, events: list[NetworkEvent], machine: Machine) -> None:
        self._events = events
        self._machine = machine
        self._best = _Best()

    def run(self) -> dict[str, Label] | None:
        """Return the decisions of the first derivation, or None."""
        return self._search(first_only=True)[1]

    def count(self) -> int:
        """Return the number of derivations."""
        return self._search(first_only=False)[0]

    def _search(self, *, first_only: bool) -> tuple[int, dict[str, Label] | None]:
        start = self._follow(self._machine.start(), 0)
        if start is None:
            return 0, None
        if not isinstance(start[0], Pending):
            return 1, {}
        known: dict[tuple[Hashable, int], int] = {}
        path = [_Level(start[0], start[1])]
        while True:
            level = path[-1]
            level.index += 1
            if level.index == len(level.pending.decision.labels):
                known[level.pending.state.key(), level.position] = level.found
                path.pop()
                if not path:
                    return level.found, None
                path[-1].found += level.found
                continue
            if not level.pending.decision.allowed[level.index]:
                continue
            after = self._follow(self._machine.take(level.pending, level.index), level.position)
            if after is None:
                continue
            stop, position = after
            if not isinstance(stop, Pending):
                if first_only:
                    return 1, dict(map(_Level.answer, path))
                level.found += 1
            elif (stop.state.key(), position) in known:
                level.found += known[stop.state.key(), position]
            else:
                path.append(_Level(stop, position))

    def _follow(self, state: State, position: int) -> tuple[Pending | Shapes, int] | None:
        """Run to the next decision or the whole network's end; None where the derivation parts from the network."""
        listener = _Comparing(self._events, position, self._best)
        try:
            stop = self._machine.run(state, listener)
        except _Parted:
            return None
        except (ShapeError, LanguageError) as error:
            self._best.note(listener.position, f"a part that is an error there ({_first_line(error)})")
            return None
        if not isinstance(stop, Pending) and listener.position < len(self._events):
            self._best.note(listener.position, "the end of the network")
            return None
        return stop, listener.position

    def parting(self) -> Parting:
        """Describe the furthest that any derivation came."""
        position = max(self._best.position, 0)
        ended = position == len(self._events)
        came = "the end of the network" if ended else self._events[position].text
        offered = tuple(self._best.offers)
        layers = [event.text for event in self._events[: position + 1] if event.layer]
        if not ended and layers and layers[-1] == came:
            where = f"layer {len(layers)} of the network is {came}"
        else:
            where = f"after layer {len(layers)} ({layers[-1]})" if layers else "at its start"
            where += " the network ends" if ended else f" the network has {came}"
        shown = " or ".join(offered[:6]) + (f" or {len(offered) - 6} others" if len(offered) > 6 else "")
        return Parting(len(layers), came, offered, f"not in this grammar: {where}, where the grammar offers {shown}")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


class _Comparing:
    """A listener that gives up at the first event that is not the network's."""

    def __init__(self, events: list[NetworkEvent], position: int, best: _Best) -> None:
        self._events = events
        self._best = best
        self.position = position

    def _meet(self, event: NetworkEvent) -> None:
        if self.position >= len(self._events) or self._events[self.position] != event:
            self._best.note(self.position, event.text)
            raise _Parted
        self.position += 1

    def leaf(self, node: Primitive, entry: Shape, factor: int) -> None:  # noqa: ARG002 (a listener's signature)
        for event in layer_events(node):
            self._meet(event)

    def begin(self) -> None:
        self._meet(BEGIN)

    def end(self) -> None:
        self._meet(END)

    def skip(self, *, projected: bool) -> None:
        self._meet(skip_event(projected=projected))

    def join(self, owner: language.ParallelExpression | language.SplitExpression, shares: tuple[int, ...] = ()) -> None:
        self._meet(join_event(isinstance(owner, language.SplitExpression), owner.join, len(owner.branches), shares))

    def shared(self, times: int) -> None:
        self._meet(shared_event(times))

    def graph(self, graph: language.Graph[language.Expression]) -> None:
        self._meet(graph_event(graph))
