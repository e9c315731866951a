"""Custom primitives, defined in a study's Python files."""
