"""The canonical form of a network: equal networks have equal hashes. Loads no torch."""
