"""A real web program over a filled store, as the client's own tests have it."""

from tests.conceptoscope.conftest import base, filled, numbers

__all__ = ["base", "filled", "numbers"]
