"""Work before trainings: the images are packed and described, candidates are timed where the budget bounds that."""
