"""Durable jobs: workers take them from the catalog, run each to its end whatever happens, and tell how it goes.

DBOS keeps the queues and recovers what a killed process has left; the catalog is what people and programs see.
"""
