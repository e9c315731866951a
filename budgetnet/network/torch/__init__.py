"""A network as a torch module, and fvcore's count of it."""
