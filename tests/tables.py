"""Files of each data format, read by other readers than the one that wrote them."""

import csv
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from store.sheets import Format


def read(content: bytes, form: str) -> list[dict[str, Any]]:
    """Rows of a file, by another reader than the one that wrote it."""
    if form == Format.CSV:
        return list(csv.DictReader(io.StringIO(content.decode())))
    if form == Format.NDJSON:
        return [json.loads(line) for line in content.decode().splitlines()]
    if form == Format.PARQUET:
        return pq.read_table(io.BytesIO(content)).to_pylist()  # type: ignore[no-any-return]
    return pa.ipc.open_stream(content).read_all().to_pylist()  # type: ignore[no-any-return]
