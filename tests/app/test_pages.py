"""Pages: rendered with the real templates, titled, linked, and in agreement with the API."""

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from app.render import Pages
from app.site import Site

D = "/d/tiny-topk"
PAGES = (
    "/",
    "/glossary",
    "/design",
    "/jobs",
    "/jobs?state=failed&members=yes",
    D,
    "/compare",
    "/compare?model=widenet&sort=-l0&show=all",
    f"{D}/c",
    f"{D}/c?badge__not=dead&sort=-density&limit=5&density__gte=0.01&q=s&show=max,purity&band=q50",
    f"{D}/c?density__gt=2",
    f"{D}/c?view=table&class__in=disc,dots&label_source__in=seed,none&select=3,6&size=l",
    f"{D}/values/class?badge__not=dead&find=d",
    f"{D}/c/6",
    f"{D}/c/6?band=q95&sort=-density&badge__not=dead",
    f"{D}/c/3",
    f"{D}/c/6?balance=class&by=lift&context=patch&band=q50",
    f"{D}/compare?c=6,3",
    f"{D}/map",
    f"{D}/map?colour=density&size=max&select=3,6&zoom=3&x=30000&y=30000&badge__not=dead&q=s",
    f"{D}/classes",
    f"{D}/classes?of=collection&sort=name&limit=2",
    f"{D}/classes/1",
    f"{D}/classes/1?by=contrast",
    f"{D}/i",
    f"{D}/i?class=disc&split=held_out&limit=2",
    "/lists",
    "/search?q=disc",
    "/search?q=disc&type=concept",
)


class Links(HTMLParser):
    """Collects titles, headings and every address that a page points at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        sends = ("method", "post") in attrs  # such an address answers to no GET
        for name, value in attrs:
            if name == "action" and sends:
                continue
            if name in ("href", "src", "hx-get", "action", "poster") and value:
                self.addresses.append(value)
            if name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}")


def page_of(client: TestClient, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200, response.text[:500]
    return response.text


def image_url(client: TestClient, query: str = "") -> str:
    image = client.get("/api/v1/dictionaries/tiny-topk/images").json()["data"][1]["id"]
    return f"/i/{image}?d=tiny-topk{query}"


@pytest.mark.parametrize("url", PAGES)
def test_every_page_is_titled_and_obeys_the_content_policy(client: TestClient, url: str) -> None:
    text = page_of(client, url)
    title = re.search(r"<title>\s*(\S.*?)\s*</title>", text, re.S)
    assert title
    links = Links(text)
    assert links.tags.count("h1") == 1
    assert links.inline == []
    assert not re.search(r"<script(?![^>]*(?:src=|application/json))", text)
    assert "<style" not in text


@pytest.mark.parametrize("url", PAGES)
def test_every_page_names_its_twin_and_is_fresh_until_it_changes(
    client: TestClient, site: Site, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    response = client.get(url)
    twin = re.fullmatch(r'<([^>]+)>; rel="alternate"; type="application/json"', response.headers["link"])
    assert twin
    assert client.get(twin[1]).status_code == 200
    path, _, query = url.partition("?")
    beside = client.get(f"{path.rstrip('/') or '/index'}.json" + (f"?{query}" if query else ""))
    assert beside.status_code == 200
    monkeypatch.setattr(site.shelf, "reading", lambda _digest: pytest.fail("an atlas was read"))
    again = client.get(url, headers={"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.slow
def test_all_links_of_all_pages_lead_somewhere(client: TestClient) -> None:
    seen: dict[str, str] = {}
    for url in (*PAGES, image_url(client), image_url(client, "&concept=6&patch=2,3")):
        for address in Links(page_of(client, url)).addresses:
            target = urlsplit(address)
            if address.startswith(("data:", "#")):
                continue
            assert not target.netloc, f"{url} points outside: {address}"
            seen.setdefault(address.split("#")[0], url)
    by_kind: dict[str, list[str]] = {}
    for address in seen:  # of each kind of address a few are enough: there are thousands
        kind = re.sub(r"[0-9a-f]{16,}|\d+|=[^&]*", "*", address)
        by_kind.setdefault(kind, []).append(address)
    for addresses in by_kind.values():
        for address in addresses[:2]:
            assert client.get(address).status_code == 200, f"{seen[address]} -> {address}"


def numbers_in(value: Any) -> set[float]:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return set()
    if isinstance(value, (int, float)):
        return {float(value)}
    parts = value.values() if isinstance(value, dict) else value
    return set().union(*(numbers_in(part) for part in parts), set())


@pytest.mark.parametrize(
    ("url", "twins"),
    [
        ("/", ["/api/v1"]),
        (D, ["/api/v1/dictionaries/tiny-topk", "/api/v1/dictionaries/tiny-topk/metrics"]),
        ("/compare?model=tinynet&sort=l0", ["/api/v1/compare?model=tinynet&sort=l0"]),
        (f"{D}/c/6", ["/api/v1/dictionaries/tiny-topk/concepts/6"]),
        (f"{D}/c/3", ["/api/v1/dictionaries/tiny-topk/concepts/3"]),
        (f"{D}/compare?c=6,3,2", ["/api/v1/dictionaries/tiny-topk/compare?c=6,3,2"]),
        (f"{D}/classes", ["/api/v1/dictionaries/tiny-topk/classes", "/api/v1/dictionaries/tiny-topk"]),
        (f"{D}/classes?of=collection", ["/api/v1/dictionaries/tiny-topk/classes?of=collection"]),
        (f"{D}/classes/1", ["/api/v1/dictionaries/tiny-topk/classes/1"]),
        (f"{D}/i", ["/api/v1/dictionaries/tiny-topk/images", "/api/v1/dictionaries/tiny-topk/classes?of=collection"]),
        ("image", ["image"]),
    ],
)
def test_every_number_of_a_page_is_in_the_api(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, url: str, twins: list[str]
) -> None:
    if url == "image":
        url = image_url(client, "&concept=6&patch=2,3")
        twins = [url.replace("/i/", "/api/v1/images/").replace("?d=", "?dictionary=")]
    views: list[Any] = []
    whole = Pages.text

    def noting(self: Pages, template: str, **variables: Any) -> str:
        views.append(variables["view"])
        return whole(self, template, **variables)

    monkeypatch.setattr(Pages, "text", noting)
    page_of(client, url)
    told = set().union(*(numbers_in(client.get(twin).json()) for twin in twins))
    shown = numbers_in(views[0].model_dump(mode="json", exclude={"paging": {"first", "last"}}))
    assert shown - told <= {0.0}  # warnings that no concept has


def test_the_grid_and_the_api_answer_alike(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    query = "badge__not=dead&sort=-density&limit=5&density__gte=0.01"
    views: list[Any] = []
    monkeypatch.setattr(Pages, "text", lambda _self, _template, **variables: views.append(variables["view"]) or "")
    client.get(f"{D}/c?{query}")
    api = client.get(f"/api/v1/dictionaries/tiny-topk/concepts?{query}").json()
    grid = views[0].model_dump(mode="json")
    assert [card["id"] for card in grid["cards"]] == [row["id"] for row in api["data"]]
    assert numbers_in(grid["cards"]) == numbers_in(api["data"])
    assert grid["total"] == api["page"]["total"]
    assert grid["paging"]["next"] == api["page"]["next"]
    facets = client.get("/api/v1/dictionaries/tiny-topk/facets?badge__not=dead&density__gte=0.01").json()["data"]
    for one in grid["values"]:
        assert {c["key"]: c["n"] for c in one["values"] if c["n"]} == facets[one["key"]]
    assert [one["key"] for one in grid["ranges"]] == list(facets["ranges"])
    for one in grid["ranges"]:
        assert {name: one[name] for name in ("edges", "counts", "totals")} == facets["ranges"][one["key"]]


def test_the_next_page_of_the_grid_goes_on(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    views: list[Any] = []
    monkeypatch.setattr(Pages, "text", lambda _self, _template, **variables: views.append(variables["view"]) or "")
    url, seen = f"{D}/c?limit=20&badge__not=dead", []
    while url:
        client.get(url)
        seen += [card.id for card in views[-1].cards]
        url = views[-1].paging.next_url
    assert len(seen) == len(set(seen)) == views[0].total
    assert views[-1].paging.last == views[0].total


def test_previous_and_next_concept_follow_the_filtered_order(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "sort=-density&badge__not=dead&purity__gte=0.3"
    order = [r["id"] for r in client.get(f"/api/v1/dictionaries/tiny-topk/concepts?{query}&limit=200").json()["data"]]
    views: list[Any] = []
    monkeypatch.setattr(Pages, "text", lambda _self, _template, **variables: views.append(variables["view"]) or "")
    url, seen = f"{D}/c/{order[0]}?{query}", []
    while url:
        client.get(url)
        seen.append(views[-1].card.id)
        url = views[-1].next.url if views[-1].next else ""
    assert seen == order
    assert views[0].prev is None
    assert views[-1].prev.id == order[-2]
    client.get(f"{D}/c/3?{query}")
    assert "not among" in views[-1].order


def test_browsers_are_told_which_pages_to_make_ready(client: TestClient) -> None:
    address = client.get(f"{D}/c/3").headers["speculation-rules"].strip('"')
    rules = client.get(address)
    assert rules.headers["content-type"] == "application/speculationrules+json"
    selectors = [one["where"]["selector_matches"] for one in rules.json()["prerender"]]
    assert all(".steps a[rel" in one for one in selectors)
    assert re.search(r'<nav class="steps".*?<a [^>]*rel="next"', page_of(client, f"{D}/c/3"), re.DOTALL)
    assert "speculation-rules" not in client.get(f"{D}/c").headers


def test_filters_can_be_removed_one_by_one(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    views: list[Any] = []
    monkeypatch.setattr(Pages, "text", lambda _self, _template, **variables: views.append(variables["view"]) or "")
    url = f"{D}/c?badge__not=dead&class=disc&density__gte=0.01&q=s"
    for left in (4, 3, 2, 1, 0):
        client.get(url)
        assert len(views[-1].chips) == left
        url = views[-1].chips[0].remove_url if left else ""
    assert views[-1].total == views[-1].n_concepts


def test_fragments_stand_alone(client: TestClient) -> None:
    response = client.get("/_f/d/tiny-topk/c?class=disc&density__gte=&q=")
    assert response.status_code == 200
    assert "<html" not in response.text
    assert response.headers["hx-push-url"] == "/d/tiny-topk/c?class=disc"
    turned = client.get("/_f/d/tiny-topk/c/turned?class=disc&density__gte=&q=")
    assert turned.headers["hx-push-url"] == response.headers["hx-push-url"]
    assert 'id="facets"' in response.text
    assert 'id="facets"' not in turned.text
    shown, foot = turned.text.split('<a id="page-json"')
    assert shown.count('class="card"') == len(re.findall('class="card"', response.text)) > 0
    assert shown.strip() in response.text
    assert foot.strip() in response.text
    tiles = client.get("/_f/d/tiny-topk/c/6/examples?band=q95")
    assert tiles.status_code == 200
    assert "<html" not in tiles.text


def test_a_random_concept_is_alive(client: TestClient) -> None:
    response = client.get(f"{D}/random", follow_redirects=False)
    assert response.status_code == 302
    assert response.headers["cache-control"] == "no-store"
    index = response.headers["location"].rsplit("/", 1)[1]
    assert client.get(f"/api/v1/dictionaries/tiny-topk/concepts/{index}").json()["data"]["card"]["density"] > 0


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("/d/tiny-topc", 404, "tiny-topk"),
        (f"{D}/c/48", 404, "0 to 47"),
        (f"{D}/c?densty=1", 400, "densty"),
        (f"{D}/c?cursor=abc", 400, "cursor"),
        (f"{D}/c?show=colour", 400, "colour"),
        (f"{D}/c/6?band=best", 400, "best"),
        ("/i/feedfeedfeedfeed", 404, "feedfeedfeedfeed"),
        ("/compare?modell=tinynet", 400, "modell"),
        ("/compare?model=tinynot", 404, "tinynet"),
        ("/compare?model=tinynet&layer=stage5", 404, "stage4"),
        ("/compare?sort=r3", 400, "r3"),
        ("/compare?show=none", 400, "geometry"),
        ("/compare?of=model%3Dtinynot", 404, "tinynet"),
        ("/nowhere", 404, "no such page"),
    ],
)
def test_errors_are_pages_for_people_and_alerts_for_htmx(client: TestClient, url: str, status: int, words: str) -> None:
    page = client.get(url)
    assert page.status_code == status
    assert "<title>" in page.text
    assert words in page.text
    assert "Traceback" not in page.text
    alert = client.get(url, headers={"HX-Request": "true"})
    assert alert.status_code == status
    assert 'role="alert"' in alert.text
    assert "<html" not in alert.text


def test_an_image_page_refuses_a_patch_that_is_not_there(client: TestClient) -> None:
    for query, status in (("&patch=9,9", 404), ("&patch=x", 400), ("&concept=99", 404), ("&concept=x", 400)):
        assert client.get(image_url(client, query)).status_code == status


def test_text_of_a_visitor_is_escaped(client: TestClient) -> None:
    text = page_of(client, f"{D}/c?q=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in text


def test_a_fault_of_ours_tells_only_the_request_id(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_site: Site) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("app.pages.home.make_home", fail)
    quiet = TestClient(client.app, raise_server_exceptions=False)
    response = quiet.get("/")
    assert response.status_code == 500
    assert "secret" not in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]
