"""Optuna's dashboard over a study: a copy of its trials in memory, with what the dashboard shows well."""
