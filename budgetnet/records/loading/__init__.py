"""Reading many trials quickly: all of them by one query a table, and later only what is new."""
