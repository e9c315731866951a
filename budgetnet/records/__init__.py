"""Records of a study: database, trials, trainings, ranking, lookup."""
