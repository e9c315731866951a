"""Prints a network's layers as the Python expressions that construct them, one layer a line."""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from textwrap import indent

from budgetnet.grammar.graph import Join, run_graph
from budgetnet.network import nodes
from budgetnet.network.layer_walk import Box, Child, GraphBox
from budgetnet.network.nodes import Graph, Node, Shape
from budgetnet.network.torch.build import CustomModule, build_own
from budgetnet.ops.base import Spec

__all__ = ["LayerPrinter", "shape_words"]


def shape_words(shape: Shape) -> str:
    """``64 x 30 x 30`` for an image, ``10`` for a vector."""
    return " x ".join(map(str, shape))


class LayerPrinter:
    """Reads layers as lines of source, and remembers what else the text needs.

    Each layer is the lines of its constructor; the last ends in a comma and a comment with the output's shape.

    Args:
        custom: the study's own primitives by name.
    """

    def __init__(self, custom: Mapping[str, CustomModule]) -> None:
        self.helpers: set[str] = set()
        """Names of `budgetnet.network.torch.modules` that the text uses."""
        self.own_makers: dict[str, CustomModule] = {}
        """Classes and functions of the study's own primitives, by the name in the text."""
        self.params = 0
        """Parameters of all layers."""
        self._custom = custom
        self._graphs: dict[str, str] = {}

    @property
    def graphs(self) -> list[str]:
        """The classes of the graphs met so far, inner ones first; equal graphs have one class."""
        return [text.replace(_GRAPH, name, 1) for text, name in self._graphs.items()]

    def layer(self, spec: Spec) -> list[str]:
        """Print a plain layer."""
        for each in (spec, *(given for given in spec.arguments if isinstance(given, Spec))):
            if each.path == each.type:
                self.helpers.add(each.type)
        self.params += sum(row.params for _, row in spec.rows())
        return _lines(_call(spec), (), spec.output)

    def own(self, node: nodes.Custom, shape: Shape) -> tuple[list[str], Shape]:
        """Print a study's own primitive."""
        module, after = build_own(node, shape, self._custom)
        make = self._custom[node.name]
        name = getattr(make, "__name__", type(make).__name__)
        self.own_makers[name] = make
        self.params += sum(parameter.numel() for parameter in module.parameters())
        options = "".join(f", {key}={value!r}" for key, value in node.arguments)
        return _lines(f"{name}({shape!r}{options})", (), after), after

    def box(self, box: Box[list[str]]) -> list[str]:
        """Print a module that holds others."""
        self.helpers.add(box.type)
        inner = [line for child in box.children for line in _part(child)]
        for name, value in box.options:
            inner.append(f'{name}="{value}",' if isinstance(value, str) else f"{name}={value},")
        return _lines(box.type, inner, box.output)

    def graph(self, box: GraphBox[list[str]]) -> list[str]:
        """Print a graph as the call of a class of its own."""
        text = _graph_class(box.graph, [line for child in box.children for line in _part(child)])
        return _lines(f"{self._graphs.setdefault(text, f'Graph{len(self._graphs) + 1}')}()", (), box.output)


def _lines(opening: str, inner: Sequence[str], output: Shape) -> list[str]:
    comment = f"  # {shape_words(output)}"
    if not inner:
        return [f"{opening},{comment}"]
    return [f"{opening}(", *(indent(line, "    ") for line in inner), f"),{comment}"]


def _part(child: Child[list[str]]) -> list[str]:
    """A part inside a box as one expression."""
    match child.layers:
        case []:
            lines = _lines("nn.Identity()", (), child.output)
        case [lines]:
            pass
        case several:
            lines = _lines("nn.Sequential", [line for layer in several for line in layer], child.output)
    return [f"{child.name}={lines[0]}", *lines[1:]] if child.by_name else lines


def _call(spec: Spec) -> str:
    positional = [_call(given) if isinstance(given, Spec) else repr(given) for given in spec.arguments]
    named = [f"{name}={value!r}" for name, value in spec.options]
    return f"{spec.path}({', '.join([*positional, *named])})"


# --- graphs -----------------------------------------------------------------------------------------

_GRAPH = "Graph?"
"""Stands for the class's name until it is known whether the same class exists."""


def _graph_class(graph: Graph[Node], operations: list[str]) -> str:
    names = _variables(graph)
    steps: list[str] = []
    numbers = count()

    def apply(_: Node, inputs: tuple[_Formula, ...]) -> _Formula:
        return _Formula(f"self.operations[{next(numbers)}]({', '.join(value.text for value in inputs)})")

    def bind(name: str, value: _Formula) -> _Formula:
        steps.append(f"{names[name]} = {value.text}")
        return _Formula(names[name])

    inputs = [names[name] for name in graph.inputs]
    steps.append(f"return {run_graph(graph, list(map(_Formula, inputs)), apply, _joined, bind).text}")
    constructor = ["super().__init__()"]
    if operations:
        listed = (f"        {line}" for line in operations)
        constructor += ["self.operations = nn.ModuleList(", "    [", *listed, "    ]", ")"]
    else:
        constructor.append("self.operations = nn.ModuleList()")
    return "\n".join(
        [
            f"class {_GRAPH}(nn.Module):",
            f'    """Values computed from {" and ".join(inputs)}; operations are numbered in the order they run."""',
            "",
            "    def __init__(self) -> None:",
            *(f"        {line}" for line in constructor),
            "",
            f"    def forward(self, {', '.join(f'{name}: Tensor' for name in inputs)}) -> Tensor:",
            *(f"        {step}" for step in steps),
        ]
    )


def _variables(graph: Graph[Node]) -> dict[str, str]:
    """A Python variable for every value's name."""
    variables: dict[str, str] = {}
    for name in [*graph.inputs, *(bound.name for bound in graph.bindings)]:
        variable = name if name.isidentifier() else "value"
        while keyword.iskeyword(variable) or variable in ("self", "torch") or variable in variables.values():
            variable += "_"
        variables[name] = variable
    return variables


@dataclass(frozen=True, slots=True)
class _Formula:
    """A term of a graph as Python text."""

    text: str
    nested: bool = False
    """A sum or product, which is put in brackets inside another one."""


def _joined(join: Join, terms: list[_Formula]) -> _Formula:
    if join == "concat":
        return _Formula(f"torch.cat([{', '.join(term.text for term in terms)}], dim=1)")
    sign = " + " if join == "add" else " * "
    return _Formula(sign.join(f"({term.text})" if term.nested else term.text for term in terms), nested=True)
