"""Figures of an exploration for plotly.js, as pure functions of its results."""
