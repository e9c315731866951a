"""The state of a derivation between two steps, a pending decision, and what all steps of one machine share."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Literal, NamedTuple

from budgetnet.derivation.decision import Decision
from budgetnet.derivation.frames import Cell, Entry, Frame, Interner, Path, Scope, Shapes, Tape, Trail
from budgetnet.derivation.recursion import Recursion
from budgetnet.derivation.values import fail
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.grammar import syntax
from budgetnet.grammar.source import Span
from budgetnet.network.dag import Instruction, instructions
from budgetnet.network.nodes import Primitive, Shape
from budgetnet.network.shapes import shape_text
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
"""Deepest nesting of skips, branches, graphs and shared parts; deeper ones could not be written down and read again."""


class Taping(NamedTuple):
    """A tied repetition at work: recording its first derivation, or replaying it."""

    mode: Literal["record", "replay"]
    tape: Tape
    """Decisions recorded so far, or still to be replayed."""


class State(NamedTuple):
    """A derivation between two steps."""

    agenda: Cell | None
    trail: Trail | None
    shapes: Shapes
    tapings: tuple[Taping, ...] = ()
    """Tied repetitions around the part at hand, outermost first."""
    factor: int = 1
    """How often what comes next runs (product of the shared repetitions around it)."""
    layers: int = 0
    """Primitives so far."""
    nesting: int = 0
    """Parts begun and not ended."""

    def key(self) -> Hashable:
        """Two states with one key have the same future (as far as the limits on a network's size allow)."""
        return id(self.agenda), self.shapes, self.tapings, self.factor

    @property
    def path(self) -> str:
        """The calls that led here, ``stage#2[0].block``."""
        return self.trail[0].prefix.rstrip(".") if self.trail else ""


class Pending(NamedTuple):
    """The machine has stopped at a decision."""

    state: State
    """The state before it; its agenda's first frame is what waits."""
    decision: Decision
    """With the machine's own mask: an option is allowed if its derivation can come to an end."""
    site: str
    scope: Scope
    span: Span
    option: Callable[[int], Frame | None]
    """The frame that takes the waiting one's place if an option is chosen (None: nothing)."""

    def error(self, message: str) -> LanguageError:
        """Return an error that points at the decision's place in the text."""
        return fail(self.scope, self.span, message, self.state.path)


class Rulebook:
    """What all steps of one machine share: the rules and the setting they are derived in."""

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
        self.cell: Callable[[Frame, Cell | None], Cell] = Cell if interner is None else interner.push

    def program(self, graph: syntax.Graph[syntax.Expression]) -> tuple[Instruction[syntax.Expression], ...]:
        """The graph's instructions."""
        known = self._programs.get(id(graph))
        if known is None:
            known = self._programs[id(graph)] = instructions(graph)
        return known

    def replace(self, state: State, *pushed: Frame, path: Path | None = None) -> State:
        """Put other frames in the place of the first one; they take its path unless given one."""
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
            raise fail(scope, span, f"parts are nested deeper than {LIMIT_NESTING}", state.path)
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
        """Drop the first frame, which closed the part begun last; *shapes* go on."""
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
    """Prior probabilities from the weights in the text; none mean equal ones."""
    total = sum(weights)
    return tuple(weight / total for weight in weights) if weights else (1.0 / count,) * count


def shape_error(state: State, scope: Scope, span: Span, message: str) -> ShapeError:
    """Return an error about shapes that says where in the text and in the network it arose."""
    return ShapeError(str(fail(scope, span, message, state.path)))


def shapes_text(shapes: Shapes) -> str:
    """``16×32×32``, or several of them."""
    return " and ".join(map(shape_text, shapes))


def record(tapings: tuple[Taping, ...], entry: Entry) -> tuple[Taping, ...]:
    """Advance the innermost replay and extend every recording inside it (or all of them)."""
    changed = list(tapings)
    for position in reversed(range(len(changed))):
        mode, tape = changed[position]
        if mode == "replay":
            changed[position] = Taping("replay", tape[1:])
            break
        changed[position] = Taping("record", (*tape, entry))
    return tuple(changed)
