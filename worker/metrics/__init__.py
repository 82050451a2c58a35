"""Judging dictionaries on held-out tokens."""
