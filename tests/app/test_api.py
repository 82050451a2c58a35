"""The API's shapes: envelope, paging, parameters, caching, pictures."""

import io
import json
import re
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.site import Site

D = "/api/v1/dictionaries/tiny-topk"
ADDRESSES = (
    "/api/v1",
    "/api/v1/models",
    "/api/v1/models/tinynet",
    "/api/v1/datasets",
    "/api/v1/datasets/shapes",
    "/api/v1/glossary",
    "/api/v1/dictionaries",
    D,
    f"{D}/metrics",
    f"{D}/statistics",
    f"{D}/facets",
    "/api/v1/compare",
    "/api/v1/compare?sort=l0",
    f"{D}/concepts",
    f"{D}/concepts/6",
    f"{D}/concepts/3",
    f"{D}/concepts/6/examples",
    f"{D}/concepts/6/histogram",
    f"{D}/concepts/6/position",
    f"{D}/concepts/6/neighbors",
    f"{D}/concepts/6/classes",
    f"{D}/images",
    f"{D}/classes",
)


def get(client: TestClient, url: str) -> Any:
    response = client.get(url)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("url", ADDRESSES)
def test_every_answer_has_the_envelope_and_no_nan(client: TestClient, url: str) -> None:
    response = client.get(url)
    assert response.status_code == 200
    body = json.loads(response.text, parse_constant=lambda name: pytest.fail(f"{name} in {url}"))
    assert set(body) == {"data", "page", "links", "meta"}
    assert body["links"]["self"] == url
    if "/dictionaries/" in url:
        assert body["meta"]["dictionary"] == "tiny-topk"
        assert body["meta"]["digest"].startswith("sha256:")


@pytest.mark.parametrize("url", ADDRESSES)
def test_a_repeated_request_is_answered_before_any_atlas_is_touched(
    client: TestClient, site: Site, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = client.get(url).headers["etag"]
    assert not etag.startswith("W/")

    def refuse(_digest: str) -> None:
        raise AssertionError("an atlas was read")

    monkeypatch.setattr(site.shelf, "reading", refuse)
    again = client.get(url, headers={"If-None-Match": f'"other", {etag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    if "concepts" in url:
        with pytest.raises(AssertionError, match="was read"):
            client.get(url, headers={"If-None-Match": '"other"'})


def test_equal_queries_share_an_etag_and_different_ones_do_not(client: TestClient) -> None:
    tags = [client.get(f"{D}/concepts?{q}").headers["etag"] for q in ("q=a&limit=3", "limit=3&q=a", "limit=3&q=b")]
    assert tags[0] == tags[1] != tags[2]


def test_cursors_walk_all_concepts_of_a_query(client: TestClient) -> None:
    url = f"{D}/concepts?badge__not=dead&sort=-density&limit=7&fields=id,density"
    seen: list[dict[str, Any]] = []
    total = get(client, url)["page"]["total"]
    while True:
        response = client.get(url)
        body = response.json()
        seen += body["data"]
        if body["page"]["next"] is None:
            assert "next" not in response.headers.get("link", "")
            break
        url = body["links"]["next"]
        assert f'<{url}>; rel="next"' in response.headers["link"]
    assert len(seen) == total == len({row["id"] for row in seen})
    assert [row["density"] for row in seen] == sorted((row["density"] for row in seen), reverse=True)
    assert all(set(row) == {"id", "density"} for row in seen)


def test_a_cursor_of_another_query_or_build_is_refused(client: TestClient) -> None:
    cursor = get(client, f"{D}/concepts?limit=5")["page"]["next"]
    for other in (f"{D}/concepts?q=disc", f"{D}/concepts?sort=id", "/api/v1/dictionaries/wide-topk/concepts?limit=5"):
        response = client.get(f"{other}&cursor={cursor}")
        assert response.status_code == 400
        assert response.json()["errors"][0]["param"] == "cursor"


@pytest.mark.parametrize(
    ("url", "status", "param", "words"),
    [
        (f"{D}/concepts?densty__gt=1", 400, "densty__gt", "no parameter"),
        (f"{D}/concepts?fields=id,colour", 400, "fields", "no field 'colour'"),
        (f"{D}/concepts?limit=0", 400, "limit", "1 to 200"),
        (f"{D}/concepts?limit=201", 400, "limit", "1 to 200"),
        (f"{D}/images?limit=201", 400, "limit", "1 to 200"),
        (f"{D}/concepts/6/examples?limit=201", 400, "limit", "1 to 200"),
        (f"{D}/concepts/6/neighbors?limit=201", 400, "limit", "1 to 200"),
        (f"{D}/concepts/6?colour=red", 400, "colour", "no parameter"),
        (f"{D}/concepts/6/examples?band=best", 400, "band", "cannot be 'best'"),
        (f"{D}/concepts/6/neighbors?by=map", 400, "by", "cannot be 'map'"),
        (f"{D}/images?split=test", 400, "split", "cannot be 'test'"),
        (f"{D}/concepts/48", 404, None, "0 to 47"),
        (f"{D}/concepts/-1", 404, None, "0 to 47"),
        (f"{D}/concepts/six", 404, None, "0 to 47"),
        (f"{D}/concepts/6/examples/99/heat.png", 404, None, "rank 99"),
        (f"{D}/concepts/6/examples/0/heat.gif", 404, None, "heat.png"),
        ("/api/v1/dictionaries/tiny-topc", 404, None, "tiny-topk"),
        ("/api/v1/models/tinynot", 404, None, "tinynet"),
        ("/api/v1/datasets/shape", 404, None, "shapes"),
        ("/api/v1/images/feedfeedfeedfeed", 404, None, "No dictionary"),
        ("/api/v1/nowhere", 404, None, "no such"),
        (f"/m/{'0' * 64}/thumb/x.webp", 404, None, "atlas"),
        ("/m/..%2f..%2fcatalog/thumb/x.webp", 404, None, ""),
    ],
)
def test_errors_are_problem_documents(client: TestClient, url: str, status: int, param: str | None, words: str) -> None:
    response = client.get(url)
    problem = response.json()
    assert response.status_code == problem["status"] == status
    assert response.headers["content-type"] == "application/problem+json"
    assert words.lower() in (problem["detail"] + str(problem["errors"])).lower()
    assert problem["request_id"] == response.headers["x-request-id"]
    if param:
        assert [error["param"] for error in problem["errors"]] == [param]


def test_an_unknown_parameter_names_the_known_ones(client: TestClient) -> None:
    allowed = client.get(f"{D}/concepts?densty=1").json()["errors"][0]["allowed"]
    assert {"q", "sort", "limit", "cursor", "fields"} <= set(allowed)
    assert any(name.startswith("density[") for name in allowed)


def test_heat_is_the_same_as_picture_numbers_and_array(client: TestClient) -> None:
    base = f"{D}/concepts/6/examples/1/heat"
    values = get(client, f"{base}.json")
    png = np.asarray(Image.open(io.BytesIO(client.get(f"{base}.png").content)))
    npy = np.load(io.BytesIO(client.get(f"{base}.npy").content), allow_pickle=False)
    assert png.tolist() == npy.tolist() == values["map"]
    assert npy.dtype == np.uint8
    tiles = get(client, f"{D}/concepts/6/examples?include=heat")["data"]["tiles"]
    assert tiles[1]["heat"] == values["map"]
    assert tiles[1]["heat_scale"] == values["scale"]
    assert "heat" not in get(client, f"{D}/concepts/6/examples")["data"]["tiles"][1]


def test_links_lead_somewhere(client: TestClient) -> None:
    card = get(client, f"{D}/concepts?limit=1")["data"][0]
    for rel in ("self", "sprite", "sprite_heat"):
        assert client.get(card["links"][rel]).status_code == 200, rel
    tile = get(client, f"{D}/concepts/{card['id']}/examples")["data"]["tiles"][0]
    assert client.get(tile["links"]["thumbnail"]).headers["content-type"] == "image/webp"
    assert client.get(tile["links"]["heat"]).headers["content-type"] == "image/png"


def test_pictures_never_change(client: TestClient) -> None:
    concept = get(client, f"{D}/concepts/6")["data"]
    for url in (
        concept["card"]["links"]["sprite"],
        concept["card"]["links"]["sprite_heat"],
        concept["position"]["url"],
    ):
        response = client.get(url, headers={"Accept-Encoding": "gzip"})
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert "content-encoding" not in response.headers


def test_a_dead_concept_has_no_sprite_and_says_why(client: TestClient) -> None:
    data = get(client, f"{D}/concepts/3")["data"]
    assert data["card"]["links"]["sprite"] is None
    assert data["card"]["purity"] is None
    assert [badge["badge"] for badge in data["badges"]] == ["dead"]
    assert data["examples"]["tiles"] == []


def test_facets_and_statistics_follow_the_query(client: TestClient) -> None:
    total = get(client, f"{D}/concepts?class=disc&badge__not=dense")["page"]["total"]
    facets = get(client, f"{D}/facets?class=disc&badge__not=dense")["data"]
    assert facets["total"] == total
    assert facets["class"]["disc"] == total
    columns = {row["column"]: row for row in get(client, f"{D}/statistics?class=disc&badge__not=dense")["data"]}
    assert sum(columns["density"]["counts"]) == total


def test_dictionaries_can_be_narrowed(client: TestClient) -> None:
    assert len(get(client, "/api/v1/dictionaries")["data"]) == 3
    assert [d["slug"] for d in get(client, "/api/v1/dictionaries?method=archetypal")["data"]] == ["tiny-archetypal"]
    assert get(client, "/api/v1/dictionaries?model=nothing")["data"] == []


def test_openapi_names_every_operation_once(client: TestClient) -> None:
    document = get(client, "/api/v1/openapi.json")
    ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids))
    assert {"list_concepts", "get_concept", "get_heat", "get_image"} <= set(ids)
    parameters = document["paths"]["/api/v1/dictionaries/{slug}/concepts"]["get"]["parameters"]
    names = {one["name"] if "name" in one else one["$ref"].rpartition("/")[2] for one in parameters}
    assert {"density__gte", "badge__not", "sort", "cursor", "limit", "slug"} <= names
    assert not any(path.startswith(("/d/", "/_f/", "/m/")) for path in document["paths"])


def test_health(client: TestClient) -> None:
    assert get(client, "/healthz")["status"] == "ok"
    assert get(client, "/readyz")["n_dictionaries"] == 3


def test_head_answers_like_get_without_a_body(client: TestClient) -> None:
    response = client.head(f"{D}/concepts")
    assert response.status_code == 200
    assert response.content == b""
    assert response.headers["etag"] == client.get(f"{D}/concepts").headers["etag"]


def test_headers_of_every_answer(client: TestClient) -> None:
    for url in (D, "/api/v1/nowhere", "/healthz"):
        headers = client.get(url).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-site"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert re.search(r"\btotal;dur=\d+\.\d", headers["server-timing"])
    picture = client.get(client.get(f"{D}/concepts/6").json()["data"]["card"]["links"]["crop"]).headers
    assert (picture["x-content-type-options"], picture["cross-origin-resource-policy"]) == ("nosniff", "same-site")
    told = client.get("/d/tiny-topk/c/6").headers["server-timing"]
    assert re.fullmatch(r"(data|template);dur=[\d.]+, (data|template);dur=[\d.]+, total;dur=[\d.]+", told)
    assert client.get(f"{D}/concepts", headers={"Accept-Encoding": "gzip"}).headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("page", "twin"),
    [
        ("/index.json", "/api/v1"),
        ("/glossary.json", "/api/v1/glossary"),
        ("/d/tiny-topk.json", D),
        (
            "/compare.json?model=tinynet&layer=stage4&sort=l0&show=all&heat=off",
            "/api/v1/compare?model=tinynet&layer=stage4&sort=l0",
        ),
        ("/d/tiny-topk/c.json?sort=-density&heat=off&band=q50&limit=5", f"{D}/concepts?sort=-density&limit=5"),
        ("/d/tiny-topk/c/6.json?sort=-density&band=q95", f"{D}/concepts/6?band=q95"),
        ("/d/tiny-topk/i.json?class=disc", f"{D}/images?class=disc"),
        ("/i/abc.json?d=tiny-topk&patch=1,2", "/api/v1/images/abc?dictionary=tiny-topk&patch=1,2"),
    ],
)
def test_json_behind_a_page_leads_to_its_twin(client: TestClient, page: str, twin: str) -> None:
    response = client.get(page, follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (308, twin)
