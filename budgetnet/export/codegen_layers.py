"""Prints built modules as the Python expressions that construct them, one layer a line."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping
from textwrap import indent

from torch import nn

from budgetnet.errors import ExportError
from budgetnet.network.nodes import Graph, GraphApply, GraphJoin, GraphName, GraphTerm, Shape
from budgetnet.network.torch.graph_module import GraphModule
from budgetnet.network.torch.modules import (
    ChannelPad,
    ChannelScale,
    ChannelShuffle,
    LayerNorm2d,
    Parallel,
    Residual,
    SharedStack,
    Split,
    SqueezeExcite,
    Zero,
)

__all__ = ["LayerPrinter", "shape_words"]


def shape_words(shape: Shape) -> str:
    """``64 x 30 x 30`` for an image, ``10`` for a vector."""
    return " x ".join(map(str, shape))


class LayerPrinter:
    """Prints modules and remembers which helper classes the text needs.

    Args:
        shapes: the output's shape of every module, by the module's id.
        calls: the text of every call that made a study's own primitive, by the module's id.
    """

    def __init__(self, shapes: Mapping[int, Shape], calls: Mapping[int, str]) -> None:
        self.helpers: set[str] = set()
        """Names of `budgetnet.network.torch.modules` that the text uses."""
        self._shapes = shapes
        self._calls = calls
        self._graphs: dict[str, str] = {}

    @property
    def graphs(self) -> list[str]:
        """The classes of the graphs met so far, inner ones first; equal graphs have one class."""
        return [text.replace(_GRAPH, name, 1) for text, name in self._graphs.items()]

    def lines(self, module: nn.Module, prefix: str = "") -> list[str]:
        """The module's constructor as lines that end in a comma and a comment with the output's shape."""
        open_text, *inner = self._printed(module)
        comment = f"  # {shape_words(self._shapes[id(module)])}" if id(module) in self._shapes else ""
        if not inner:
            return [f"{prefix}{open_text},{comment}"]
        return [f"{prefix}{open_text}(", *(indent(line, "    ") for line in inner), f"),{comment}"]

    def _printed(self, module: nn.Module) -> list[str]:
        """A whole expression; or a callable's name and the lines of its arguments."""
        call = self._calls.get(id(module))
        if call is not None:
            return [call]
        if not type(module).__module__.startswith("torch."):
            self.helpers.add(type(module).__name__)
        match module:
            case nn.Sequential():
                return ["nn.Sequential", *self._all(module)] if len(module) else ["nn.Sequential()"]
            case Residual():
                shortcut = [] if module.shortcut is None else self.lines(module.shortcut, "shortcut=")
                return ["Residual", *self.lines(module.body), *shortcut]
            case Parallel() | Split():
                return [type(module).__name__, *self._all(module.branches), f'join="{module.join}",']
            case SharedStack():
                return ["SharedStack", *self.lines(module.body), f"times={module.times},"]
            case GraphModule():
                self.helpers.discard("GraphModule")
                text = _graph_class(module.graph, list(self._all(module.operations)))
                return [f"{self._graphs.setdefault(text, f'Graph{len(self._graphs) + 1}')}()"]
            case _:
                return [_leaf(module)]

    def _all(self, modules: nn.Sequential | nn.ModuleList) -> Iterator[str]:
        for module in modules:
            yield from self.lines(module)


def _leaf(module: nn.Module) -> str:
    match module:
        case nn.Conv2d():
            return _convolution(module)
        case nn.Linear():
            return _call(module, module.in_features, module.out_features, bias=(module.bias is not None, True))
        case nn.BatchNorm2d():
            return _call(module, module.num_features)
        case nn.GroupNorm():
            return _call(module, module.num_groups, module.num_channels)
        case LayerNorm2d():
            return _call(module, module.normalized_shape[0])
        case nn.Dropout():
            return _call(module, module.p)
        case nn.MaxPool2d() | nn.AvgPool2d():
            return _call(
                module,
                module.kernel_size,
                stride=(module.stride, module.kernel_size),
                padding=(module.padding, 0),
            )
        case nn.AdaptiveAvgPool2d() | nn.AdaptiveMaxPool2d():
            return _call(module, module.output_size)
        case SqueezeExcite():
            widths = (module.reduce.in_channels, module.reduce.out_channels)
            return f"SqueezeExcite({widths[0]}, {widths[1]}, {_leaf(module.act)}, {_leaf(module.gate)})"
        case ChannelShuffle():
            return _call(module, module.groups)
        case ChannelScale():
            return _call(module, len(module.weight), init=(module.init, 1.0))
        case ChannelPad():
            return _call(module, module.extra, stride=(module.stride, 1))
        case Zero():
            return _call(module, stride=(module.stride, 1))
        case nn.Identity() | nn.Flatten():
            return _call(module)
        case _ if type(module) in _ACTIVATIONS:
            return _call(module)
        case _:
            kind = type(module).__name__
            raise ExportError(f"no Python text is known for a {kind}; give it as a primitive of the study")


_ACTIVATIONS = (
    nn.GELU,
    nn.Hardsigmoid,
    nn.Hardswish,
    nn.LeakyReLU,
    nn.ReLU,
    nn.ReLU6,
    nn.Sigmoid,
    nn.SiLU,
    nn.Tanh,
)
"""Built with torch's defaults, so that the bare call says it all."""


def _convolution(module: nn.Conv2d) -> str:
    return _call(
        module,
        module.in_channels,
        module.out_channels,
        module.kernel_size[0],
        stride=(module.stride[0], 1),
        padding=(_first(module.padding), 0),
        dilation=(module.dilation[0], 1),
        groups=(module.groups, 1),
        bias=(module.bias is not None, True),
    )


def _first(padding: str | tuple[int, ...]) -> int:
    assert not isinstance(padding, str)
    return padding[0]


def _call(module: nn.Module, *positional: object, **named: tuple[object, object]) -> str:
    """A constructor's call; a named argument is a value and its default, and is left out where they agree."""
    kind = type(module)
    path = f"nn.{kind.__name__}" if kind.__module__.startswith("torch.") else kind.__name__
    options = [f"{name}={value!r}" for name, (value, default) in named.items() if value != default]
    return f"{path}({', '.join([*map(repr, positional), *options])})"


# --- graphs -----------------------------------------------------------------------------------------

_GRAPH = "Graph?"
"""Stands for the class's name until it is known whether the same class exists."""


def _graph_class(graph: Graph, operations: list[str]) -> str:
    names = _variables(graph)
    counter = iter(range(len(operations) + 1))
    steps = [f"{names[bound.name]} = {_term(bound.term, names, counter)}" for bound in graph.bindings]
    steps.append(f"return {_term(graph.result, names, counter)}")
    inputs = [names[name] for name in graph.inputs]
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


def _variables(graph: Graph) -> dict[str, str]:
    """A Python variable for every value's name."""
    variables: dict[str, str] = {}
    for name in [*graph.inputs, *(bound.name for bound in graph.bindings)]:
        variable = name if name.isidentifier() else "value"
        while keyword.iskeyword(variable) or variable in ("self", "torch") or variable in variables.values():
            variable += "_"
        variables[name] = variable
    return variables


def _term(term: GraphTerm, names: Mapping[str, str], counter: Iterator[int]) -> str:
    match term:
        case GraphName():
            return names[term.id]
        case GraphApply():
            return f"self.operations[{next(counter)}]({', '.join(names[name] for name in term.inputs)})"
        case GraphJoin():
            inner = [_term(part, names, counter) for part in term.terms]
            if term.join == "concat":
                return f"torch.cat([{', '.join(inner)}], dim=1)"
            sums = [isinstance(part, GraphJoin) and part.join != "concat" for part in term.terms]
            sign = " + " if term.join == "add" else " * "
            return sign.join(f"({text})" if nested else text for text, nested in zip(inner, sums, strict=True))
