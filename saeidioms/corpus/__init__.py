"""Conversations of any common form, read into one table of units."""
