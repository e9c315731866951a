"""Network files in plain PyTorch: the source of one network, and of the folder's ``network.py``."""
