"""A study's own operations, from Python files."""
