"""What each torch operator is in the language, one file per family."""
