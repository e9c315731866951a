"""Torch operators as words of the language, one file per family."""
