"""Operations: what stands at the leaves of a network, one file per family, and all that each says of itself."""
