"""The alignment: the immutable, digest-named result of bringing two dictionaries' concepts together."""
