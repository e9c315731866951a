"""`tune-recipe`: recipes compared on the same networks and seeds."""
