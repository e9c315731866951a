"""A machine that remembers where each state leads and what is added on the way."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from operator import add

from budgetnet.derivation.expand import output_shape
from budgetnet.derivation.listeners import SilentListener
from budgetnet.derivation.machine import LIMIT_STEPS, Machine, Pending, State
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.network.budget import MAXIMA, Bound
from budgetnet.network.cost.closed_form import leaf_cost
from budgetnet.network.cost.types import BYTES_PER_VALUE, Cost
from budgetnet.network.nodes import Primitive, Shape
from budgetnet.space.space import Space
from budgetnet.space.tracing.lower_bounds import LowerBounds

__all__ = ["BAD_ARGUMENT", "BAD_SHAPE", "COMPLETE", "NEVER", "Costs", "Edge", "StateNode", "Tracer"]

Costs = tuple[int, ...]
"""Added costs: on the axis first (0 without one), then for each other bound of the budget."""

NEVER = 1 << 62
"""More than any cost."""

COMPLETE = -1
"""Target of an edge that ends in a network."""
BAD_SHAPE = -2
"""Target of an edge that ends in a shape error."""
BAD_ARGUMENT = -3
"""Target of an edge that ends in an argument outside its limits, or in endless recursion."""

Edge = tuple[int, Costs]
"""Target of an option (a node's number, or one of the codes above) and the costs added on the way."""


@dataclass(frozen=True, slots=True)
class StateNode:
    """A state with a decision."""

    edges: tuple[Edge | None, ...]
    """One per option; None for an option that is not allowed."""
    weights: tuple[float, ...]
    """Prior probabilities of the options; 0 where not allowed."""


@lru_cache(maxsize=1 << 12)
def _shares(weights: tuple[float, ...], allowed: tuple[bool, ...]) -> tuple[float, ...]:
    """The prior probabilities of the options that are allowed."""
    own = [weight * permitted for weight, permitted in zip(weights, allowed, strict=True)]
    total = sum(own)
    return tuple([weight / total for weight in own])


class Tracer(Machine, SilentListener):
    """A machine that remembers where each state leads, and listens to itself for what is added on the way."""

    def prepare(self, space: Space, axis: Bound | None, others: tuple[Bound, ...]) -> None:
        """Set what is added up; called once."""
        self._axis = axis
        self._others = others
        self._all_sums = MAXIMA.isdisjoint(others)
        self._custom = space.custom
        self._zero: Costs = (0,) * (1 + len(others))
        fixed = {"flash": space.budget.runtime}
        self._fixed: Costs = (fixed.get(axis or "", 0), *(fixed.get(bound, 0) for bound in others))
        self.forget()

    def forget(self) -> None:
        """Drop what was remembered."""
        self.steps = 0
        """Steps so far."""
        self.waiting: list[Pending] = []
        """The decisions by number; see `decision`."""
        self._known: dict[Hashable, Edge] = {}
        self._added: Costs = self._zero
        self._at: State | None = None
        self._surroundings = LowerBounds()
        self._alone: dict[tuple[Primitive, Shape], Cost] = {}

    def leaves(self) -> tuple[tuple[Primitive, Shape], ...]:
        """Return the operations seen so far, each once per shape of its input."""
        return tuple(self._alone)

    def first_stop(self) -> Edge:
        """Follow the derivations to the first decision; what every network costs beside its parts is added."""
        target, costs = self.follow(self.start())
        return target, self.add(self._fixed, costs)

    def look(self, number: int) -> StateNode:
        """Follow every option of a node."""
        pending = self.waiting[number]
        decision = pending.decision
        edges = tuple(
            [
                self.follow(self.take(pending, index)) if allowed else None
                for index, allowed in enumerate(decision.allowed)
            ]
        )
        return StateNode(edges, _shares(decision.weights, decision.allowed))

    def decision(self, number: int) -> Pending:
        """Return a decision with its full name and all that is left to derive behind it."""
        return self.waiting[number]

    def follow(self, state: State) -> Edge:
        """Run to the next decision or to the end; what was run before is looked up."""
        passed: list[tuple[Hashable, Costs]] = []
        while True:
            key = state.key()
            known = self._known.get(key)
            if known is not None:
                break
            self._added = self._zero
            self._at = state
            self.steps += 1
            stop = self._one_step(state) if len(passed) < LIMIT_STEPS else BAD_ARGUMENT
            if isinstance(stop, State):
                passed.append((key, self._added))
                state = stop
                continue
            if isinstance(stop, Pending):
                self.waiting.append(stop)
                stop = len(self.waiting) - 1
            known = self._known[key] = (stop, self._added if stop >= 0 else self._zero)
            break
        end, costs = known
        for key, added in reversed(passed):
            costs = costs if added is self._zero else self.add(added, costs)
            self._known[key] = (end, costs)
        return end, costs

    def _one_step(self, state: State) -> State | Pending | int:
        """Run one step; a decision with a single answer is answered."""
        try:
            if state.agenda is None:
                output_shape(state.shapes, self.classes)
                return COMPLETE
            stop = self._step(state, self)
            if isinstance(stop, Pending):
                index = self._answer(stop)
                if index is not None:
                    return self.take(stop, index)
            return stop
        except ShapeError:
            return BAD_SHAPE
        except LanguageError:
            return BAD_ARGUMENT

    def add(self, first: Costs, second: Costs) -> Costs:
        """Costs one after the other: sums, for memory the larger."""
        if self._all_sums:
            return tuple(map(add, first, second))
        others = (
            max(one, other) if bound in MAXIMA else one + other
            for bound, one, other in zip(self._others, first[1:], second[1:], strict=True)
        )
        return first[0] + second[0], *others

    # --- listening ----------------------------------------------------------------------------------

    def leaf(self, node: Primitive, entry: Shape, factor: int) -> None:
        """Add up what a primitive costs where it stands."""
        self._added = self.add(self._added, self._cost_of(node, entry, factor))

    def _cost_of(self, node: Primitive, entry: Shape, factor: int) -> Costs:
        alone = self._alone.get((node, entry))
        if alone is None:
            alone = self._alone[node, entry] = leaf_cost(node, entry, custom=self._custom, ram="ram" in self._others)
        axis = 0 if self._axis is None else self._here(self._axis, alone, entry, factor)
        return axis, *[self._here(bound, alone, entry, factor) for bound in self._others]

    def _here(self, bound: Bound, alone: Cost, entry: Shape, factor: int) -> int:
        assert self._at is not None
        assert self._at.agenda is not None
        match bound:
            case "params":
                return alone.params * self._copies()
            case "flash":
                return alone.flash * self._copies()
            case "flops":
                return alone.flops * factor * self._copies()
            case "activations":
                return alone.activations * factor * self._copies()
            case "depth":
                return 0 if self._surroundings.aside(self._at.agenda) else alone.depth * factor * self._copies()
            case "peak_activation_bytes":
                return alone.peak_activation_bytes + BYTES_PER_VALUE * self._surroundings.held(self._at.agenda, entry)
            case "ram":
                return (alone.ram or 0) + self._surroundings.held(self._at.agenda, entry)

    def _copies(self) -> int:
        """How often the current part occurs in the network; 1 where each copy is derived."""
        return 1
