"""Advice about a grammar: options that never fit, rules that nothing reaches."""
