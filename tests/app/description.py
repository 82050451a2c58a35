"""The OpenAPI description as docs/openapi.json has it: one line for each address and part, so that changes show."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from app.main import make_app
from store.settings import Settings


def written(description: dict[str, Any]) -> str:
    """The description as text."""
    head = {name: value for name, value in description.items() if name not in ("paths", "components")}
    parts = {"paths": description["paths"]} | {f"components.{k}": v for k, v in description["components"].items()}
    lines = [json.dumps(head)]
    for part, entries in parts.items():
        lines += [json.dumps({part: {name: entry}}, sort_keys=True) for name, entry in sorted(entries.items())]
    return "\n".join(lines) + "\n"


def described() -> dict[str, Any]:
    """That of the program as it is now; no store is needed for it."""
    with tempfile.TemporaryDirectory() as folder:
        return make_app(Settings(store=Path(folder))).openapi()


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(written(described()), encoding="utf-8")
