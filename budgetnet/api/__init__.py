"""budgetnet from Python: the public names of `budgetnet`, and the pages that its commands print.

The command line calls these modules and nothing below them.
"""
