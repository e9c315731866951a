"""Checks of a grammar before any derivation: calls, values, names, inputs of graphs."""
