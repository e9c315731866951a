"""Figures of studies and trainings: pure functions of records, shown by the report, the dashboard and other pages."""
