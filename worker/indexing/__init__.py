"""Indexing: one pass over the tokens turns a dictionary into an atlas."""
