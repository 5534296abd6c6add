"""Questions to a finished run: each answer is a table, a figure, a section of the report."""
