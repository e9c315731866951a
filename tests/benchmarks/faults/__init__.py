"""Faults done to processes, databases and disks, and what survives: ``python -m tests.benchmarks.faults``."""
