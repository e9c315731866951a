"""Work that several processes share: who does what."""
