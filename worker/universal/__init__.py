"""Universal dictionaries: one code space over the same images as several models see them."""
