"""A graph's terms as a list of instructions, so that it can be stopped between two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, assert_never

from budgetnet.grammar.graph import Function, Graph, GraphApply, GraphJoin, GraphName, GraphTerm, Join
from budgetnet.network.nodes import Shape
from budgetnet.network.shapes import joined_shape

__all__ = ["Alias", "Apply", "Instruction", "JoinStep", "instructions", "settle"]


@dataclass(frozen=True, slots=True)
class Apply(Generic[Function]):
    """Run a part on named values."""

    function: Function
    inputs: tuple[str, ...]
    target: str


@dataclass(frozen=True, slots=True)
class JoinStep:
    """Join named values."""

    join: Join
    inputs: tuple[str, ...]
    target: str


@dataclass(frozen=True, slots=True)
class Alias:
    """Give a value a second name."""

    source: str
    target: str


Instruction = Apply[Function] | JoinStep | Alias


def instructions(graph: Graph[Function]) -> tuple[Instruction[Function], ...]:
    """Compile a graph; its result ends up under the name ``return``. Applications come in the order written."""
    program: list[Instruction[Function]] = []
    for binding in graph.bindings:
        _compile(binding.term, binding.name, program)
    _compile(graph.result, "return", program)
    return tuple(program)


def _compile(term: GraphTerm[Function], target: str, program: list[Instruction[Function]]) -> None:
    match term:
        case GraphName(name):
            program.append(Alias(name, target))
        case GraphApply(function, inputs):
            program.append(Apply(function, inputs, target))
        case GraphJoin(join, terms):
            names: list[str] = []
            for position, inner in enumerate(terms):
                if isinstance(inner, GraphName):
                    names.append(inner.id)
                else:
                    names.append(f"{target}.{position}")
                    _compile(inner, names[-1], program)
            program.append(JoinStep(join, tuple(names), target))
        case _:
            assert_never(term)


def settle(program: tuple[Instruction[Function], ...], position: int, shapes: dict[str, Shape]) -> int:
    """Carry out everything up to the next application and return its position, or the program's length.

    Raises:
        ShapeError: shapes do not fit a join.
    """
    while position < len(program):
        match program[position]:
            case Apply():
                return position
            case JoinStep(join, inputs, target):
                shapes[target] = joined_shape(join, tuple(shapes[name] for name in inputs))
            case Alias(source, target):
                shapes[target] = shapes[source]
        position += 1
    return position
