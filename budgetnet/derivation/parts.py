"""Derivation of parts that are passed as parameters: drawn where they are named first, the same wherever else.

While a rule runs that such parts were passed to, each of them has a place among the state's tapings. What is decided
where the part is named first is kept there and replayed at the other places, as for the copies of a tied repetition. So
the parts may stand far apart, on inputs of different shapes.
"""

from __future__ import annotations

from dataclasses import replace

from budgetnet.derivation.frames import BodyFrame, Cell, CloseParts, EndPart, Path, Trail
from budgetnet.derivation.state import Rulebook, State, Taping, shape_error
from budgetnet.derivation.values import GivenPart, Scope, fail
from budgetnet.grammar import syntax

__all__ = ["PassedParts", "close_parts", "end_part"]


class PassedParts:
    """Opens, names and derives the parts of one grammar."""

    def __init__(self, book: Rulebook) -> None:
        self._book = book
        self._calls: dict[tuple[int, str, str], syntax.Call] = {}

    def by(self, book: Rulebook) -> PassedParts:
        """Return the parts of another machine for the same grammar, with the same calls."""
        shared = PassedParts(book)
        shared._calls = self._calls
        return shared

    def open(self, state: State, scope: Scope, path: Path) -> State:
        """Start a rule some of whose parameters are parts.

        Args:
            state: before the call.
            scope: of the called rule; a part that the caller passes for the first time is a rule's name there.
            path: of the called rule.
        """
        book, rule = self._book, scope.rule
        names: list[str] = []
        values = list(scope.values)
        for position, parameter in enumerate(rule.parameters):
            value = values[position]
            if parameter.name in book.parts[rule.name] and not isinstance(value, GivenPart):
                values[position] = GivenPart(str(value), len(state.tapings) + len(names))
                names.append(parameter.name)
        body = BodyFrame(rule.body, replace(scope, values=tuple(values)))
        if not names or book.free_parts:
            return book.replace(state, body, path=path)
        after = book.replace(state, body, CloseParts(rule, tuple(names), len(state.tapings)), path=path)
        return after._replace(tapings=(*state.tapings, *[Taping("open", ())] * len(names)))

    def use(self, state: State, call: syntax.Call, scope: Scope) -> State:
        """Derive a part where it is named."""
        book = self._book
        place = next(index for index, entry in enumerate(scope.rule.parameters) if entry.name == call.name)
        part = scope.values[place]
        assert isinstance(part, GivenPart)
        rule = book.rules[str(part)]
        if book.free_parts:
            return book.replace(state, BodyFrame(self._call(call, rule, call.name), scope))
        mode = state.tapings[part.slot].mode if part.slot < len(state.tapings) else ""
        if mode not in ("open", "drawn"):
            # Copies of a tied part that are derived side by side do not know what was drawn around them.
            raise fail(scope, call.span, f"{call.name} was not passed here", state.path)
        name, path = _named(state, part)
        again = mode == "drawn"
        inside = BodyFrame(self._call(call, rule, name or call.name), scope)
        after = book.replace(state, inside, EndPart(part, again), path=path)
        taping = Taping("replay", state.tapings[part.slot].tape) if again else Taping("record", (), part.slot)
        return after._replace(tapings=(*state.tapings, taping))

    def _call(self, call: syntax.Call, rule: syntax.Rule, site: str) -> syntax.Call:
        """Return a part's call with its rule's name; the same one each time, as plans are kept by its identity."""
        key = id(call), rule.name, site
        known = self._calls.get(key)
        if known is None:
            known = self._calls[key] = replace(call, name=rule.name, site=site)
        return known


def _named(state: State, part: GivenPart) -> tuple[str, Path | None]:
    """Return the parameter that a part was first passed for, and the path of its rule: they name its decisions."""
    cell: Cell | None = state.agenda
    trail: Trail | None = state.trail
    while cell is not None and trail is not None:
        frame = cell.frame
        if isinstance(frame, CloseParts) and 0 <= part.slot - frame.first < len(frame.names):
            return frame.names[part.slot - frame.first], Path(trail[0].prefix)
        cell, trail = cell.rest, trail[1]
    return "", None


def end_part(book: Rulebook, state: State, frame: EndPart) -> State:
    """Continue after a part: keep what was decided, or check that a copy took all of it."""
    if book.free_parts:
        return book.replace(state)
    *tapings, last = state.tapings
    if not frame.again:
        tapings[frame.part.slot] = Taping("drawn", last.tape)
    elif last.tape:
        rule = book.rules[str(frame.part)]
        raise shape_error(
            state,
            Scope(rule),
            rule.span,
            f"a part that is passed must be the same everywhere, but a copy does not reach {last.tape[0].site}; "
            "make its repetitions and choices independent of 'in'",
        )
    return book.replace(state)._replace(tapings=tuple(tapings))


def close_parts(book: Rulebook, state: State, frame: CloseParts) -> State:
    """Continue after a rule that parts were passed to."""
    if book.free_parts:
        return book.replace(state)
    return book.replace(state)._replace(tapings=state.tapings[: frame.first])
