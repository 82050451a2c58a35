"""What a visitor prefers."""

from app.views.base import Choice, View


class SettingsView(View):
    """The page of settings: ``settings.html``. All but the name is kept by the browser's script."""

    author: str
    is_proven: bool
    """Whether the name is that of a token, which no form changes."""
    why_not: str
    """Why the visitor may not write labels; empty when they may."""
    first: tuple[Choice, ...]
    """Columns for the first number of a card; the usual one is current."""
    second: tuple[Choice, ...]
    limits: tuple[Choice, ...]
    said: str
