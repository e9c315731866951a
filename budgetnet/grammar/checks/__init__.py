"""Checks of a grammar before anything is derived: calls, values, names, inputs of graphs."""
