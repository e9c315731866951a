"""Keys of the files that users write: each is declared once, as a field of a dataclass."""
