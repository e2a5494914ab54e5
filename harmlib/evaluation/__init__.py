"""Scoring methods and folders of results, the score table, and the statistics over it."""
