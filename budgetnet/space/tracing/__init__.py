"""Derivations followed to the next decision, each state once: where options lead, and what is added on the way."""
