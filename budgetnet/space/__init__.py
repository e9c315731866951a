"""A grammar as a set of networks: draw, count, check, mutate, recognise. Loads no torch."""
