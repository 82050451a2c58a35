"""Makers: from an open atlas and the catalog to view models, for pages and API alike."""
