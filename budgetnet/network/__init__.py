"""One network as a tree of operations: shapes, budgets, text, costs, canonical form, torch module."""
