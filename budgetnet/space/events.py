"""A network as the list of events that a machine would send while deriving it.

Layers are compared by what they do (`budgetnet.network.canonical.normal_form`): ``conv(3, 16)`` equals ``conv(3, 16,
act=none) act(relu)``
and ``conv(3, 16, padding=1)``, and what does nothing is no event. How a graph names its values does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from budgetnet.grammar import syntax as language
from budgetnet.grammar.graph import functions, run_graph
from budgetnet.network import nodes
from budgetnet.network.canonical.normal_form import Flow
from budgetnet.network.nodes import Node, Primitive
from budgetnet.network.text import network_text

__all__ = [
    "BEGIN",
    "END",
    "NetworkEvent",
    "events_of",
    "graph_event",
    "join_event",
    "layer_events",
    "shared_event",
    "skip_event",
]


@dataclass(frozen=True, slots=True)
class NetworkEvent:
    """One thing that a machine tells its listener; equal events have the same text."""

    what: str
    """Compared."""
    text: str
    """Readable text: ``conv(3, 16)``."""
    layer: bool = False
    """True if a printed layer begins with it."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NetworkEvent) and self.what == other.what

    def __hash__(self) -> int:
        return hash(self.what)


BEGIN = NetworkEvent("begin", "the start of a skip, branch or other part")
END = NetworkEvent("end", "the end of a part")


def events_of(node: Node) -> list[NetworkEvent]:
    """All events of a network, in the order in which a machine sends them."""
    found: list[NetworkEvent] = []
    _walk(node, found)
    return found


def _walk(node: Node, found: list[NetworkEvent]) -> None:
    match node:
        case nodes.Sequence(items):
            for item in items:
                _walk(item, found)
        case nodes.Skip(body, project):
            _part(body, found)
            if project is not None:
                _part(project, found)
            found.append(skip_event(projected=project is not None))
        case nodes.Parallel(branches, join) | nodes.Split(branches, join):
            for branch in branches:
                _part(branch, found)
            shares = node.shares if isinstance(node, nodes.Split) else ()
            found.append(join_event(isinstance(node, nodes.Split), join, len(branches), shares))
        case nodes.Shared(body, times):
            if times == 1:
                _walk(body, found)
            else:
                _part(body, found)
                found.append(shared_event(times))
        case nodes.Graph():
            for function in functions(node):
                _part(function, found)
            found.append(graph_event(node))
        case _:
            found.extend(layer_events(node))


def _part(node: Node, found: list[NetworkEvent]) -> None:
    found.append(BEGIN)
    _walk(node, found)
    found.append(END)


# --- single events ----------------------------------------------------------------------------------


@lru_cache(maxsize=1 << 16)
def layer_events(node: Primitive) -> tuple[NetworkEvent, ...]:
    """Return the operations of a primitive, step by step; none for an identity."""
    flow = Flow()
    flow.apply(node, (0,))
    text = " ".join(network_text(node).removeprefix("network =").split())
    return tuple(NetworkEvent(value.operation, text, place == 0) for place, value in enumerate(flow.values[1:]))


def skip_event(*, projected: bool) -> NetworkEvent:
    """A residual sum, after its parts."""
    return NetworkEvent(f"skip {projected}", "a skip with a projection" if projected else "a skip without a projection")


def join_event(split: bool, join: language.Join, count: int, shares: tuple[int, ...] = ()) -> NetworkEvent:
    """Branches joined, after them."""
    word = "split" if split else "parallel"
    cut = f" {':'.join(map(str, shares))}" if shares else ""
    return NetworkEvent(f"{word} {join} {count}{cut}", f"{word} of {count} branches{cut}, join={join}")


def shared_event(times: int) -> NetworkEvent:
    """A part applied several times, after it."""
    return NetworkEvent(f"shared {times}", f"a part shared {times} times")


def graph_event(graph: language.Graph[Any]) -> NetworkEvent:
    """A graph, after all that it applies."""
    lines: list[str] = []

    def bind(_: str, text: str) -> str:
        lines.append(text)
        return f"h{len(lines) - 1}"

    entries = [f"in{place}" for place in range(len(graph.inputs))]
    lines.append(run_graph(graph, entries, _apply_text, _join_text, bind))
    return NetworkEvent(f"graph {len(graph.inputs)} {'; '.join(lines)}", f"a graph of {len(lines)} steps")


def _apply_text(_: object, inputs: tuple[str, ...]) -> str:
    return f"apply({', '.join(inputs)})"


def _join_text(join: language.Join, terms: list[str]) -> str:
    return f"{join}({', '.join(terms)})"
