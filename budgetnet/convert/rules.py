"""A network's parts as text that people read."""

from __future__ import annotations

from budgetnet.convert.pieces import Piece, node_of
from budgetnet.network.text import network_text

__all__ = ["grammar_text"]


def grammar_text(part: Piece) -> str:
    """Return a network's parts as rules of the language."""
    return network_text(node_of(part))
