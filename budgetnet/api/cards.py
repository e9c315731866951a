"""How a notebook shows a network, a space and a cost: self-contained HTML, escaped, readable on light and dark pages.

The classes ask `budgetnet.text.notebook_html`, which knows nothing of them; `register` tells it what is written here.
"""

from __future__ import annotations

__all__ = ["register"]


def register() -> None:
    """Let notebooks show networks, spaces and costs."""
