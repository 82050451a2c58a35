"""Benchmarks that ship: every registered method on the same tokens in the same run, beside what knows nothing."""
