"""A graph of parts as a torch module."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from budgetnet.grammar.graph import Join, run_graph
from budgetnet.network.nodes import Graph, Node
from budgetnet.network.torch.modules import joined

__all__ = ["GraphModule"]


class GraphModule(nn.Module):
    """Runs a graph's bindings in order (cells as in NAS-Bench-201, arXiv 2001.00326, and DARTS, arXiv 1806.09055).

    Args:
        graph: names, joins and which operation is applied to what.
        operations: one module per application, in the order they run: bindings from the top,
            terms from the left, the result last.
    """

    def __init__(self, graph: Graph[Node], operations: Sequence[nn.Module]) -> None:
        super().__init__()
        self.graph = graph
        self.operations = nn.ModuleList(operations)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Map one tensor (N, C, H, W) per input of the graph to the result's tensor."""
        operations = iter(self.operations)
        result: Tensor = run_graph(self.graph, inputs, lambda _, entries: next(operations)(*entries), _join)
        return result


def _join(join: Join, terms: list[Tensor]) -> Tensor:
    return joined(terms, join)
