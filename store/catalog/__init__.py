"""The catalog: small, mutable, transactional facts. The only door to SQL on it."""
