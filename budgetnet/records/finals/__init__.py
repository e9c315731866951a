"""Full trainings of a study's networks, and the network that they chose."""
