"""Processes that train networks: their messages, the pool, and the loop over its jobs."""
