"""Records of trainings, trials and studies."""
