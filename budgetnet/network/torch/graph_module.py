"""A graph of parts as a torch module."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor, nn

from budgetnet.network.nodes import Graph, GraphApply, GraphJoin, GraphName, GraphTerm
from budgetnet.network.torch.modules import joined

__all__ = ["GraphModule"]


class GraphModule(nn.Module):
    """Runs a graph's bindings in order (cells as in NAS-Bench-201, arXiv 2001.00326, and DARTS, arXiv 1806.09055).

    Args:
        graph: names, joins and which operation is applied to what.
        operations: one module per application, in the order they run: bindings from the top,
            terms from the left, the result last.
    """

    def __init__(self, graph: Graph, operations: Sequence[nn.Module]) -> None:
        super().__init__()
        self.graph = graph
        self.operations = nn.ModuleList(operations)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Map one tensor (N, C, H, W) per input of the graph to the result's tensor."""
        values = dict(zip(self.graph.inputs, inputs, strict=True))
        operations = iter(self.operations)
        for binding in self.graph.bindings:
            values[binding.name] = _evaluate(binding.term, values, operations)
        return _evaluate(self.graph.result, values, operations)


def _evaluate(term: GraphTerm, values: dict[str, Tensor], operations: Iterator[nn.Module]) -> Tensor:
    match term:
        case GraphName():
            return values[term.id]
        case GraphApply():
            result: Tensor = next(operations)(*(values[name] for name in term.inputs))
            return result
        case GraphJoin():
            return joined([_evaluate(inner, values, operations) for inner in term.terms], term.join)
