"""Decoding untrusted photos in processes that may do next to nothing, and may die."""
