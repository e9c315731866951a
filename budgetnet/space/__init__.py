"""A grammar as a set of networks: draw, count, explore, mutate, hash and recognise. Nothing here imports torch."""
