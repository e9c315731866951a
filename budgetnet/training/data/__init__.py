"""Data sets as uint8 tensors in memory: published ones, image folders, the split."""
