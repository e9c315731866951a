"""Graphs, ``graph { h = a(x); return h + x }``: values computed from named values, in grammars and in networks.

Both have the same classes; they differ in what a graph applies, an expression of the grammar or a node of the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar, assert_never

from budgetnet.grammar.source import NOWHERE, Span

__all__ = [
    "Binding",
    "Graph",
    "GraphApply",
    "GraphJoin",
    "GraphName",
    "GraphTerm",
    "Join",
    "functions",
    "rebuild",
    "run_graph",
]

Join = Literal["add", "concat", "mul", "mean"]
"""``mean`` joins branches; a graph has ``scale(0.5, learned=false)(a + b)`` for it."""

Function = TypeVar("Function")
"""Type of the functions that a graph applies."""
_Other = TypeVar("_Other")
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class GraphName:
    """A value inside a graph, by name."""

    id: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GraphApply(Generic[Function]):
    """``a(h1)`` or, for a part that is itself a graph of two inputs, ``cell(h1, h2)``."""

    function: Function
    inputs: tuple[str, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    input_spans: tuple[Span, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GraphJoin(Generic[Function]):
    """``t + u`` (add), ``t * u`` (mul) or ``concat(t, u)`` of two or more terms."""

    join: Join
    terms: tuple[GraphTerm[Function], ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


GraphTerm = GraphName | GraphApply[Function] | GraphJoin[Function]


@dataclass(frozen=True, slots=True)
class Binding(Generic[Function]):
    """``h1 = term`` inside a graph; each name is bound once and used only below."""

    name: str
    term: GraphTerm[Function]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Graph(Generic[Function]):
    """A directed acyclic graph of parts, ``graph(p, q) { … }`` with named inputs (default: x)."""

    inputs: tuple[str, ...]
    bindings: tuple[Binding[Function], ...]
    result: GraphTerm[Function]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


def functions(graph: Graph[Function]) -> Iterator[Function]:
    """Yield what a graph applies, in the order it runs: bindings from the top, terms from the left, the result last."""
    todo = [graph.result, *(binding.term for binding in reversed(graph.bindings))]
    while todo:
        match todo.pop():
            case GraphApply(function):
                yield function
            case GraphJoin(_, terms):
                todo.extend(reversed(terms))
            case _:
                pass


def rebuild(graph: Graph[Function], change: Callable[[Function], _Other]) -> Graph[_Other]:
    """Return the graph with everything that it applies changed, in the order it runs."""

    def visit(term: GraphTerm[Function]) -> GraphTerm[_Other]:
        match term:
            case GraphName():
                return term
            case GraphApply():
                return GraphApply(change(term.function), term.inputs, term.span, term.input_spans)
            case GraphJoin():
                return GraphJoin(term.join, tuple(map(visit, term.terms)), term.span)
            case _:
                assert_never(term)

    bindings = tuple(Binding(binding.name, visit(binding.term), binding.span) for binding in graph.bindings)
    return Graph(graph.inputs, bindings, visit(graph.result), graph.span)


def run_graph(
    graph: Graph[Function],
    inputs: Sequence[_Value],
    apply: Callable[[Function, tuple[_Value, ...]], _Value],
    join: Callable[[Join, list[_Value]], _Value],
    bind: Callable[[str, _Value], _Value] = lambda _, value: value,
) -> _Value:
    """Run a graph on values of any kind (shapes, tensors, texts) and return its result.

    Args:
        graph: its bindings run from the top, terms from the left, the result last.
        inputs: a value for each of its inputs.
        apply: applies a part to values.
        join: joins values.
        bind: called with a name and the value just computed for it; returns what the name stands for from then on.
    """
    known = dict(zip(graph.inputs, inputs, strict=True))

    def visit(term: GraphTerm[Function]) -> _Value:
        match term:
            case GraphName():
                return known[term.id]
            case GraphApply():
                return apply(term.function, tuple(known[name] for name in term.inputs))
            case GraphJoin():
                return join(term.join, [visit(inner) for inner in term.terms])
            case _:
                assert_never(term)

    for binding in graph.bindings:
        known[binding.name] = bind(binding.name, visit(binding.term))
    return visit(graph.result)
