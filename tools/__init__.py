"""Programs for those who work on budgetnet: they write reference pages and schemas. Not in the wheel."""
