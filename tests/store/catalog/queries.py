"""What the catalog's database is asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


@contextmanager
def asked(of: type[Engine] | Engine = Engine) -> Iterator[list[str]]:
    """All statements that are executed meanwhile, by one engine or by any."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(of, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(of, "before_cursor_execute", note)
