"""A network in int8 on a microcontroller: its kernels in the order they run, and the memory that they need at once."""
