"""Derivation of repetitions: independent, tied (the same decisions) or shared (the same weights, too)."""

from __future__ import annotations

from typing import assert_never

from budgetnet.derivation.calls import is_stable
from budgetnet.derivation.decision import Decision
from budgetnet.derivation.frames import (
    BodyFrame,
    Cell,
    CloseShared,
    EndTied,
    EndTiedCopy,
    Frame,
    Path,
    RepeatFrame,
    TiedCopy,
    Trail,
)
from budgetnet.derivation.listeners import Listener
from budgetnet.derivation.state import LIMIT_DEPTH, Pending, Rulebook, State, Taping, shape_error, shapes_text, shares
from budgetnet.derivation.values import (
    fail,
    first_choice,
    is_constant,
    labels_of,
    options_of,
    substitute,
    value_of,
    whole,
)
from budgetnet.grammar import syntax
from budgetnet.grammar.checks.values import MOST_REPEATS

__all__ = ["begin_tied_copy", "close_shared", "end_tied", "end_tied_copy", "go_on_repeating"]

_COUNTED = syntax.Number(0)
"""Placeholder for both bounds once the count is known."""


def go_on_repeating(book: Rulebook, state: State, frame: RepeatFrame, listener: Listener) -> State | Pending:
    """Evaluate the bounds, choose the count, or start the next repetition."""
    if frame.remaining >= 0:
        return _again(book, state, frame, listener)
    for bound in (frame.low, frame.high):
        choice = first_choice(bound)
        if choice is not None:
            return _choose_bound(book, state, frame, choice)
    scope, span = frame.scope, frame.repeat.span
    width = state.shapes[0][0]
    low, high = (value_of(bound, scope, width, book.classes) for bound in (frame.low, frame.high))
    if not (whole(low) and whole(high)):
        raise fail(scope, span, f"a repetition needs whole numbers, but got {{{low}..{high}}}", state.path)
    if not 0 <= low <= high <= MOST_REPEATS:
        rule = f"a repetition {{m..n}} needs 0 <= m <= n <= {MOST_REPEATS}"
        raise fail(scope, span, f"{rule}, but got {{{low}..{high}}}", state.path)
    if low == high and is_constant(frame.repeat.low) and is_constant(frame.repeat.high):
        return _counted(book, state, frame, low)
    return _choose_count(book, state, frame, low, high)


def _choose_bound(book: Rulebook, state: State, frame: RepeatFrame, choice: syntax.Choice | syntax.Range) -> Pending:
    assert state.trail is not None
    options = options_of(choice, frame.scope, state.shapes[0][0], book.classes)

    def after(index: int) -> RepeatFrame:
        # In `{n}` one node is both bounds, so its choice is made once.
        low, high = (substitute(bound, choice, options[index]) for bound in (frame.low, frame.high))
        return frame._replace(low=low, high=high)

    return Pending(
        state=state,
        decision=Decision(
            name=state.trail[0].name(choice.site),
            kind="value",
            labels=labels_of(options),
            weights=shares(choice.weights if isinstance(choice, syntax.Choice) else (), len(options)),
            allowed=(True,) * len(options),
            stable=is_stable(choice),
        ),
        site=choice.site,
        scope=frame.scope,
        span=choice.span,
        option=after,
    )


def _choose_count(book: Rulebook, state: State, frame: RepeatFrame, low: int, high: int) -> State | Pending:
    assert state.trail is not None
    part, scope = frame.repeat, frame.scope
    if part.low is part.high or part.low == part.high:
        return _counted(book, state, frame, low)  # `{n}`: only n itself is chosen
    counts = tuple(range(low, high + 1))
    endless = book.recursion.need(part.body) > LIMIT_DEPTH - scope.depth

    def after(index: int) -> RepeatFrame | None:
        return RepeatFrame(part, scope, _COUNTED, _COUNTED, counts[index]) if counts[index] else None

    return Pending(
        state=state,
        decision=Decision(
            name=state.trail[0].name(part.site),
            kind="count",
            labels=counts,
            weights=shares((), len(counts)),
            allowed=tuple(count == 0 or not endless for count in counts),
            stable=is_constant(part.low) and is_constant(part.high),
        ),
        site=part.site,
        scope=scope,
        span=part.span,
        option=after,
    )


def _counted(book: Rulebook, state: State, frame: RepeatFrame, count: int) -> State:
    if not count:
        return book.replace(state)
    return book.replace(state, RepeatFrame(frame.repeat, frame.scope, _COUNTED, _COUNTED, count))


def _again(book: Rulebook, state: State, frame: RepeatFrame, listener: Listener) -> State:
    assert state.agenda is not None
    assert state.trail is not None
    part, scope, left = frame.repeat, frame.scope, frame.remaining - 1
    body = BodyFrame(part.body, scope)
    match part.mode:
        case "anew":
            path, trail = state.trail
            agenda: Cell | None = state.agenda.rest
            if left:
                agenda = book.cell(RepeatFrame(part, scope, _COUNTED, _COUNTED, left), agenda)
                trail = (Path(path.prefix, path.turns, path.next_turn + 1), trail)
            inside: Trail = (Path(path.prefix, f"{path.turns}[{path.next_turn}]"), trail)
            return State(
                book.cell(body, agenda), inside, state.shapes, state.tapings, state.factor, state.layers, state.nesting
            )
        case "tied":
            if not left:
                return book.replace(state, body)
            after = book.replace(state, body, EndTied(part, scope, left))
            return after._replace(tapings=(*state.tapings, Taping("record", ())))
        case "shared":
            if not left:
                return book.replace(state, body)
            close = CloseShared(part, scope, state.shapes, frame.remaining)
            after = book.enter(state, scope, part.span, body, close, state.shapes, frame.remaining)
            listener.begin()
            return after
        case _:
            assert_never(part.mode)


def end_tied(book: Rulebook, state: State, frame: EndTied) -> State:
    """Continue after the first derivation of a tied part: the copies follow."""
    tape = state.tapings[-1].tape
    copies: list[Frame] = [TiedCopy(frame.repeat, frame.scope, tape)] * frame.remaining
    return book.replace(state, *copies)._replace(tapings=state.tapings[:-1])


def begin_tied_copy(book: Rulebook, state: State, frame: TiedCopy) -> State:
    """Start a copy of a tied part."""
    after = book.replace(state, BodyFrame(frame.repeat.body, frame.scope), EndTiedCopy(frame.repeat, frame.scope))
    return after._replace(tapings=(*state.tapings, Taping("replay", frame.tape)))


def end_tied_copy(book: Rulebook, state: State, frame: EndTiedCopy) -> State:
    """End a copy of a tied part."""
    left = state.tapings[-1].tape
    if left:
        raise shape_error(
            state,
            frame.scope,
            frame.repeat.span,
            f"the copies of a tied part must be equal, but a copy does not reach {left[0].site}; "
            "make its repetitions and choices independent of 'in'",
        )
    return book.replace(state)._replace(tapings=state.tapings[:-1])


def close_shared(book: Rulebook, state: State, frame: CloseShared, listener: Listener) -> State:
    """Close a shared part."""
    if state.shapes != frame.entry:
        came = f"{shapes_text(frame.entry)} -> {shapes_text(state.shapes)}"
        raise shape_error(
            state, frame.scope, frame.repeat.span, f"a shared part must keep its input's shape, but got {came}"
        )
    listener.end()
    listener.shared(frame.times)
    return book.leave(state, state.shapes, frame.times)
