"""Results as tables and pages: trials, networks, differences, the dashboard."""
