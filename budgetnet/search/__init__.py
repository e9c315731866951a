"""The search: proposals, the loop over trials, finalists, full trainings."""
