"""Watching the program: is it ready, and the numbers that Prometheus collects."""
