"""Drawings of networks: blocks as the grammar nests them, with shapes, skips, branches and shares of the parameters."""
