"""Real services for tests, started and ended by them: a PostgreSQL and an S3 server, from packages of the index."""
