"""The derivation of one network from a grammar: states, frames, values, decisions. Loads no torch."""
