"""A network as values that flow from its input to its output, however its tree is nested.

The same function can be written as many trees: a skip or branches beside an identity, one graph or several,
a layer with its activation or two layers. Here all of them become one list of values, each made by one plain
operation from earlier ones. What does nothing (identities, dropout of rate 0, a single repetition, a sum with
zeros) is gone, and sums within sums are one sum.
"""

from __future__ import annotations

from functools import lru_cache

from budgetnet.grammar.graph import run_graph
from budgetnet.grammar.syntax import Join
from budgetnet.network import nodes
from budgetnet.network.canonical.flow import FlowValue, multiset_digest
from budgetnet.network.canonical.ordering import describe_flow
from budgetnet.network.nodes import Node
from budgetnet.ops.base import Step

__all__ = ["Flow"]


@lru_cache(maxsize=1 << 14)
def _known_steps(node: nodes.Primitive) -> tuple[Step, ...]:
    return node.steps()


class Flow:
    """Values in the order they are made; the first ones are the inputs."""

    def __init__(self, inputs: int = 1) -> None:
        self.values = [FlowValue(f"input {position}") for position in range(inputs)]
        self._known: dict[FlowValue, int] = {}
        self._joined: dict[tuple[Join, int], int] = {}
        """Sums and products by what they are made of, however it is nested."""
        self._terms: dict[int, int] = {}
        """Per sum or product, a digest of all its parts."""

    def apply(self, node: Node, inputs: tuple[int, ...]) -> int:
        """Append what *node* does to the values *inputs* and return the position of its result."""
        if isinstance(node, nodes.Graph):
            return run_graph(node, inputs, self.apply, self.join)
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
            case nodes.Split(branches=branches, join=join):
                count = len(branches)
                slices = [entry]
                if count > 1:
                    cuts = _slices(node.shares or (1,) * count)
                    slices = [self._add(FlowValue(cut, inputs)) for cut in cuts]
                pairs = zip(branches, slices, strict=True)
                return self.join(join, [self.apply(branch, (part,)) for branch, part in pairs])
            case nodes.Shared(body, times):
                return self._shared(body, times, entry)
            case _:
                return self._operation(node, entry)

    def join(self, kind: Join, parts: list[int]) -> int:
        """Append a join; zeros leave a sum, and what joins a join of its kind will be read as one."""
        if kind == "concat":
            return self._concatenation(parts)
        if kind == "mean":
            return self._one(f"times {1 / len(parts)!r}", self.join("add", parts))
        if kind == "add":
            zeros = [part for part in parts if self.values[part].operation.startswith("zero")]
            if zeros:
                parts = [part for part in parts if part not in zeros] or zeros[:1]
        if len(parts) == 1:
            return parts[0]
        same = [self._terms.get(part) if self.values[part].operation == kind else None for part in parts]
        digest = multiset_digest(
            [str(part) for part, inner in zip(parts, same, strict=True) if inner is None],
            [inner for inner in same if inner is not None],
        )
        known = self._joined.get((kind, digest))
        if known is None:
            known = self._joined[kind, digest] = len(self.values)
            self._terms[known] = digest
            self.values.append(FlowValue(kind, tuple(parts)))
        return known

    def _concatenation(self, parts: list[int]) -> int:
        flat: list[int] = []
        for part in parts:
            value = self.values[part]
            flat.extend(value.inputs if value.operation == "concat" else (part,))
        flat = self._whole(flat)
        return flat[0] if len(flat) == 1 else self._add(FlowValue("concat", tuple(flat)))

    def _whole(self, parts: list[int]) -> list[int]:
        """All slices of one value in their order are that value."""
        operations = [self.values[part].operation for part in parts]
        sources = {self.values[part].inputs for part in parts}
        if len(sources) == 1 and all(operation.startswith("slice ") for operation in operations):
            end, whole = 0, 0
            for operation in operations:
                place, _, total = operation.removeprefix("slice ").partition("/")
                start, _, share = place.partition("+")
                if int(start) != end or whole not in (0, int(total)):
                    return parts
                end, whole = int(start) + int(share or 1), int(total)
            if end == whole:
                return list(sources.pop())
        return parts

    def _add(self, value: FlowValue) -> int:
        """Append a value, unless it is one that is known already."""
        if not value.weighted and not value.random:
            if value in self._known:
                return self._known[value]
            self._known[value] = len(self.values)
        self.values.append(value)
        return len(self.values) - 1

    def _one(self, operation: str, entry: int, *, weighted: bool = False, random: bool = False) -> int:
        return self._add(FlowValue(operation, (entry,), weighted, random))

    # --- combinations -------------------------------------------------------------------------------

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
        return self._one(f"shared {times} {describe_flow(inner.values, result)!r}", entry, weighted=True)

    def _operation(self, node: nodes.Primitive, entry: int) -> int:
        # A study's own primitive may mean another thing in the next study.
        steps = node.steps() if isinstance(node, nodes.Custom) else _known_steps(node)
        for step in steps:
            if not (step.idempotent and self.values[entry].operation == step.text):
                entry = self._one(step.text, entry, weighted=step.weighted, random=step.random)
        return entry


def _slices(shares: tuple[int, ...]) -> list[str]:
    """Names of the slices: ``slice 1/4`` is the second of four units, ``slice 1+3/4`` has all but the first."""
    total, start = sum(shares), 0
    found: list[str] = []
    for share in shares:
        found.append(f"slice {start}/{total}" if share == 1 else f"slice {start}+{share}/{total}")
        start += share
    return found
