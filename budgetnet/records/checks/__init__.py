"""Checks of what a database holds: damaged records are named, and the others are read."""
