"""Networks that others wrote: a torch module of known layers becomes a network of the language."""
