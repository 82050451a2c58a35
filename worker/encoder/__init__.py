"""The encoder: a process of its own that answers at once what a photo holds, for the web program only."""
