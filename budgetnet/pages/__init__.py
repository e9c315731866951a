"""Pages and cards that budgetnet writes: templates, figures and the frame of a self-contained HTML page."""
