"""What fits, before anything trains: counts, histograms, effects of decisions, sampled networks."""
