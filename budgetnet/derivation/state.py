"""State of a derivation between two steps, a pending decision, and the data shared by all steps of a machine."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from copy import copy
from typing import Literal, NamedTuple

from budgetnet.derivation.decision import Decision
from budgetnet.derivation.frames import Cell, Entry, Frame, Interner, Path, Scope, Shapes, Tape, Trail
from budgetnet.derivation.recursion import Recursion
from budgetnet.derivation.values import fail
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.grammar import syntax
from budgetnet.grammar.given import given_parts
from budgetnet.grammar.source import Span
from budgetnet.grammar.walk import walk
from budgetnet.network.dag import Instruction, instructions
from budgetnet.network.nodes import Primitive, Shape
from budgetnet.network.shapes import describe_shape
from budgetnet.ops.signature import Vocabulary

__all__ = [
    "LIMIT_DEPTH",
    "LIMIT_NESTING",
    "Pending",
    "Rulebook",
    "State",
    "Taping",
    "record",
    "shape_error",
    "shapes_text",
    "shares",
]

LIMIT_DEPTH = 12
"""Deepest nesting of calls of recursive rules."""
LIMIT_NESTING = 28
"""Deepest nesting of skips, branches, graphs and shared parts; deeper networks could not be written and read back."""


class Taping(NamedTuple):
    """Decisions that are to be taken again: of a tied repetition, or of a part that was passed as a parameter.

    A first derivation is recorded, the others replay it. A part that was passed has a place of its own while the rule
    runs that it was passed to: open before it is drawn, then drawn.
    """

    mode: Literal["record", "replay", "open", "drawn"]
    tape: Tape
    """Decisions recorded so far, or still to be replayed; all of them where drawn."""
    slot: int = -1
    """Place of a part that is recorded; -1 for others."""


class State(NamedTuple):
    """A derivation between two steps."""

    agenda: Cell | None
    trail: Trail | None
    shapes: Shapes
    tapings: tuple[Taping, ...] = ()
    """Tied repetitions and passed parts around the current part, outermost first."""
    factor: int = 1
    """Number of times the next part runs (product of the shared repetitions around it)."""
    layers: int = 0
    """Number of primitives so far."""
    nesting: int = 0
    """Number of open parts."""

    def key(self) -> Hashable:
        """Return a key; states with equal keys have equal futures (apart from the limits on a network's size)."""
        return id(self.agenda), self.shapes, self.tapings, self.factor

    @property
    def path(self) -> str:
        """Calls that led here, ``stage#2[0].block``."""
        return self.trail[0].prefix.rstrip(".") if self.trail else ""


class Pending(NamedTuple):
    """The machine stopped at a decision."""

    state: State
    """State before the decision; the first frame of its agenda is waiting."""
    decision: Decision
    """The decision with the machine's own mask: an option is allowed if its derivation can end."""
    site: str
    scope: Scope
    span: Span
    option: Callable[[int], Frame | None]
    """Returns the frame that replaces the waiting one if an option is chosen; None removes it."""

    def error(self, message: str) -> LanguageError:
        """Return an error that points at the decision's place in the text."""
        return fail(self.scope, self.span, message, self.state.path)


class Rulebook:
    """Rules of a grammar and the settings of its derivations, shared by all steps of a machine."""

    def __init__(
        self,
        grammar: syntax.Grammar,
        *,
        classes: int,
        vocabulary: Vocabulary,
        shape_of: Callable[[Primitive, Shape], Shape],
        interner: Interner | None,
    ) -> None:
        self.grammar = grammar
        self.rules = {rule.name: rule for rule in grammar.rules}
        self.classes = classes
        self.vocabulary = vocabulary
        self.shape_of = shape_of
        self.recursion = Recursion(grammar)
        self._programs: dict[
            int, tuple[Instruction[syntax.Expression], ...]
        ] = {}  # by identity; the grammar keeps its graphs alive
        self._asks: dict[int, bool] = {}
        self.parts = given_parts(grammar)
        """The parameters that are parts."""
        self.free_parts = False
        """True if such parts are drawn anew wherever they are named, for bounds on what may follow."""
        self.cell: Callable[[Frame, Cell | None], Cell] = Cell if interner is None else interner.push

    def interned(self, interner: Interner | None) -> Rulebook:
        """Return the same rulebook for a machine that interns its agendas with *interner*, or not at all."""
        shared = copy(self)
        shared.cell = Cell if interner is None else interner.push
        return shared

    def program(self, graph: syntax.Graph[syntax.Expression]) -> tuple[Instruction[syntax.Expression], ...]:
        """Return the graph's instructions."""
        known = self._programs.get(id(graph))
        if known is None:
            known = self._programs[id(graph)] = instructions(graph)
        return known

    def asks_entry(self, skip: syntax.SkipExpression) -> bool:
        """Return True if something inside a skip asks for the width at its entry."""
        known = self._asks.get(id(skip))
        if known is None:
            found = any(isinstance(node, syntax.Name) and node.id == "entry" for node in walk(skip))
            known = self._asks[id(skip)] = found
        return known

    def replace(self, state: State, *pushed: Frame, path: Path | None = None) -> State:
        """Replace the first frame by others; they take its path unless given one."""
        assert state.agenda is not None
        assert state.trail is not None
        agenda = state.agenda.rest
        own, trail = state.trail
        path = path or own
        for frame in reversed(pushed):
            agenda = self.cell(frame, agenda)
            trail = (path, trail)
        return State(agenda, trail, state.shapes, state.tapings, state.factor, state.layers, state.nesting)

    def enter(
        self, state: State, scope: Scope, span: Span, inside: Frame, behind: Frame, shapes: Shapes, factor: int = 1
    ) -> State:
        """Begin a part: *inside* derives it on *shapes*, *behind* closes it."""
        if state.nesting >= LIMIT_NESTING:
            raise fail(scope, span, f"parts nest at most {LIMIT_NESTING} deep, but this one nests deeper", state.path)
        after = self.replace(state, inside, behind)
        return State(
            after.agenda,
            after.trail,
            shapes,
            state.tapings,
            state.factor * factor,
            state.layers,
            state.nesting + 1,
        )

    def leave(self, state: State, shapes: Shapes, factor: int = 1) -> State:
        """Drop the first frame, which closed the last open part; *shapes* are the part's output."""
        assert state.agenda is not None
        assert state.trail is not None
        return State(
            state.agenda.rest,
            state.trail[1],
            shapes,
            state.tapings,
            state.factor // factor,
            state.layers,
            state.nesting - 1,
        )


def shares(weights: tuple[float, ...], count: int) -> tuple[float, ...]:
    """Return prior probabilities from the weights in the text; without weights they are equal."""
    total = sum(weights)
    return tuple(weight / total for weight in weights) if weights else (1.0 / count,) * count


def shape_error(state: State, scope: Scope, span: Span, message: str) -> ShapeError:
    """Return a shape error with its place in the text and in the network."""
    return ShapeError(str(fail(scope, span, message, state.path)))


def shapes_text(shapes: Shapes) -> str:
    """Return shapes as text: ``16×32×32``, several joined by "and"."""
    return " and ".join(map(describe_shape, shapes))


def record(tapings: tuple[Taping, ...], entry: Entry) -> tuple[Taping, ...]:
    """Advance the innermost replay and extend every recording inside it (or all of them).

    What is decided for a part belongs to it: repetitions between its place and here do not record it.
    """
    changed = list(tapings)
    position = len(changed) - 1
    while position >= 0:
        taping = changed[position]
        if taping.mode == "replay":
            changed[position] = taping._replace(tape=taping.tape[1:])
            break
        if taping.mode == "record":
            changed[position] = taping._replace(tape=(*taping.tape, entry))
            if taping.slot >= 0:
                position = taping.slot
        position -= 1
    return tuple(changed)
