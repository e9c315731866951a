"""Faults done to budgetnet's processes, databases and disks, and what survives: ``python -m tests.benchmarks.faults``."""
