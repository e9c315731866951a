"""A network as a folder that stands alone: source, weights, model card, checks."""
