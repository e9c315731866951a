"""Analysis of a space before training: counts, histograms, effects of decisions, sampled networks."""
