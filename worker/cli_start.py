"""The console script: says in one line what is missing where only the client is installed."""

import sys
from typing import Final

_OURS: Final = frozenset({"app", "migrations", "store", "worker"})
_MISSING: Final = (
    "conceptoscope: the programs are not installed here, only the Python client: pip install 'conceptoscope[web]'"
)


def main() -> None:
    """Run the command line."""
    try:
        from worker.cli import main as run
    except ModuleNotFoundError as fault:
        if fault.name is None or fault.name.partition(".")[0] in _OURS:
            raise
        sys.stderr.write(f"{_MISSING} (no module named '{fault.name}')\n")
        sys.exit(2)
    run()
