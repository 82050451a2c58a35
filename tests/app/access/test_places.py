"""Hosts that are ours, proxies that are believed, and what comes through others."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.access.places import Places, counted_address, name_of
from app.main import make_app
from store.errors import InvalidInput
from store.settings import Settings
from store.vocabulary import Access
from tests.app.access.doors import Opens

FAR = "203.0.113.9"


def places(**told: str) -> Places:
    return Places(Settings(**{"hosts": "", **told}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost", "localhost"),
        ("LocalHost:8600", "localhost"),
        ("example.org.", "example.org"),
        ("127.0.0.1:1", "127.0.0.1"),
        ("[::1]:8600", "::1"),
        ("[::1]", "::1"),
        ("::1", "::1"),
        ("", ""),
        ("a:b", ""),
        ("[::1", ""),
        ("[::1]x", ""),
        ("localhost:8600@evil.example", ""),
        ("localhost, evil.example", "localhost, evil.example"),
    ],
)
def test_the_name_in_a_host_header(host: str, name: str) -> None:
    assert name_of(host) == name


@pytest.mark.parametrize("host", ["localhost:8600", "127.0.0.1", "[::1]:8600", "explorer.example:443", "10.1.2.3:8600"])
def test_loopback_the_bound_address_and_named_hosts_are_ours(host: str) -> None:
    assert places(host="10.1.2.3", hosts="explorer.example, other.example").is_ours(host)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "a:b", "0.0.0.0", "127.0.0.2"]
)
def test_other_names_are_not_even_when_everything_is_bound(host: str) -> None:
    assert not places(host="0.0.0.0").is_ours(host)


def test_a_name_that_was_made_to_lead_here_gets_nothing(client: TestClient, opened_by: Opens) -> None:
    for one in (client, opened_by(Access.TOKENS), opened_by(Access.READ_ONLY_PUBLIC)):
        for path in ("/", "/api/v1", "/metrics", "/static/x/y", "/login"):
            response = one.get(path, headers={"Host": "evil.example:8600"}, follow_redirects=False)
            assert response.status_code == 421
            assert "evil.example" not in response.text
        assert one.post("/api/v1/jobs", json={}, headers={"Host": "evil.example"}).status_code == 421
        assert one.get("/healthz", headers={"Host": "10.0.0.7"}).status_code == 200


@pytest.mark.parametrize(
    ("proxies", "peer", "told", "address"),
    [
        ("", "10.0.0.2", FAR, "10.0.0.2"),
        ("10.0.0.2", "10.0.0.3", FAR, "10.0.0.3"),
        ("10.0.0.2", "10.0.0.2", FAR, FAR),
        ("10.0.0.0/8", "10.0.0.2", f"1.1.1.1, {FAR}", FAR),
        ("10.0.0.0/8", "10.0.0.2", f"1.1.1.1, {FAR}, 10.0.0.9", FAR),
        ("10.0.0.0/8", "10.0.0.2", "10.0.0.8, 10.0.0.9", "10.0.0.8"),
        ("10.0.0.0/8", "10.0.0.2", f"{FAR}, nonsense", "10.0.0.2"),
        ("10.0.0.2", "10.0.0.2", "", "10.0.0.2"),
        ("*", "192.0.2.1", f"127.0.0.1, {FAR}", FAR),
        ("::1", "::1", "2001:db8::1", "2001:db8::1"),
    ],
)
def test_the_visitor_is_the_last_whom_no_believed_proxy_is(proxies: str, peer: str, told: str, address: str) -> None:
    found = places(proxies=proxies).of({"x-forwarded-for": told}, peer=peer, scheme="http")
    assert found.address == address
    assert found.is_proxied


def test_scheme_and_host_are_believed_of_stated_proxies_only() -> None:
    headers = {"host": "inner:1", "x-forwarded-proto": "https", "x-forwarded-host": "explorer.example"}
    believed = places(proxies="10.0.0.2").of(headers, peer="10.0.0.2", scheme="http")
    assert (believed.scheme, believed.host) == ("https", "explorer.example")
    other = places(proxies="10.0.0.2").of(headers, peer="10.0.0.3", scheme="http")
    assert (other.scheme, other.host, other.is_vouched_for) == ("http", "inner:1", False)
    odd = places(proxies="*").of(headers | {"x-forwarded-proto": "javascript"}, peer="x", scheme="http")
    assert odd.scheme == "http"


def test_a_proxy_that_is_no_address_is_told() -> None:
    with pytest.raises(InvalidInput, match="CONCEPTOSCOPE_PROXIES has 'nginx'"):
        places(proxies="10.0.0.1, nginx")


def test_a_household_counts_as_one() -> None:
    assert counted_address("2001:db8:1:2:3:4:5:6") == counted_address("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert counted_address("192.0.2.1") == "192.0.2.1"
    assert counted_address("testclient") == "testclient"


FORWARDED = [
    {"X-Forwarded-For": FAR},
    {"X-Forwarded-For": "127.0.0.1"},
    {"Forwarded": f"for={FAR}"},
    {"X-Real-IP": FAR},
    {"X-Forwarded-Host": "explorer.example"},
]


@pytest.mark.parametrize("headers", FORWARDED)
def test_what_comes_through_an_unstated_proxy_is_not_from_this_machine(
    client: TestClient, headers: dict[str, str]
) -> None:
    for path in ("/", "/api/v1", "/metrics", "/jobs"):
        response = client.get(path, headers=headers)
        assert response.status_code == 403
        assert "CONCEPTOSCOPE_ACCESS" in response.text
    assert client.post("/api/v1/jobs", json={}, headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("host", "told", "status"), [("127.0.0.1", "127.0.0.1", 200), ("127.0.0.1", FAR, 403), ("0.0.0.0", FAR, 200)]
)
def test_a_stated_proxy_tells_whether_a_visitor_is_here(tmp_path: Path, host: str, told: str, status: int) -> None:
    settings = Settings(store=tmp_path, host=host, access=Access.LOCAL, proxies="10.0.0.2")
    with TestClient(make_app(settings), client=("10.0.0.2", 1)) as client:
        assert client.get("/api/v1", headers={"X-Forwarded-For": told}).status_code == status


def test_links_are_made_with_what_a_stated_proxy_says(opened_by: Opens) -> None:
    opened = opened_by(Access.READ_ONLY_PUBLIC, proxies="*", hosts="testserver,explorer.example")
    told = {"X-Forwarded-For": FAR, "X-Forwarded-Proto": "https", "X-Forwarded-Host": "explorer.example"}
    assert "https://explorer.example/api/v1" in opened.get("/", headers=told).text
    assert opened.get("/", headers=told | {"X-Forwarded-Host": "evil.example"}).status_code == 421
