"""Training dictionaries: one stream of tokens, any number of dictionaries, exact resume."""
