"""Full trainings of a search: which networks get them, what they choose, and the final round."""
