"""The version of the code, as the package says it."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("conceptoscope")
except PackageNotFoundError:  # imported from a source tree that was never installed
    VERSION = "0+unknown"
