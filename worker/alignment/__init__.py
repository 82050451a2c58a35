"""The alignment of two dictionaries: one pass over the same images, then who is whose counterpart."""
