"""Writes an alignment file; only the worker does, once."""

import json
from pathlib import Path
from typing import Any

from store.alignment.schema import SCHEMA
from store.duck import DuckWriter


class AlignmentWriter(DuckWriter):
    """A new alignment file; append columns to its tables in the order of their clustering."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, SCHEMA)

    def write_meta(self, facts: dict[str, Any]) -> None:
        """Write the facts of the ``meta`` table as JSON."""
        values = [json.dumps(value, sort_keys=True, allow_nan=False) for value in facts.values()]
        self.append("meta", {"key": list(facts), "value": values})
