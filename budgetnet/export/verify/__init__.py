"""Verification of a handed-over folder: by a script that stands alone, and by budgetnet."""
