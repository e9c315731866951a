"""The model of a study: features of networks, what brief and full trainings say of them, and what to train next."""
