"""The operations of the language, a file per family: signature, shape rule, cost, layers. Loads no torch."""
