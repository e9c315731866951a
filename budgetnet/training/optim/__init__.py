"""Optimisers, weight averaging and initialisation."""
