"""Derivation of calls: arguments are evaluated one by one, then a rule's body or a primitive replaces the call."""

from __future__ import annotations

from copy import copy
from typing import NamedTuple

from budgetnet.derivation.decision import Decision
from budgetnet.derivation.frames import ArgumentsFrame, BodyFrame, Path, Scalar, Scope
from budgetnet.derivation.listeners import Listener
from budgetnet.derivation.parts import PassedParts
from budgetnet.derivation.state import LIMIT_DEPTH, Pending, Rulebook, State, shape_error, shapes_text, shares
from budgetnet.derivation.values import fail, first_choice, is_constant, labels_of, options_of, substitute, value_of
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.grammar import syntax
from budgetnet.grammar.checks.scope import GIVEN
from budgetnet.network.nodes import Primitive, Shape
from budgetnet.ops.registry import make

__all__ = ["LIMIT_LAYERS", "Calls", "is_stable"]

LIMIT_LAYERS = 2000
"""Largest number of primitives in one network."""


MOST_OFFERS = 4096
"""Largest number of choices whose options are cached; grammars have far fewer."""


class Offer(NamedTuple):
    """Options of a choice, the same in every derivation."""

    choice: syntax.Choice | syntax.Range
    """Kept alive, so that its id is not reused."""
    options: tuple[syntax.Value, ...]
    labels: tuple[Scalar, ...]
    weights: tuple[float, ...]
    allowed: tuple[bool, ...]


class Slot(NamedTuple):
    """A parameter of a call whose value is not the same in every derivation."""

    position: int
    """Index among the parameters."""
    value: syntax.Value
    """The argument, or the called rule's default."""
    in_default: bool
    """True if the value is the called rule's default, so that its names are that rule's."""
    open: bool
    """True if the value contains a choice."""


class Made(NamedTuple):
    """A primitive with given arguments."""

    node: Primitive
    after: dict[Shape, Shape]
    """Output shape by input shape."""


class CallPlan(NamedTuple):
    """Properties of one call that are the same in every derivation."""

    rule: syntax.Rule | None
    """The called rule; None for a primitive."""
    fixed: tuple[Scalar, ...]
    """The parameters' values, with placeholders at the slots' positions."""
    slots: tuple[Slot, ...]
    recursive: bool
    made: dict[tuple[object, ...], Made]
    """A primitive's nodes by the slots' values with their types (1, 1.0 and True are equal to Python)."""
    scopes: dict[tuple[object, ...], Scope]
    """A rule's scopes by the slots' values with their types and the depth."""


class Calls:
    """Derives calls; caches a plan for each call of the grammar."""

    def __init__(self, book: Rulebook) -> None:
        self._book = book
        self._plans: dict[int, CallPlan] = {}  # by identity; the rulebook keeps the grammar alive
        self._offers: dict[int, Offer] = {}
        self._parts = PassedParts(book)

    def by(self, book: Rulebook) -> Calls:
        """Return the calls of another machine for the same grammar, with the same plans."""
        shared = copy(self)
        shared._book = book
        shared._parts = self._parts.by(book)
        return shared

    def call(self, state: State, call: syntax.Call, scope: Scope, listener: Listener) -> State | Pending:
        """Start a call."""
        if call.name in self._book.parts.get(scope.rule.name, ()):
            return self._parts.use(state, call, scope)
        return self._evaluate(state, call, scope, (), None, listener)

    def go_on(self, state: State, frame: ArgumentsFrame, listener: Listener) -> State | Pending:
        """Continue a call after a choice in its arguments."""
        return self._evaluate(state, frame.call, frame.scope, frame.done, frame.current, listener)

    def _plan(self, call: syntax.Call, caller: syntax.Rule) -> CallPlan:
        rule = self._book.rules.get(call.name)
        names = [parameter.name for parameter in (rule or self._book.vocabulary.signatures[call.name]).parameters]
        given: dict[str, syntax.Value] = {
            names[position] if argument.name is None else argument.name: argument.value
            for position, argument in enumerate(call.arguments)
        }
        fixed: list[Scalar] = []
        slots: list[Slot] = []
        for position, name in enumerate(names):
            value = given.get(name)
            home, in_default = caller, value is None
            if value is None and rule is None:
                default = self._book.vocabulary.signatures[call.name].parameters[position].default
                assert default is not None
                fixed.append(default)
                continue
            if value is None:
                assert rule is not None
                value, home = rule.parameters[position].default, rule
            assert value is not None
            known = _literal(value, home)
            fixed.append(0 if known is None else known)
            if known is None:
                slots.append(Slot(position, value, in_default, first_choice(value) is not None))
        return CallPlan(rule, tuple(fixed), tuple(slots), call.name in self._book.recursion.recursive, {}, {})

    def _evaluate(
        self,
        state: State,
        call: syntax.Call,
        scope: Scope,
        done: tuple[Scalar, ...],
        current: syntax.Value | None,
        listener: Listener,
    ) -> State | Pending:
        assert state.trail is not None
        plan = self._plans.get(id(call))
        if plan is None:
            plan = self._plans[id(call)] = self._plan(call, scope.rule)
        rule, slots = plan.rule, plan.slots
        values = list(done)
        for slot in slots[len(done) :]:
            value = slot.value if current is None else current
            home = (
                Scope(rule, _filled(plan, values)[: slot.position], scope.depth) if rule and slot.in_default else scope
            )
            choice = first_choice(value) if slot.open else None
            if choice is not None:
                return self._choose(state, ArgumentsFrame(call, scope, tuple(values), value), choice, home, slot)
            current = None
            values.append(value_of(value, home, state.shapes[0][0], self._book.classes))
        if rule is None:
            return self._primitive(state, call, scope, plan, values, listener)
        depth = scope.depth + plan.recursive
        if depth > LIMIT_DEPTH:
            raise fail(
                scope,
                call.span,
                f"recursive calls nest at most {LIMIT_DEPTH} deep, but {call.name!r} nests deeper",
                state.path,
            )
        key = (depth, *values, *map(type, values))
        inner = plan.scopes.get(key)
        if inner is None:
            inner = plan.scopes[key] = Scope(rule, _filled(plan, values), depth)
        path = Path(state.trail[0].name(call.site) + ".")
        if rule.name in self._book.parts:
            return self._parts.open(state, inner, path)
        return self._book.replace(state, BodyFrame(rule.body, inner), path=path)

    def _choose(
        self, state: State, frame: ArgumentsFrame, choice: syntax.Choice | syntax.Range, home: Scope, slot: Slot
    ) -> Pending:
        assert state.trail is not None
        path = state.trail[0]
        name = f"{path.name(frame.call.site)}.{choice.site}" if slot.in_default else path.name(choice.site)
        offer = self._offers.get(id(choice))
        if offer is None:
            options = options_of(choice, home, state.shapes[0][0], self._book.classes)
            weights = shares(choice.weights if isinstance(choice, syntax.Choice) else (), len(options))
            offer = Offer(choice, options, labels_of(options), weights, (True,) * len(options))
            if is_stable(choice):
                if len(self._offers) == MOST_OFFERS:
                    self._offers.clear()
                self._offers[id(choice)] = offer
        options = offer.options

        def after(index: int) -> ArgumentsFrame:
            return frame._replace(current=substitute(frame.current, choice, options[index]))

        return Pending(
            state=state,
            decision=Decision(name, "value", offer.labels, offer.weights, offer.allowed, is_stable(choice)),
            site=choice.site,
            scope=home,
            span=choice.span,
            option=after,
        )

    def _primitive(
        self, state: State, call: syntax.Call, scope: Scope, plan: CallPlan, values: list[Scalar], listener: Listener
    ) -> State:
        assert state.agenda is not None
        assert state.trail is not None
        if state.layers >= LIMIT_LAYERS:
            raise fail(
                scope,
                call.span,
                f"a network has at most {LIMIT_LAYERS:,} layers, but this one has more; repeat less",
                state.path,
            )
        if len(state.shapes) != 1:
            raise shape_error(
                state, scope, call.span, f"{call.name} takes one input, but got {shapes_text(state.shapes)}"
            )
        entry = state.shapes[0]
        key = (*values, *map(type, values))
        made = plan.made.get(key)
        try:
            if made is None:
                node = make(self._book.vocabulary.signatures[call.name], _filled(plan, values))
                made = plan.made[key] = Made(node, {})
            after = made.after.get(entry)
            if after is None:
                after = made.after[entry] = self._book.shape_of(made.node, entry)
        except ShapeError as error:
            raise shape_error(state, scope, call.span, str(error)) from None
        except LanguageError as error:
            raise fail(scope, call.span, str(error), state.path) from None
        listener.leaf(made.node, entry, state.factor)
        return State(
            state.agenda.rest, state.trail[1], (after,), state.tapings, state.factor, state.layers + 1, state.nesting
        )


def _filled(plan: CallPlan, values: list[Scalar]) -> tuple[Scalar, ...]:
    """Return a call's arguments, with the slots' values filled in as far as they are known."""
    arguments = list(plan.fixed)
    for slot, value in zip(plan.slots, values, strict=False):
        arguments[slot.position] = value
    return tuple(arguments)


def _literal(value: syntax.Value, home: syntax.Rule) -> Scalar | None:
    """Return the value of a number, text or word; None if it depends on the derivation."""
    match value:
        case syntax.Number() | syntax.Text():
            return value.value
        case syntax.Name("true" | "false" as word):
            return word == "true"
        case syntax.Name(word) if word not in (*GIVEN, *(parameter.name for parameter in home.parameters)):
            return word
        case _:
            return None


def is_stable(choice: syntax.Choice | syntax.Range) -> bool:
    """Return True if a choice has the same options in every derivation."""
    return isinstance(choice, syntax.Choice) or all(map(is_constant, (choice.low, choice.high, choice.step)))
