"""The atlas: the immutable, digest-named result for one dictionary on one collection."""
