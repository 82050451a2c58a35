"""Who gets in where: every mode, every scope, every route."""

import re
from typing import Final

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from app.access.needs import SAFE, declared_need
from app.api import routers as api_routers
from app.pages import routers as page_routers
from store.errors import InvalidInput
from store.settings import Settings
from store.vocabulary import Access, Scope
from tests.app.access.doors import Doors, Opens

ROUTES: Final = [r for router in (*api_routers, *page_routers) for r in router.routes if isinstance(r, APIRoute)]
PUBLIC: Final = {"/healthz", "/readyz", "/static/{digest}/{name:path}", "/login", "/logout", "/api/v1/access"}
EXAMPLES: Final = {"job_id": "1", "concept": "1", "index": "1", "rank": "0", "slug": "tiny-topk", "digest": "0" * 64}
JOBS = "/api/v1/jobs"
SPEC = {"kind": "index", "dictionary": "tiny-topk"}


def address(route: APIRoute) -> str:
    """An address that a route answers."""
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: EXAMPLES.get(found[1], "x"), route.path)


def calls() -> list[tuple[str, APIRoute]]:
    return [(method, route) for route in ROUTES for method in sorted(route.methods or ()) if method != "HEAD"]


def test_every_route_that_changes_something_says_what_it_needs() -> None:
    silent = [f"{method} {route.path}" for method, route in calls() if method not in SAFE and not declared_need(route)]
    assert silent == []


def test_what_everybody_may_is_this_list() -> None:
    found = [(route, declared_need(route)) for route in ROUTES]
    assert {route.path for route, need in found if need is not None and need.scope is None} == PUBLIC


def test_nobody_without_a_token_gets_anything(tokens: TestClient) -> None:
    for method, route in calls():
        check_nobody(tokens, method, route)


def check_nobody(tokens: TestClient, method: str, route: APIRoute) -> None:
    response = tokens.request(method, address(route), follow_redirects=False)
    if (method, route.path) == ("POST", "/login"):
        assert "opens nothing" in response.text
    elif route.path in PUBLIC:
        assert response.status_code not in (401, 403), route.path
    elif response.status_code == 303:
        assert response.headers["location"].startswith("/login?next=")
        assert not response.content
    else:
        assert response.status_code == 401, f"{method} {route.path}"
        assert response.headers["www-authenticate"] == 'Bearer realm="Conceptoscope"'


def test_the_public_may_only_look(public: TestClient) -> None:
    for method, route in calls():
        check_public(public, method, route)


def check_public(public: TestClient, method: str, route: APIRoute) -> None:
    need = declared_need(route)
    response = public.request(method, address(route), follow_redirects=False)
    may = (need is None and method in SAFE) or (need is not None and need.scope in (None, Scope.READ))
    if route.path.startswith("/jobs") and route.path.endswith(".json"):  # it leads to the API, which refuses
        return
    if (method, route.path) == ("POST", "/login"):
        return
    led = response.status_code == 303 and response.headers["location"].startswith("/login?next=")
    assert (response.status_code == 401 or led) != may, f"{method} {route.path}"


def test_unknown_addresses_and_methods_tell_nothing_to_nobody(tokens: TestClient) -> None:
    for method, path in (("GET", "/api/v1/nowhere"), ("POST", "/api/v1/nowhere"), ("PUT", "/d/tiny-topk"), ("X", "/")):
        assert tokens.request(method, path).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/d/tiny-topk", Scope.READ),
        ("GET", "/api/v1/glossary", Scope.READ),
        ("GET", JOBS, Scope.JOBS),
        ("GET", "/jobs", Scope.JOBS),
        ("GET", "/api/v1/workers", Scope.JOBS),
        ("POST", JOBS, Scope.JOBS),
        ("POST", "/jobs/new/index", Scope.JOBS),
        ("POST", "/analyze", Scope.ANALYSE),
        ("POST", "/api/v1/analyses", Scope.ANALYSE),
        ("DELETE", "/api/v1/analyses/x", Scope.ANALYSE),
        ("GET", "/metrics", Scope.ADMIN),
    ],
)
def test_a_token_opens_what_its_scope_names(
    opened_by: Opens, doors: Doors, method: str, path: str, scope: Scope
) -> None:
    for access in (Access.TOKENS, Access.READ_ONLY_PUBLIC):
        client = opened_by(access)
        for given in Scope:
            response = client.request(method, path, headers=doors.bearer(given), follow_redirects=False)
            may = scope is Scope.READ or given in (scope, Scope.ADMIN)
            assert (response.status_code == 403) != may, given
            if not may:
                assert f"'{scope}'" in response.text.replace("&#39;", "'")
                assert f'scope="{scope}"' in response.headers["www-authenticate"]


def test_a_job_is_signed_by_the_token(tokens: TestClient, doors: Doors) -> None:
    made = tokens.post(JOBS, json=SPEC, headers=doors.bearer(Scope.JOBS))
    assert made.status_code == 201
    assert made.json()["data"]["created_by"] == "who may jobs, API"


def test_jobs_can_be_switched_off_for_all(opened_by: Opens, doors: Doors) -> None:
    client = opened_by(Access.TOKENS, start_jobs=False)
    assert client.post(JOBS, json=SPEC, headers=doors.bearer(Scope.ADMIN)).status_code == 403


@pytest.mark.parametrize(
    "shown",
    [
        "Bearer",
        "Bearer x",
        "Bearer cst_000000000000_" + "x" * 43,
        "bearer  ",
        "Bearer \u00e9",
        "Bearer " + "x" * 60_000,
    ],
)
def test_a_token_that_opens_nothing_is_told_so_in_every_mode(opened_by: Opens, shown: str) -> None:
    for access in Access:
        client = opened_by(access, rate_reads=0)
        client.app.state.judge.buckets._levels.clear()  # type: ignore[attr-defined]
        response = client.get("/api/v1", headers=[(b"Authorization", shown.encode("latin-1"))])
        assert response.status_code == 401
        assert 'error="invalid_token"' in response.headers["www-authenticate"]
        assert shown[7:] == "" or shown[7:] not in response.text or len(shown) < 9


def test_other_schemes_are_for_proxies(public: TestClient) -> None:
    assert public.get("/api/v1", headers={"Authorization": "Basic YTpi"}).status_code == 200


def test_shared_caches_keep_only_what_everybody_may_see(opened_by: Opens, doors: Doors) -> None:
    path, picture = "/api/v1/dictionaries/tiny-topk", "/static/x/y"
    public = opened_by(Access.READ_ONLY_PUBLIC)
    sprite = public.get(f"{path}/concepts/6").json()["data"]["card"]["links"]["sprite"]
    assert public.get(sprite).headers["cache-control"].startswith("public")
    for client in (opened_by(Access.TOKENS), public):
        for address in (path, sprite):
            kept = client.get(address, headers=doors.bearer(Scope.READ)).headers["cache-control"]
            assert kept.startswith("private, max-age=")
        assert client.get(picture, headers=doors.bearer(Scope.READ)).status_code == 404


def test_readiness_tells_folders_to_administrators_only(tokens: TestClient, doors: Doors, client: TestClient) -> None:
    told = tokens.get("/readyz").json()
    assert told["status"] == "ready"
    assert {part["found"] + part["remedy"] for part in told["parts"].values()} == {""}
    for asked in (tokens.get("/readyz", headers=doors.bearer(Scope.ADMIN)), client.get("/readyz")):
        assert "can be read" in asked.json()["parts"]["artifacts"]["found"]


def test_metrics_are_for_administrators_and_this_machine(opened_by: Opens, doors: Doors) -> None:
    for access in (Access.TOKENS, Access.READ_ONLY_PUBLIC):
        client = opened_by(access)
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers=doors.bearer(Scope.ADMIN)).status_code == 200
        here = TestClient(client.app, base_url="http://127.0.0.1:8600", client=("127.0.0.1", 1))
        assert here.get("/metrics").status_code == 200
        assert here.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 401
        assert here.get("/metrics", headers={"Host": "testserver"}).status_code == 401
        other = TestClient(client.app, base_url="http://127.0.0.1:8600", client=("192.0.2.1", 1))
        assert other.get("/metrics").status_code == 401


def test_pages_offer_only_what_the_visitor_may(tokens: TestClient, doors: Doors) -> None:
    page = tokens.get("/analyze", headers=doors.bearer(Scope.READ)).text
    assert "needs a token with the scope &#39;analyse&#39;" in page
    page = tokens.get("/jobs/new/index", headers=doors.bearer(Scope.JOBS)).text
    assert ">Start</button>" in page
    read, jobs = (tokens.get("/", headers=doors.bearer(scope)).headers["etag"] for scope in (Scope.READ, Scope.JOBS))
    assert read != jobs


def test_no_answer_tells_the_public_where_anything_lies(public: TestClient, doors: Doors) -> None:
    for method, route in calls():
        if method == "GET":
            text = public.get(address(route)).text
            assert str(doors.settings.store) not in text, route.path
            assert "Traceback" not in text


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])
def test_where_others_can_come_somebody_has_to_choose(host: str) -> None:
    settings = Settings(host=host)
    with pytest.raises(InvalidInput, match="--access tokens"):
        _ = settings.chosen_access
    for access in Access:
        assert Settings(host=host, access=access).chosen_access is access
    assert not Settings(host=host, access=Access.LOCAL).visitors_may_start_jobs


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2", "[::1]"])
def test_on_this_machine_nobody_signs_in(host: str) -> None:
    assert Settings(host=host).chosen_access is Access.LOCAL
