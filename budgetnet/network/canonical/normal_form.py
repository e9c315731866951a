"""A network as values that flow from its input to its output, however its tree is nested.

The same function can be written as many trees: a skip or branches beside an identity, one graph or several,
a layer with its activation or two layers. Here all of them become one list of values, each made by one plain
operation from earlier ones. What does nothing (identities, dropout of rate 0, a single repetition, a sum with
zeros) is gone, and sums within sums are one sum.
"""

from __future__ import annotations

from typing import assert_never

from budgetnet.grammar.syntax import Join
from budgetnet.network import nodes
from budgetnet.network.canonical.ordering import Value, describe
from budgetnet.network.nodes import Node

__all__ = ["Flow"]


class Flow:
    """Values in the order they are made; the first ones are the inputs."""

    def __init__(self, inputs: int = 1) -> None:
        self.values = [Value(f"input {position}", ()) for position in range(inputs)]
        self._known: dict[Value, int] = {}

    def apply(self, node: Node, inputs: tuple[int, ...]) -> int:
        """Append what *node* does to the values *inputs* and return the position of its result."""
        if isinstance(node, nodes.Graph):
            return self._graph(node, inputs)
        if isinstance(node, nodes.Sequence):
            for item in node.items:
                inputs = (self.apply(item, inputs),)
            return inputs[0]
        (entry,) = inputs
        match node:
            case nodes.Skip(body, project):
                shortcut = entry if project is None else self.apply(project, inputs)
                return self.join("add", [shortcut, self.apply(body, inputs)])
            case nodes.Parallel(branches, join):
                return self.join(join, [self.apply(branch, inputs) for branch in branches])
            case nodes.Split(branches, join):
                count = len(branches)
                slices = [entry]
                if count > 1:
                    slices = [self._add(Value(f"slice {place}/{count}", inputs)) for place in range(count)]
                pairs = zip(branches, slices, strict=True)
                return self.join(join, [self.apply(branch, (part,)) for branch, part in pairs])
            case nodes.Shared(body, times):
                return self._shared(body, times, entry)
            case _:
                return self._primitive(node, entry)

    def join(self, kind: Join, parts: list[int]) -> int:
        """Append a join; joins of the same kind within it are opened up, zeros leave a sum."""
        flat: list[int] = []
        for part in parts:
            value = self.values[part]
            flat.extend(value.inputs if value.operation == kind else (part,))
        if kind == "add":
            zeros = [part for part in flat if self.values[part].operation.startswith("zero")]
            flat = [part for part in flat if part not in zeros] or zeros[:1]
        if kind == "concat":
            flat = self._whole(flat)
        if len(flat) == 1:
            return flat[0]
        return self._add(Value(kind, tuple(flat if kind == "concat" else sorted(flat))))

    def _whole(self, parts: list[int]) -> list[int]:
        """All slices of one value in their order are that value."""
        operations = [self.values[part].operation for part in parts]
        sources = {self.values[part].inputs for part in parts}
        count = len(parts)
        if len(sources) == 1 and operations == [f"slice {position}/{count}" for position in range(count)]:
            return list(sources.pop())
        return parts

    def _add(self, value: Value) -> int:
        """Append a value, unless it is one that is known already."""
        if not value.weighted and not value.random:
            if value in self._known:
                return self._known[value]
            self._known[value] = len(self.values)
        self.values.append(value)
        return len(self.values) - 1

    def _one(self, operation: str, entry: int, *, weighted: bool = False, random: bool = False) -> int:
        return self._add(Value(operation, (entry,), weighted, random))

    # --- combinations -------------------------------------------------------------------------------

    def _graph(self, graph: nodes.Graph, inputs: tuple[int, ...]) -> int:
        known = dict(zip(graph.inputs, inputs, strict=True))

        def visit(term: nodes.GraphTerm) -> int:
            match term:
                case nodes.GraphName(name):
                    return known[name]
                case nodes.GraphApply(function, names):
                    return self.apply(function, tuple(known[name] for name in names))
                case nodes.GraphJoin(join, terms):
                    return self.join(join, [visit(inner) for inner in terms])
                case _:
                    assert_never(term)

        for binding in graph.bindings:
            known[binding.name] = visit(binding.term)
        return visit(graph.result)

    def _shared(self, body: Node, times: int, entry: int) -> int:
        inner = Flow()
        result = inner.apply(body, (0,))
        if times == 1 or not any(value.weighted for value in inner.values):
            for _ in range(times):
                entry = self.apply(body, (entry,))
            return entry
        last = inner.values[result]
        if last.operation.startswith("shared ") and last.inputs == (0,):
            _, more, text = last.operation.split(" ", 2)
            return self._one(f"shared {times * int(more)} {text}", entry, weighted=True)
        return self._one(f"shared {times} {describe(inner.values, result)!r}", entry, weighted=True)

    # --- primitives ---------------------------------------------------------------------------------

    def _primitive(self, node: nodes.Primitive, entry: int) -> int:
        match node:
            case nodes.Conv() | nodes.DepthwiseConv():
                return self._convolution(node, entry)
            case nodes.Linear():
                value = self._one(f"linear {node.features} {node.bias}", entry, weighted=True)
                return self._dropout(node.dropout, self._act(node.act, value))
            case nodes.MaxPool() | nodes.AvgPool():
                stride = node.kernel if isinstance(node.stride, str) else node.stride
                padding = (node.kernel - 1) // 2 if isinstance(node.padding, str) else node.padding
                if (node.kernel, stride, padding) == (1, 1, 0):
                    return entry
                name = "maxpool" if isinstance(node, nodes.MaxPool) else "avgpool"
                return self._one(f"{name} {node.kernel} {stride} {padding}", entry)
            case nodes.GlobalAvgPool():
                return self._one("gap", entry)
            case nodes.GlobalMaxPool():
                return self._one("gmp", entry)
            case nodes.Norm(kind, groups):
                return self._norm(kind, groups, entry)
            case nodes.Act(kind):
                return self._act(kind, entry)
            case nodes.Dropout(rate):
                return self._dropout(rate, entry)
            case nodes.SqueezeExcite():
                return self._one(f"se {node.reduction} {node.act} {node.gate}", entry, weighted=True)
            case nodes.Shuffle(groups):
                return entry if groups == 1 else self._one(f"shuffle {groups}", entry)
            case nodes.Identity():
                return entry
            case nodes.Zero(stride):
                return self._one(f"zero {stride}", entry)
            case nodes.Scale(init):
                return self._one(f"scale {init!r}", entry, weighted=True)
            case nodes.Pad(channels, stride):
                return self._one(f"pad {channels} {stride}", entry)
            case nodes.Custom(name, arguments):
                return self._one(f"custom {name} {arguments!r}", entry, weighted=True, random=True)
            case _:
                assert_never(node)

    def _convolution(self, node: nodes.Conv | nodes.DepthwiseConv, entry: int) -> int:
        for word in node.order.split():
            match word:
                case "conv":
                    entry = self._one(_convolution(node), entry, weighted=True)
                case "norm":
                    entry = self._norm(node.norm, 8, entry)
                case "act":
                    entry = self._act(node.act, entry)
                case _:
                    entry = self._dropout(node.dropout, entry)
        return entry

    def _norm(self, kind: str, groups: int, entry: int) -> int:
        if kind == "none":
            return entry
        return self._one(f"norm {kind} {groups}" if kind == "group" else f"norm {kind}", entry, weighted=True)

    def _act(self, kind: str, entry: int) -> int:
        again = kind in ("relu", "relu6") and self.values[entry].operation == f"act {kind}"
        return entry if kind == "none" or again else self._one(f"act {kind}", entry)

    def _dropout(self, rate: float, entry: int) -> int:
        return self._one(f"dropout {rate!r}", entry, random=True) if rate else entry


def _convolution(node: nodes.Conv | nodes.DepthwiseConv) -> str:
    dilation = node.dilation if node.kernel > 1 else 1
    padding = dilation * (node.kernel - 1) // 2 if isinstance(node.padding, str) else node.padding
    bias = node.norm == "none" if node.bias == "auto" else node.bias == "true"
    if isinstance(node, nodes.Conv):
        return f"conv {node.kernel} {node.channels} {node.stride} {dilation} {node.groups} {padding} {bias}"
    return f"dwconv {node.kernel} {node.multiplier} {node.stride} {dilation} {padding} {bias}"
