"""Processes that train networks: what they are told, how they are kept at work, and the loop over them."""
