"""A training recipe: its fields, presets and reading."""
