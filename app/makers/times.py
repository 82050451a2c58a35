"""Moments as people and programs read them."""

from datetime import datetime


def moment(value: datetime | None) -> str | None:
    """RFC 3339 with seconds."""
    return value.isoformat(timespec="seconds") if value else None


def between(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds, not below 0 even where a clock was set back."""
    return max((end - start).total_seconds(), 0.0) if start and end else None
