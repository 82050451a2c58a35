"""Browsers: signed in by a token, kept by a cookie, out of reach of other sites."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import select
from starlette.testclient import TestClient

from app.access.browsers import COOKIE, SAFE_COOKIE
from app.api import routers as api_routers
from app.makers.access import MEANINGS, inside
from app.pages import routers as page_routers
from store.catalog.tables import ApiToken, BrowserSession
from store.catalog.tokens import add_token, revoke_token
from store.vocabulary import Access, Scope
from tests.app.access.doors import Doors, Opens

FORMS: Final = [
    route.path
    for router in (*api_routers, *page_routers)
    for route in router.routes
    if isinstance(route, APIRoute) and "POST" in (route.methods or ())
]
LOGIN: Final = "/login"


def sign_in(client: TestClient, secret: str, **more: Any) -> Any:
    return client.post(LOGIN, data={"token": secret, "next": "/jobs"}, follow_redirects=False, **more)


def test_a_person_without_a_token_is_led_to_the_form_and_back(tokens: TestClient, doors: Doors) -> None:
    asked = "/d/tiny-topk/c?sort=-density&limit=5"
    led = tokens.get(asked, follow_redirects=False)
    assert led.status_code == 303
    page = tokens.get(led.headers["location"])
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    going_on = re.search(r'name="next" value="([^"]+)"', page.text)
    assert going_on
    data = {"token": doors.secrets[Scope.READ], "next": going_on[1].replace("&amp;", "&")}
    back = tokens.post(LOGIN, data=data, follow_redirects=False)
    assert (back.status_code, back.headers["location"]) == (303, asked)
    assert tokens.get(asked).status_code == 200


def test_programs_and_fragments_are_not_led_anywhere(tokens: TestClient) -> None:
    assert tokens.get("/_f/jobs").status_code == 401
    assert 'role="alert"' in tokens.get("/", headers={"HX-Request": "true"}).text
    assert tokens.get("/index.json").headers["content-type"] == "application/problem+json"


def test_the_cookie_is_for_this_site_and_no_script(tokens: TestClient, doors: Doors) -> None:
    cookie = sign_in(tokens, doors.secrets[Scope.READ]).headers["set-cookie"]
    name, _, rest = cookie.partition("=")
    assert name == COOKIE
    words = {word.strip().lower() for word in rest.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/", "max-age=604800"} <= words
    assert "secure" not in words
    assert doors.secrets[Scope.READ] not in cookie


def test_over_a_safe_connection_it_is_sent_over_safe_ones_only(opened_by: Opens, doors: Doors) -> None:
    client = opened_by(Access.TOKENS, proxies="*")
    safe = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}
    cookie = sign_in(client, doors.secrets[Scope.READ], headers=safe).headers["set-cookie"]
    assert cookie.startswith(f"{SAFE_COOKIE}=")
    assert "; secure" in cookie.lower()
    kept = {"Cookie": cookie.partition(";")[0]}
    assert client.get("/api/v1", headers=kept | safe).status_code == 200
    out = client.post("/logout", headers=kept | safe | {"Origin": "https://testserver"}, follow_redirects=False)
    assert out.status_code == 303
    assert out.headers["clear-site-data"] == '"cache"'
    assert client.get("/api/v1", headers=kept | safe).status_code == 401


def test_a_browser_may_what_its_token_may(tokens: TestClient, doors: Doors) -> None:
    assert sign_in(tokens, doors.secrets[Scope.JOBS]).headers["location"] == "/jobs"
    assert tokens.get("/jobs").status_code == 200
    assert tokens.get("/metrics").status_code == 403
    told = tokens.get("/api/v1/access").json()["data"]
    assert (told["mode"], told["kind"], told["name"]) == ("tokens", "browser", "who may jobs")
    assert [right["scope"] for right in told["rights"]] == ["read", "jobs"]
    assert told["expires_at"]
    page = tokens.get(LOGIN).text
    assert "who may jobs" in page
    assert MEANINGS[Scope.JOBS] in page
    assert ">Sign out</button>" in page


def test_signing_out_ends_the_session_for_whoever_has_the_cookie(tokens: TestClient, doors: Doors) -> None:
    sign_in(tokens, doors.secrets[Scope.READ])
    stolen = dict(tokens.cookies)
    assert tokens.get("/api/v1").status_code == 200
    out = tokens.post("/logout", headers={"Sec-Fetch-Site": "same-origin"})
    assert "You are signed out." in out.text
    assert not dict(tokens.cookies)
    cookie = {"Cookie": f"{COOKIE}={stolen[COOKIE]}"}
    assert tokens.get("/api/v1", headers=cookie).status_code == 401
    assert "max-age=0" in tokens.get(LOGIN, headers=cookie).headers["set-cookie"].lower()


def test_a_session_ends(opened_by: Opens, doors: Doors) -> None:
    client = opened_by(Access.TOKENS)
    sign_in(client, doors.secrets[Scope.READ])
    client.app.state.judge.keyring._known.clear()  # type: ignore[attr-defined]
    catalog = doors.catalog()
    with catalog.session() as session:
        for row in session.scalars(select(BrowserSession)):
            row.expires_at = datetime.now(UTC) - timedelta(seconds=1)
    assert client.get("/api/v1").status_code == 401
    client.cookies.clear()
    sign_in(client, doors.secrets[Scope.READ])
    with catalog.session() as session:
        assert len(session.scalars(select(BrowserSession)).all()) == 1
    catalog.close()


def test_a_revoked_token_signs_its_browsers_out(tokens: TestClient, doors: Doors) -> None:
    catalog = doors.catalog()
    with catalog.session() as session:
        row, secret = add_token(session, "short", scopes=[Scope.READ])
    sign_in(tokens, secret.text)
    assert tokens.get("/api/v1").status_code == 200
    with catalog.session() as session:
        revoke_token(session, row.public_id)
        assert session.scalars(select(ApiToken.revoked_at).where(ApiToken.id == row.id)).one()
    catalog.close()
    tokens.app.state.judge.keyring._known.clear()  # type: ignore[attr-defined]
    assert tokens.get("/api/v1").status_code == 401


@pytest.mark.parametrize("token", ["", "nonsense", "css_000000000000_" + "x" * 43, "x" * 5000, "\u00e9", "<b>"])
def test_a_wrong_token_shows_the_form_again(tokens: TestClient, token: str) -> None:
    tokens.app.state.judge.buckets._levels.clear()  # type: ignore[attr-defined]
    response = sign_in(tokens, token)
    assert response.status_code == 401
    assert "set-cookie" not in response.headers
    assert "opens nothing" in response.text
    assert 'value="/jobs"' in response.text
    assert "<b>" not in response.text.partition("<main")[2].partition("</form>")[0].replace("<b>admin", "")


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/a\r\nSet-Cookie: x=y",
        "",
        "x",
        "/\t/e",
    ],
)
def test_nobody_is_led_to_another_site(address: str) -> None:
    assert inside(address) == "/"


def test_an_address_of_ours_is_kept() -> None:
    assert inside("/d/x/c?q=a%20b&sort=-id") == "/d/x/c?q=a%20b&sort=-id"


def test_where_nobody_signs_in_the_page_says_so(client: TestClient, public: TestClient) -> None:
    assert "Nobody has to sign in" in client.get(LOGIN).text
    assert "Everybody may look around" in public.get(LOGIN).text
    assert f'href="{LOGIN}"' not in client.get("/").text
    assert f'href="{LOGIN}"' in public.get("/").text


# Other sites


OTHERS = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://testserver.evil.example"},
    {"Origin": "http://testserver:81"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
    {},
]


def test_no_other_site_makes_a_signed_in_browser_do_anything(tokens: TestClient, doors: Doors) -> None:
    assert "/logout" in FORMS
    for path in FORMS:
        check_other_sites(tokens, doors, path)


def check_other_sites(tokens: TestClient, doors: Doors, path: str) -> None:
    sign_in(tokens, doors.secrets[Scope.ADMIN])
    address = re.sub(r"\{\w+(:\w+)?\}", "1", path)
    for headers in OTHERS:
        response = tokens.post(address, headers=headers, data={"a": "b"}, follow_redirects=False)
        assert response.status_code == 403, headers
    assert tokens.get("/api/v1").status_code == 200, "still signed in"
    ours = tokens.post(address, headers={"Sec-Fetch-Site": "same-origin"}, follow_redirects=False)
    assert ours.status_code != 403
    tokens.cookies.clear()


def test_every_form_is_sent_to_a_checked_address() -> None:
    from app.access.needs import SAFE

    methods = {m for r in (*api_routers, *page_routers) for one in r.routes for m in getattr(one, "methods", ())}
    assert methods - {"GET", "HEAD"} == {"POST", "DELETE"}
    assert not {"POST", "DELETE"} & SAFE
    texts = [path.read_text() for path in (Path(__file__).parents[3] / "templates").rglob("*.html")]
    assert not any("hx-post" in text or "hx-delete" in text for text in texts)
