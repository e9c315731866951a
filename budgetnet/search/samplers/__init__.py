"""Samplers: where the next network comes from. Each is one class with the method of `base.Sampler`."""
