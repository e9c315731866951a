"""Processes that train: messages, the pool, the environment they run in."""
