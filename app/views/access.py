"""Who asks, what they may, and the page where a browser is signed in."""

from pydantic import Field

from app.views.base import View


class Right(View):
    """Something that a token can allow."""

    scope: str
    meaning: str


class AccessView(View):
    """Who asks, and what they may."""

    mode: str = Field(description="local, tokens or read-only-public")
    kind: str = Field(description="local, token, browser or anonymous")
    name: str | None = Field(description="name of the token")
    rights: tuple[Right, ...] = Field(description="what they may")
    expires_at: str | None = Field(description="RFC 3339, UTC; null without an end")


class LoginView(View):
    """The page where a token is shown."""

    access: AccessView
    every_right: tuple[Right, ...]
    going_on: str = Field(description="address to go on with")
    fault: str = ""
    said: str = ""
