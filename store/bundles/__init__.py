"""Bundles: one dictionary with its atlas and a card, as a file or folder that another store takes in."""
