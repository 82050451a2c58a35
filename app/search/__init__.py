"""Search: what stands where, and why it was found. Each kind of thing has one finder; ``FINDERS`` lists them."""
