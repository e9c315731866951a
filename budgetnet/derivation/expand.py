"""Derivation of one network from a grammar, for every kind of chooser.

The machine works in small steps on a `State`: the remaining work (the agenda) and the current shape. It runs until
there is something to choose, and stops there with a `Pending` decision. The caller answers it: with a random draw,
recorded decisions, Optuna, or a table of the options that still fit the budget. `expand` is the simple driver: one
answer per decision, one network at the end.

A network file is a grammar without choices, so the same machine reads it, with a chooser that refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from budgetnet.derivation.decision import Answer, Chooser, Decision, Label
from budgetnet.derivation.frames import Scope, Shapes
from budgetnet.derivation.listeners import Assembler
from budgetnet.derivation.machine import Machine, Pending
from budgetnet.derivation.origins import OriginAssembler, OriginMachine
from budgetnet.derivation.values import fail
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.grammar import syntax as language
from budgetnet.network.cost.closed_form import shape_after
from budgetnet.network.cost.types import CustomForm
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.shapes import describe_shape
from budgetnet.ops.signature import Vocabulary
from budgetnet.text import some_of

__all__ = ["Expansion", "expand", "output_shape", "refuse"]

_NO_FORMS: Mapping[str, CustomForm] = {}


@dataclass(frozen=True, slots=True)
class Expansion:
    """One complete derivation."""

    network: Node
    shape: Shape
    """Shape of the output, without the batch."""
    answers: tuple[Answer, ...]
    """Every decision with the option taken, in the order they were made."""
    origins: tuple[str, ...] = ()
    """The rule that made each node (`budgetnet.derivation.origins`); empty unless an `OriginMachine` derived it."""

    @property
    def decisions(self) -> dict[str, Label]:
        """Labels of the options taken, by decision name; replaying them derives the same network."""
        return {decision.name: decision.labels[index] for decision, index in self.answers}


def expand(
    grammar: language.Grammar,
    *,
    input_shape: Shape,
    classes: int,
    vocabulary: Vocabulary,
    choose: Chooser,
    custom: Mapping[str, CustomForm] = _NO_FORMS,
    machine: Machine | None = None,
    trace: bool = False,
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
        trace: note the origins of the nodes; a given machine decides it by its kind.

    Raises:
        ShapeError: if the network cannot be applied to its input, or does not end with ``classes`` values.
        LanguageError: if an argument is outside its limits.
    """
    if machine is None:
        kind = OriginMachine if trace else Machine
        shape_of = partial(shape_after, custom=custom)
        machine = kind(grammar, input_shape=input_shape, classes=classes, vocabulary=vocabulary, shape_of=shape_of)
    assembler = OriginAssembler() if isinstance(machine, OriginMachine) else Assembler()
    answers: list[Answer] = []
    stop = machine.run(machine.start(), assembler)
    while isinstance(stop, Pending):
        decision = stop.decision
        if choose is refuse:
            raise stop.error(_refusal(decision))
        index = choose(decision)
        if not decision.allowed[index]:
            raise stop.error(f"{decision.name}={decision.labels[index]} never ends; choose another option")
        answers.append(Answer(decision, index))
        stop = machine.run(machine.take(stop, index), assembler)
    try:
        shape = output_shape(stop, classes)
    except ShapeError as error:
        start = grammar.start
        raise ShapeError(str(fail(Scope(start), start.span, str(error)))) from None
    network = assembler.finish()
    origins = tuple(assembler.origins) if isinstance(assembler, OriginAssembler) else ()
    return Expansion(network, shape, tuple(answers), origins)


def output_shape(shapes: Shapes, classes: int) -> Shape:
    """Return the shape of a network's output, after checking that it can be read as class scores.

    Raises:
        ShapeError: if it cannot.
    """
    (shape,) = shapes
    if shape not in ((classes,), (classes, 1, 1)):
        raise ShapeError(
            f"the network ends with {describe_shape(shape)}, but {classes} classes need {classes} values; "
            f"end it with: gap linear(classes)"
        )
    return shape


def refuse(decision: Decision) -> int:
    """Refuse a decision: the chooser for network files, which contain no choices."""
    raise LanguageError(_refusal(decision))


def _refusal(decision: Decision) -> str:
    options = some_of(decision.labels, 6)
    return f"a network contains no choices, but {decision.name} is one of {options}; write one of them"
