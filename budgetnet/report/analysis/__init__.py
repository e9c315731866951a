"""Analyses of trials: the way to the best network, decisions, rules, rejections."""
