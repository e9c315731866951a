"""What is kept of trainings, trials and studies."""
