"""The pages that commands print: what the public functions return, as lines for people and as a JSON document.

Each function does what its command asks for and returns a `Printout`; the command line has only to print it.
"""
