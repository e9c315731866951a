"""From a grammar to one network: the machine that every derivation goes through.

The machine works in small steps on a `State`: what is still to be done (the agenda), and the shape at hand. It
runs by itself until something is left to choose, and stops there with a `Pending` decision. Who answers is the
caller's affair: a random draw, a replay of recorded decisions, Optuna, or a table that knows which
options still fit the budget. `expand` is the plain driver: one answer per decision, one network at the end.

A network file is a grammar without choices, so it is read by the same machine with a chooser that refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from budgetnet.derivation.frames import Scalar, Scope, Shapes
from budgetnet.derivation.listeners import Assembler
from budgetnet.derivation.machine import Machine, Pending
from budgetnet.derivation.values import fail
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.grammar import syntax as language
from budgetnet.network.cost.closed_form import shape_after
from budgetnet.network.cost.types import CustomForm
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.shapes import shape_text
from budgetnet.ops.signature import Vocabulary

__all__ = ["Chooser", "Decision", "Expansion", "Label", "decide", "expand", "output_shape", "refuse"]

Label = Scalar

_NO_FORMS: Mapping[str, CustomForm] = {}


@dataclass(frozen=True, slots=True)
class Decision:
    """Something left to choose, as a chooser sees it."""

    name: str
    """Unique within a derivation and stable across derivations: ``stage#2[0].block[1].kind``."""
    kind: Literal["alternative", "count", "optional", "value"]
    labels: tuple[Label, ...]
    """What the options are called in records."""
    weights: tuple[float, ...]
    """Prior probabilities; they sum to 1."""
    allowed: tuple[bool, ...]
    """False where a choice could not come to an end (recursion) or, for a budget-aware chooser, not fit."""
    stable: bool
    """Whether this name has these labels in every derivation (bounds computed from parameters may not)."""


Chooser = Callable[[Decision], int]
"""Answers a decision with the index of an allowed option."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """One complete derivation."""

    network: Node
    shape: Shape
    """Shape of the output, without the batch."""
    decisions: dict[str, Label]
    """In the order they were made."""


def expand(
    grammar: language.Grammar,
    *,
    input_shape: Shape,
    classes: int,
    vocabulary: Vocabulary,
    choose: Chooser,
    custom: Mapping[str, CustomForm] = _NO_FORMS,
    machine: Machine | None = None,
) -> Expansion:
    """Derive one network.

    Args:
        grammar: checked and labelled (`budgetnet.grammar.load`).
        input_shape: ``(channels, height, width)``.
        classes: the number of values the network must end with.
        vocabulary: the primitives, with the study's defaults.
        choose: called once per decision.
        custom: closed forms of the study's own primitives, by name.
        machine: reuse one for many derivations of the same grammar; it holds the other arguments.

    Raises:
        ShapeError: the derived network cannot be applied to its input, or does not end with ``classes`` values.
        LanguageError: an argument is outside its limits.
    """
    if machine is None:
        shape_of = partial(shape_after, custom=custom)
        machine = Machine(grammar, input_shape=input_shape, classes=classes, vocabulary=vocabulary, shape_of=shape_of)
    assembler = Assembler()
    decisions: dict[str, Label] = {}
    stop = machine.run(machine.start(), assembler)
    while isinstance(stop, Pending):
        decision = decide(stop)
        if choose is refuse:
            raise stop.error(_refusal(decision))
        index = choose(decision)
        if not decision.allowed[index]:
            raise stop.error(f"{decision.name}={decision.labels[index]} cannot come to an end; choose another option")
        decisions[decision.name] = decision.labels[index]
        stop = machine.run(machine.take(stop, index), assembler)
    try:
        shape = output_shape(stop, classes)
    except ShapeError as error:
        start = grammar.start
        raise ShapeError(str(fail(Scope(start), start.span, str(error)))) from None
    return Expansion(assembler.finish(), shape, decisions)


def decide(pending: Pending, allowed: tuple[bool, ...] | None = None) -> Decision:
    """Describe a pending decision to a chooser, with the machine's own or a caller's mask."""
    return Decision(
        pending.name, pending.kind, pending.labels, pending.weights, allowed or pending.allowed, pending.stable
    )


def output_shape(shapes: Shapes, classes: int) -> Shape:
    """Check that what a network ends with can be read as class scores, and return it.

    Raises:
        ShapeError: it cannot.
    """
    (shape,) = shapes
    if shape not in ((classes,), (classes, 1, 1)):
        raise ShapeError(
            f"the network ends with {shape_text(shape)}, but {classes} classes need {classes} values; "
            f"end it with: gap linear(classes)"
        )
    return shape


def refuse(decision: Decision) -> int:
    """A chooser for networks, which have nothing left to choose."""
    raise LanguageError(_refusal(decision))


def _refusal(decision: Decision) -> str:
    options = ", ".join(map(str, decision.labels[:6])) + (", …" if len(decision.labels) > 6 else "")
    return f"a network has nothing left to choose, but {decision.name} is one of {options}; write the one that is meant"
