"""One self-contained page that shows a run: its shares, its features and what was read."""
