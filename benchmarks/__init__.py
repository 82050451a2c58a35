"""Benchmarks: never timed tests, always paired or against a stated bar; run by ``make bench``."""
