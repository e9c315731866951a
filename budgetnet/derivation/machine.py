"""Small-step machine behind every derivation; see `budgetnet.derivation.expand` for the simple driver.

A `State` is immutable and its future depends on ``(agenda, shapes, tapings, factor)`` alone, so a table over the
space can use them as a key (`State.key`, with interned agendas). The machine's events (primitives, the ends of
branches) go to a listener: one builds the tree, another adds up costs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, assert_never

from budgetnet.derivation import branches, frames, parts, repeats
from budgetnet.derivation.calls import LIMIT_LAYERS, Calls
from budgetnet.derivation.decision import Decision
from budgetnet.derivation.frames import BodyFrame, Entry, Interner, Path, Scope, Shapes
from budgetnet.derivation.listeners import Listener
from budgetnet.derivation.state import LIMIT_DEPTH, LIMIT_NESTING, Pending, Rulebook, State, record, shape_error, shares
from budgetnet.derivation.values import compared, fail, told_apart
from budgetnet.grammar import syntax
from budgetnet.grammar.printer import expression_text
from budgetnet.network.cost.closed_form import shape_after
from budgetnet.network.nodes import Primitive, Shape
from budgetnet.ops.signature import Vocabulary

__all__ = ["LIMIT_DEPTH", "LIMIT_LAYERS", "LIMIT_NESTING", "LIMIT_STEPS", "Machine", "Pending", "State", "recorded"]

LIMIT_STEPS = 200_000
"""Largest number of steps between two decisions; only nested repetitions of an empty part need more."""


class _Options(NamedTuple):
    """Properties of alternatives that are the same in every derivation."""

    labels: tuple[str, ...]
    weights: tuple[float, ...]
    needs: tuple[float, ...]


class Machine:
    """Derives networks from one grammar, step by step.

    Args:
        grammar: checked and labelled (`budgetnet.grammar.load`).
        input_shape: ``(channels, height, width)``.
        classes: what ``classes`` means in the grammar.
        vocabulary: the primitives, with the study's defaults.
        shape_of: output shapes of primitives; pass another function for a study's own primitives.
        interner: makes equal agendas identical, for tables keyed by `State.key`.
        like: a machine with the same other arguments; what it has worked out of the grammar is shared with it.
    """

    def __init__(
        self,
        grammar: syntax.Grammar,
        *,
        input_shape: Shape,
        classes: int,
        vocabulary: Vocabulary,
        shape_of: Callable[[Primitive, Shape], Shape] = shape_after,
        interner: Interner | None = None,
        like: Machine | None = None,
    ) -> None:
        self.grammar = grammar
        self.input_shape = input_shape
        self.classes = classes
        self.vocabulary = vocabulary
        self.interner = interner
        self._book: Rulebook = (
            Rulebook(grammar, classes=classes, vocabulary=vocabulary, shape_of=shape_of, interner=interner)
            if like is None
            else like._book.interned(interner)
        )
        self._calls: Calls = Calls(self._book) if like is None else like._calls.by(self._book)
        self._options: dict[int, _Options] = {} if like is None else like._options

    @property
    def passes_parts(self) -> bool:
        """True if the grammar has parameters that are parts."""
        return bool(self._book.parts)

    # --- driving ------------------------------------------------------------------------------------

    def start(self) -> State:
        """Return the state before the first step."""
        scope = Scope(self.grammar.start)
        body = BodyFrame(self.grammar.start.body, scope)
        return State(self._book.cell(body, None), (Path(), None), (self.input_shape,))

    def run(self, state: State, listener: Listener) -> Pending | Shapes:
        """Run until the next decision or the end, and return the decision or the final shapes.

        Raises:
            ShapeError: if the network cannot be applied to its input.
            LanguageError: if an argument is outside its limits, or the network is too large.
        """
        for _ in range(LIMIT_STEPS):
            if state.agenda is None:
                return state.shapes
            stop = self._step(state, listener)
            if isinstance(stop, Pending):
                index = self._answer(stop)
                if index is None:
                    return stop
                stop = self.take(stop, index)
            state = stop
        start = self.grammar.start
        raise fail(
            Scope(start),
            start.span,
            f"a derivation takes at most {LIMIT_STEPS:,} steps without a choice, but this one takes more; repeat less",
        )

    def take(self, pending: Pending, index: int) -> State:
        """Return the state after choosing option *index*."""
        state = pending.state
        assert state.agenda is not None
        assert state.trail is not None
        tapings = state.tapings
        if tapings and recorded(pending):
            tapings = record(tapings, Entry(pending.site, pending.decision.labels[index]))
        frame = pending.option(index)
        agenda, trail = state.agenda.rest, state.trail[1]
        if frame is not None:
            agenda, trail = self._book.cell(frame, agenda), (state.trail[0], trail)
        return State(agenda, trail, state.shapes, tapings, state.factor, state.layers, state.nesting)

    def _answer(self, pending: Pending) -> int | None:
        """Return the option that is taken without asking: the only one, or the one on a tape."""
        for taping in reversed(pending.state.tapings):
            if taping.mode == "replay":
                return _replayed(pending, taping.tape) if recorded(pending) else 0
        decision = pending.decision
        if len(decision.labels) == 1:
            return 0
        if not any(decision.allowed):
            raise pending.error(f"{decision.name}: no option ends within {LIMIT_DEPTH} nested calls of recursive rules")
        return None

    # --- one step -----------------------------------------------------------------------------------

    def _step(self, state: State, listener: Listener) -> State | Pending:
        assert state.agenda is not None
        book = self._book
        match state.agenda.frame:
            case frames.BodyFrame() as frame:
                return self._body(state, frame.expression, frame.scope, listener)
            case frames.ArgumentsFrame() as frame:
                return self._calls.go_on(state, frame, listener)
            case frames.RepeatFrame() as frame:
                return repeats.go_on_repeating(book, state, frame, listener)
            case frames.CloseSkip() as frame:
                return branches.close_skip(book, state, frame, listener)
            case frames.JoinSkip() as frame:
                return branches.join_skip(book, state, frame, listener)
            case frames.NextBranch() as frame:
                return branches.next_branch(book, state, frame, listener)
            case frames.GraphFrame() as frame:
                return branches.go_on_graph(book, state, frame, listener)
            case frames.EndTied() as frame:
                return repeats.end_tied(book, state, frame)
            case frames.TiedCopy() as frame:
                return repeats.begin_tied_copy(book, state, frame)
            case frames.EndTiedCopy() as frame:
                return repeats.end_tied_copy(book, state, frame)
            case frames.EndPart() as frame:
                return parts.end_part(book, state, frame)
            case frames.CloseParts() as frame:
                return parts.close_parts(book, state, frame)
            case frames.CloseShared() as frame:
                return repeats.close_shared(book, state, frame, listener)
            case _:
                assert_never(state.agenda.frame)

    def _body(self, state: State, expression: syntax.Expression, scope: Scope, listener: Listener) -> State | Pending:
        match expression:
            case syntax.Call():
                return self._calls.call(state, expression, scope, listener)
            case syntax.SequenceExpression():
                return self._book.replace(state, *[BodyFrame(item, scope) for item in expression.items])
            case syntax.Alternatives():
                return self._alternatives(state, expression, scope)
            case syntax.Repeat():
                frame = frames.RepeatFrame(expression, scope, expression.low, expression.high)
                return repeats.go_on_repeating(self._book, state, frame, listener)
            case syntax.Optional():
                return self._optional(state, expression, scope)
            case syntax.SkipExpression():
                return branches.enter_skip(self._book, state, expression, scope, listener)
            case syntax.ParallelExpression() | syntax.SplitExpression():
                return branches.enter_branches(self._book, state, expression, scope, listener)
            case syntax.Graph():
                return branches.enter_graph(self._book, state, expression, scope)
            case _:
                assert_never(expression)

    def _alternatives(self, state: State, part: syntax.Alternatives, scope: Scope) -> State | Pending:
        assert state.trail is not None
        holds: tuple[bool, ...] = (True,) * len(part.options)
        if part.conditions:
            width, classes = state.shapes[0][0], self.classes
            holds = tuple(each is None or compared(each, scope, width, classes) for each in part.conditions)
            if sum(holds) == 1:
                return self._book.replace(state, BodyFrame(part.options[holds.index(True)], scope))
            if not any(holds):
                if len(part.options) == 1:
                    return self._book.replace(state)
                raise fail(
                    scope,
                    part.span,
                    "one of several alternatives must be left, but all their conditions fail; add one without",
                    state.path,
                )
        known = self._options.get(id(part))
        if known is None:
            needs = tuple(map(self._book.recursion.need, part.options))
            known = _Options(_option_labels(part.options), shares(part.weights, len(part.options)), needs)
            self._options[id(part)] = known
        room = LIMIT_DEPTH - scope.depth
        return Pending(
            state=state,
            decision=Decision(
                name=state.trail[0].name(part.site),
                kind="alternative",
                labels=known.labels,
                weights=known.weights,
                allowed=tuple(hold and need <= room for hold, need in zip(holds, known.needs, strict=True)),
                stable=True,
            ),
            site=part.site,
            scope=scope,
            span=part.span,
            option=lambda index: BodyFrame(part.options[index], scope),
        )

    def _optional(self, state: State, part: syntax.Optional, scope: Scope) -> Pending:
        assert state.trail is not None
        return Pending(
            state=state,
            decision=Decision(
                name=state.trail[0].name(part.site),
                kind="optional",
                labels=(False, True),
                weights=(0.5, 0.5),
                allowed=(True, self._book.recursion.need(part.body) <= LIMIT_DEPTH - scope.depth),
                stable=True,
            ),
            site=part.site,
            scope=scope,
            span=part.span,
            option=lambda index: BodyFrame(part.body, scope) if index else None,
        )


def recorded(pending: Pending) -> bool:
    """Return True if a decision is recorded on a tape: all but those that never have two options."""
    return len(pending.decision.labels) > 1 or not pending.decision.stable


def _replayed(pending: Pending, tape: frames.Tape) -> int:
    """Return the option that a tied part's first derivation took here."""
    entry = tape[0] if tape else None
    if entry is not None and entry.site == pending.site:
        for index, label in enumerate(pending.decision.labels):
            if label == entry.label and type(label) is type(entry.label):
                return index
        offers = ", ".join(map(str, pending.decision.labels[:6]))
        problem = f"the first took {entry.label} for {entry.site}, a copy can only take {offers}"
    else:
        problem = f"a copy reaches {pending.site}, the first does not"
    raise shape_error(
        pending.state,
        pending.scope,
        pending.span,
        f"the copies of a tied part must be equal, but {problem}; make its repetitions and choices independent of 'in'",
    )


def _option_labels(options: tuple[syntax.Expression, ...]) -> tuple[str, ...]:
    """Return the called names if they differ, else the options' texts."""
    names = [option.name if isinstance(option, syntax.Call) else "" for option in options]
    return told_apart(
        [
            name if name and names.count(name) == 1 else expression_text(option)
            for option, name in zip(options, names, strict=True)
        ]
    )
