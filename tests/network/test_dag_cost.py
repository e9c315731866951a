"""Peak memory of drawn networks against a plain simulation: one list of operations, every tensor's last reader."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, prod

from hypothesis import HealthCheck, given, settings

from budgetnet.network import nodes
from budgetnet.network.cost.closed_form import cost
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.shapes import builtin_shape, joined_shape
from tests.network.strategies import Drawn, networks


@dataclass(frozen=True)
class Value:
    """A tensor, or a slice of one."""

    tensor: int
    shape: Shape
    is_slice: bool = False


@dataclass
class Operation:
    """Reads values and writes one."""

    reads: list[Value]
    writes: Value | None
    how: str
    """``new``, ``in place``, ``over one`` (sums and products), ``concat`` or ``nothing``."""
    beside: int = 0
    """Values in small tensors that live during it only."""


@dataclass
class Program:
    """A network as a flat list of operations."""

    operations: list[Operation] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def value(self, shape: Shape) -> Value:
        """A new tensor."""
        self.sizes.append(prod(shape))
        return Value(len(self.sizes) - 1, shape)

    def add(self, how: str, reads: list[Value], shape: Shape, beside: int = 0) -> Value:
        """A new operation; returns what it writes."""
        made = self.value(shape)
        self.operations.append(Operation(reads, made, how, beside))
        return made

    def join(self, how: str, values: list[Value]) -> Value:
        """A sum, product or concatenation."""
        shape = joined_shape(how, tuple(value.shape for value in values))  # type: ignore[arg-type]
        return self.add("concat" if how == "concat" else "over one", values, shape)

    def run(self, node: Node, inputs: list[Value]) -> Value:
        """Append the operations of a part."""
        match node:
            case nodes.Sequence():
                for item in node.items:
                    inputs = [self.run(item, inputs)]
                return inputs[0]
            case nodes.Skip():
                body = self.run(node.body, inputs)
                shortcut = inputs[0] if node.project is None else self.run(node.project, inputs)
                return self.join("add", [body, shortcut])
            case nodes.Parallel():
                return self.join(node.join, [self.run(branch, inputs) for branch in node.branches])
            case nodes.Split():
                (entry,) = inputs
                shares = node.shares or (1,) * len(node.branches)
                unit = entry.shape[0] // sum(shares)
                views = [Value(entry.tensor, (unit * share, *entry.shape[1:]), is_slice=True) for share in shares]
                done = [self.run(branch, [view]) for branch, view in zip(node.branches, views, strict=True)]
                self.operations.append(Operation([entry], None, "nothing"))
                return self.join(node.join, done)
            case nodes.Shared():
                for _ in range(node.times):
                    inputs = [self.run(node.body, inputs)]
                return inputs[0]
            case nodes.Graph():
                known = dict(zip(node.inputs, inputs, strict=True))
                for bound in node.bindings:
                    known[bound.name] = self.term(bound.term, known)
                return self.term(node.result, known)
            case _:
                return self.primitive(node, inputs[0])

    def term(self, term: nodes.GraphTerm, known: dict[str, Value]) -> Value:
        """Append the operations of a graph's term."""
        match term:
            case nodes.GraphName():
                return known[term.id]
            case nodes.GraphApply():
                return self.run(term.function, [known[name] for name in term.inputs])
            case nodes.GraphJoin():
                return self.join(term.join, [self.term(inner, known) for inner in term.terms])

    def primitive(self, node: nodes.Primitive, entry: Value) -> Value:
        """Append a primitive's leaf layers."""
        if isinstance(node, nodes.SqueezeExcite):
            reduced = max(1, entry.shape[0] // node.reduction)
            self.operations.append(Operation([entry], None, "nothing", entry.shape[0] + reduced))
            return self.add("in place", [entry], entry.shape, entry.shape[0])
        output = builtin_shape(node, entry.shape)
        for row in (row for spec in node.specs(entry.shape) for _, row in spec.rows()):
            entry = self.add("in place" if row.in_place else "new", [entry], row.output)
        return Value(entry.tensor, output, entry.is_slice)  # layers between tokens have their own order of axes

    def peak(self, result: Value) -> int:
        """Most values alive at once."""
        last: dict[int, float] = {}
        for position, operation in enumerate(self.operations):
            for value in operation.reads:
                last[value.tensor] = position
        last[result.tensor] = inf
        alive = {0}
        peak = self.sizes[0]
        for position, operation in enumerate(self.operations):
            free = [value for value in operation.reads if last[value.tensor] == position and not value.is_slice]
            extra = operation.beside
            if operation.how == "over one":
                assert operation.writes is not None
                free = [value for value in free if prod(value.shape) == prod(operation.writes.shape)]
            if operation.how == "new" or (operation.how in ("in place", "over one") and not free):
                assert operation.writes is not None
                extra += self.sizes[operation.writes.tensor]
            if operation.how == "concat":
                for index, value in enumerate(operation.reads):
                    again = value.tensor in [before.tensor for before in operation.reads[:index]]
                    extra += prod(value.shape) if value not in free or again else 0
            peak = max(peak, sum(self.sizes[tensor] for tensor in alive) + extra)
            alive = {tensor for tensor in alive if last[tensor] > position}
            if operation.writes is not None and last.get(operation.writes.tensor, -1) > position:
                alive.add(operation.writes.tensor)
        return peak


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks())
def test_peak_memory_is_that_of_a_plain_simulation(drawn: Drawn) -> None:
    """What is worked out part by part equals what is seen when every tensor is followed through the whole network."""
    program = Program()
    result = program.run(drawn.network, [program.value(drawn.input_shape)])
    assert cost(drawn.network, drawn.input_shape).peak_activation_bytes == 4 * program.peak(result)
