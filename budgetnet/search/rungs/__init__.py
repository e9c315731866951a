"""Early stopping by a model: what a training will come to, and whether its network can still be among the best."""
