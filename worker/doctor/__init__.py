"""Examines the machine, the packages, the store and the work; every finding that is not good says what to do.

Nothing is written to the catalog, and nothing waits longer than a moment for what does not answer.
"""
