"""Generations of a study: what they are, and how earlier ones are read."""
