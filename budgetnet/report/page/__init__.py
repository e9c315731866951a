"""Reports as HTML pages: a study, or the trainings of one network."""
