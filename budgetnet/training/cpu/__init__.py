"""Faster ways through PyTorch on processors."""
