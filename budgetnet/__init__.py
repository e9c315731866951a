"""budgetnet finds the best small network that fits: a grammar of blocks, a budget, an honest search."""

__version__ = "0.1.0"
