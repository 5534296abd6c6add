"""Coded messages -> findings: comparisons, changes, sequences, traits, predictions."""
