"""Exact numbers of networks by cost: a dynamic program over derivation states."""
