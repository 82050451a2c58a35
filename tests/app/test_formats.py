"""Collections as tables: every format says what the JSON says, row by row, and states what it is."""

import io
import json
import re
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from starlette.testclient import TestClient

from app import tables
from app.flat import flat_columns, flat_rows
from app.formats import MEDIA_TYPES, SUFFIXES
from app.main import make_app
from app.views.alignment import AlignmentCard
from app.views.classes import ClassCard
from app.views.concept import ClassRow, ExampleTile
from app.views.concepts import ConceptCard
from app.views.dictionaries import DictionaryCard, ModelShelf
from app.views.images import ImageCard
from app.views.service import CollectionView
from store import sheets
from store.atlas.schema import SCHEMA
from store.atlas.sheets import TABLES
from store.sheets import Format
from tests.encoding import Studio
from tests.tables import read
from worker.universal.files import load_universal

D = "/api/v1/dictionaries/tiny-topk"
A = "/api/v1/alignments/tiny-archetypal/tiny-topk"
FORM = pytest.mark.parametrize("form", list(Format))
WITHOUT_LINKS = (ConceptCard, ImageCard)
LISTS = [
    (f"{D}/concepts?sort=-density&badge__not=dead", ConceptCard),
    (f"{D}/images?class=disc", ImageCard),
    (f"{D}/classes", ClassCard),
    (f"{D}/concepts/6/classes", ClassRow),
    ("/api/v1/dictionaries", DictionaryCard),
    ("/api/v1/models", ModelShelf),
    ("/api/v1/datasets", CollectionView),
    ("/api/v1/alignments", AlignmentCard),
]


@pytest.fixture
def client(aligned: TestClient) -> TestClient:
    return aligned


def with_query(url: str, query: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{query}"


def all_json(client: TestClient, url: str) -> list[dict[str, Any]]:
    """All pages."""
    found: list[dict[str, Any]] = []
    following: str | None = url
    while following:
        body = client.get(following).json()
        found += body["data"]
        following = body["links"].get("next")
    return found


def told(value: Any, form: str) -> Any:
    """A value of the JSON as a format tells it."""
    if form != Format.CSV:
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else float(value)


def as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def same(found: str, wanted: Any) -> bool:
    return float(found) == wanted if isinstance(wanted, float) else found == wanted


@FORM
@pytest.mark.parametrize(("url", "model"), LISTS)
def test_a_table_says_what_the_json_says(client: TestClient, url: str, model: Any, form: Format) -> None:
    response = client.get(with_query(url, f"format={form}"))
    assert response.status_code == 200, response.text
    skipped = ("links",) if model in WITHOUT_LINKS else ()
    fields = [i.serialization_alias or n for n, i in model.model_fields.items() if not i.exclude]
    columns = flat_columns(model, [name for name in fields if name not in skipped])
    expected = flat_rows(columns, all_json(client, url))
    rows = read(response.content, form)
    assert len(rows) == len(expected) > 0
    for row, wanted in zip(rows, expected, strict=True):
        assert list(row) == list(wanted)
        for name, value in wanted.items():
            text = (
                json.dumps(value, ensure_ascii=False, separators=(",", ":"))
                if isinstance(value, list | dict)
                else value
            )
            is_list = name == "badges" and form != Format.CSV
            assert same(row[name], told(value if is_list else text, form)), (name, row[name], value)


@FORM
def test_pairs_are_those_of_the_json_from_either_side(client: TestClient, form: Format) -> None:
    for url, first in ((A, "tiny-archetypal"), ("/api/v1/alignments/tiny-topk/tiny-archetypal", "tiny-topk")):
        pairs: list[dict[str, Any]] = []
        following: str | None = f"{url}?limit=60&sort=-held_out"
        while following:
            body = client.get(following).json()
            pairs += body["data"]["pairs"]
            following = body["links"]["next"]
        response = client.get(f"{url}?sort=-held_out&format={form}")
        rows = read(response.content, form)
        assert len(rows) == len(pairs) > 10
        for row, pair in zip(rows, pairs, strict=True):
            for name in ("rank", "correlation", "held_out", "percentile", "jaccard", "overlap", "cofire_a", "cofire_b"):
                assert same(row[name], told(pair[name], form)), name
            for side in "ab":
                for name in ("id", "name", "label", "density", "max", "top_class"):
                    assert same(row[f"{side}_{name}"], told(pair[side][name], form)), name
            assert str(row["mutual"]).lower() == str(pair["mutual"]).lower()
        assert first in response.headers["content-disposition"]


def test_splits_and_lonely_concepts_are_tables_too(client: TestClient) -> None:
    body = client.get(f"{A}?show=a&limit=60").json()["data"]
    rows = read(client.get(f"{A}?show=a&format=ndjson").content, "ndjson")
    assert [row["id"] for row in rows] == [card["id"] for card in body["alone"]]
    fans = client.get(f"{A}?show=fans&limit=60").json()["data"]["fans"]
    rows = read(client.get(f"{A}?show=fans&format=parquet").content, "parquet")
    expected = [
        (f["side"], f["concept"]["id"], o["id"], s) for f in fans for o, s in zip(f["others"], f["shares"], strict=True)
    ]
    assert [(row["side"], row["concept"], row["other"], row["share"]) for row in rows] == expected


@FORM
def test_examples_are_rows_with_their_maps_where_asked(client: TestClient, form: Format) -> None:
    url = f"{D}/concepts/6/examples?band=random"
    tiles = client.get(f"{url}&include=heat&limit=200").json()["data"]["tiles"]
    rows = read(client.get(f"{url}&include=heat&format={form}").content, form)
    assert len(rows) == len(tiles) > 3
    columns = flat_columns(ExampleTile, ["rank", "image", "value", "peak", "seen", "links"])
    for row, tile, flat in zip(rows, tiles, flat_rows(columns, tiles), strict=True):
        assert json.loads(row["heat"]) == tile["heat"]
        assert all(same(row[name], told(value, form)) for name, value in flat.items())
    assert "heat" not in read(client.get(f"{url}&format={form}").content, form)[0]


def test_neighbours_are_one_row_each(client: TestClient) -> None:
    groups = client.get(f"{D}/concepts/6/neighbors?limit=200").json()["data"]
    rows = read(client.get(f"{D}/concepts/6/neighbors?format=ndjson").content, "ndjson")
    expected = [(g["kind"], n["concept"]["id"]) for g in groups for n in g["neighbors"]]
    assert [(row["kind"], row["concept_id"]) for row in rows] == expected


@FORM
def test_headers_say_what_it_is(client: TestClient, form: Format) -> None:
    response = client.get(f"{D}/concepts?format={form}")
    assert response.headers["content-type"] == MEDIA_TYPES[form]
    assert response.headers["content-disposition"] == f'attachment; filename="tiny-topk-concepts.{SUFFIXES[form]}"'
    assert response.headers["vary"].startswith("Accept")
    assert "link" not in response.headers
    etag = response.headers["etag"]
    assert client.get(f"{D}/concepts?format={form}", headers={"If-None-Match": etag}).status_code == 304
    assert client.get(f"{D}/concepts", headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/csv", "text/csv"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("application/vnd.apache.parquet", "application/vnd.apache.parquet"),
        ("application/vnd.apache.arrow.stream;q=0.9, text/html;q=0.1", "application/vnd.apache.arrow.stream"),
        ("*/*, text/csv", "text/csv"),
        ("application/json, text/csv;q=0.5", "application/json"),
        ("text/csv;q=0, */*", "application/json"),
        ("text/csv;q=much", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("image/png", "application/json"),
    ],
)
def test_accept_chooses(client: TestClient, accept: str, kind: str) -> None:
    response = client.get(f"{D}/concepts", headers={"Accept": accept})
    assert response.headers["content-type"].partition(";")[0] == kind
    same_by_name = client.get(f"{D}/concepts?format=json", headers={"Accept": accept})
    assert same_by_name.headers["content-type"] == "application/json"


def test_the_format_in_the_address_and_in_the_header_are_one_view(client: TestClient) -> None:
    by_header = client.get(f"{D}/concepts", headers={"Accept": "text/csv"})
    by_name = client.get(f"{D}/concepts?format=csv")
    assert (by_header.headers["etag"], by_header.content) == (by_name.headers["etag"], by_name.content)


def test_a_part_of_a_table_names_the_next(client: TestClient) -> None:
    whole = read(client.get(f"{D}/concepts?format=csv&sort=id&fields=id").content, "csv")
    rows: list[Any] = []
    url: str | None = f"{D}/concepts?format=csv&sort=id&fields=id&limit=24"
    while url:
        response = client.get(url)
        rows += read(response.content, "csv")
        links = re.findall(r'<([^>]*)>; rel="next"', response.headers.get("link", ""))
        url = links[0] if links else None
    assert rows == whole
    assert len(whole) == 48


def test_a_limit_that_json_refuses_is_fine_for_a_table(client: TestClient) -> None:
    assert client.get(f"{D}/concepts?limit=201").status_code == 400
    assert client.get(f"{D}/concepts?limit=500&fields=id").status_code == 200
    assert client.get(f"{D}/concepts?limit=501&fields=id").status_code == 400
    assert client.get(f"{D}/concepts?limit=100000&format=csv").status_code == 200
    assert client.get(f"{D}/images?limit=500&fields=id").status_code == 200


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("format=xml", "format"),
        ("format=csv&fields=colour", "fields"),
        ("format=csv&fields=links", "fields"),
        ("format=csv&limit=0", "limit"),
        ("format=csv&cursor=x", "cursor"),
        ("format=csv&densty=1", "densty"),
        ("format=csv&format=json&x=1", "x"),
    ],
)
def test_faults_are_problems_in_any_format(client: TestClient, query: str, param: str) -> None:
    response = client.get(f"{D}/concepts?{query}")
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert param in {error["param"] for error in response.json()["errors"]}


def test_an_empty_table_keeps_its_columns(client: TestClient) -> None:
    empty = client.get(f"{D}/concepts?q=nothing-is-called-so&format=csv")
    assert empty.text.startswith("id,name,label,label_source,density")
    assert len(empty.text.splitlines()) == 1
    none = client.get("/api/v1/dictionaries?model=nothing&format=parquet")
    assert pq.read_table(io.BytesIO(none.content)).column_names[:3] == ["slug", "title", "model"]


@pytest.mark.parametrize("name", TABLES)
def test_every_table_of_the_atlas_can_be_taken(client: TestClient, name: str, tmp_path: Path) -> None:
    response = client.get(f"{D}/export/{name}.parquet")
    assert response.status_code == 200, response.text
    file = tmp_path / "table.parquet"
    file.write_bytes(response.content)
    site = client.app.state.site  # type: ignore[attr-defined]
    atlas = site.artifacts.get("atlas", site.roster.get("tiny-topk").atlas)
    with duckdb.connect(str(atlas.file("atlas.duckdb")), read_only=True) as one:
        columns = ", ".join(f'"{column.name}"' for column in SCHEMA.table(name).columns)
        kept = one.execute(f'SELECT {columns} FROM "{name}"').fetchall()
        assert one.execute(f"SELECT {columns} FROM '{file}'").fetchall() == kept
    assert re.search(rf'filename="tiny-topk-{name}-[0-9a-f]{{12}}\.parquet"', response.headers["content-disposition"])


@pytest.mark.parametrize("name", ["schema_version", "concept; DROP TABLE concept", "..%2f..%2fcatalog", "concepts"])
def test_only_tables_of_the_atlas_can_be_taken(client: TestClient, name: str) -> None:
    response = client.get(f"{D}/export/{name}.parquet")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_the_mean_map_is_one_in_all_forms(client: TestClient) -> None:
    values = client.get(f"{D}/concepts/6/position").json()["data"]
    npy = np.load(io.BytesIO(client.get(f"{D}/concepts/6/position.npy").content), allow_pickle=False)
    png = np.asarray(Image.open(io.BytesIO(client.get(f"{D}/concepts/6/position.png").content)))
    assert npy.tolist() == png.tolist() == [list(row) for row in values["map"]]


def test_weights_that_are_not_kept_are_told(client: TestClient) -> None:
    for part in ("atoms.safetensors", "concepts/6/atom.npy"):
        response = client.get(f"{D}/{part}")
        assert response.status_code == 404
        assert "atlas only" in response.json()["detail"]


def test_weights_come_whole_in_parts_and_atom_by_atom(studio: Studio) -> None:
    from safetensors.numpy import load

    with TestClient(make_app(studio.settings)) as client:
        for slug, artifact in (("small", studio.dictionaries[0]), ("joined", studio.universal)):
            url = f"/api/v1/dictionaries/{slug}/atoms.safetensors"
            whole = client.get(url)
            entry = artifact.manifest.files["weights.safetensors"]
            assert whole.headers["etag"] == f'"{entry.sha256}"'
            assert len(whole.content) == entry.n_bytes
            part = client.get(url, headers={"Range": "bytes=8-19", "If-Range": f'"{entry.sha256}"'})
            assert (part.status_code, part.content) == (206, whole.content[8:20])
            assert part.headers["content-range"] == f"bytes 8-19/{entry.n_bytes}"
            assert client.get(url, headers={"Range": "bytes=8-19", "If-Range": '"x"'}).status_code == 200
            assert client.get(url, headers={"Range": f"bytes={entry.n_bytes}-"}).status_code == 416
            assert client.get(url, headers={"If-None-Match": f'"{entry.sha256}"'}).status_code == 304
            head = client.head(url)
            assert (head.headers["content-length"], head.content) == (str(entry.n_bytes), b"")
            atom = np.load(io.BytesIO(client.get(f"/api/v1/dictionaries/{slug}/concepts/3/atom.npy").content))
            assert np.isclose(np.linalg.norm(atom), 1)
        universal, _ = load_universal(studio.universal.folder())
        atom = np.load(io.BytesIO(client.get("/api/v1/dictionaries/joined/concepts/3/atom.npy").content))
        assert np.allclose(atom, universal.atoms[3].detach().numpy(), atol=1e-6)
        decoder = load(client.get("/api/v1/dictionaries/small/atoms.safetensors").content)["decoder"]
        atom = np.load(io.BytesIO(client.get("/api/v1/dictionaries/small/concepts/3/atom.npy").content))
        assert np.allclose(atom, decoder[3] / np.linalg.norm(decoder[3]), atol=1e-6)


def test_at_pins_a_build(client: TestClient) -> None:
    digest = client.get(D).json()["meta"]["digest"]
    for url in (D, f"{D}/concepts?q=a", f"{D}/concepts/6", f"{D}/statistics", f"{D}/export/class.parquet"):
        pinned = client.get(with_query(url, f"at={digest}"))
        assert pinned.status_code == 200, url
        assert pinned.headers["etag"] == client.get(url).headers["etag"]
        gone = client.get(with_query(url, f"at=sha256:{'0' * 64}"))
        assert gone.status_code == 410
        current = re.findall(r'<([^>]*)>; rel="latest-version"', gone.headers["link"])[0]
        assert current in gone.json()["detail"]
        assert client.get(current).status_code == 200
    assert client.get(f"{D}?at=beef").json()["errors"][0]["param"] == "at"
    assert client.get("/api/v1/models?at=beef").status_code == 400
    assert client.get(f"/d/tiny-topk?at={digest}").status_code == 400
    assert "at" in client.get(f"{D}/metrics?x=1").json()["errors"][0]["allowed"]


def test_a_table_that_cannot_be_written_is_told(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise duckdb.IOException("No space left on device")

    monkeypatch.setattr(sheets, "_engine", full)
    response = client.get(f"{D}/concepts?format=csv")
    assert response.status_code == 503
    assert "No space left" in response.json()["detail"]


def test_too_many_tables_at_once_are_told(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "_PATIENCE_S", 0.01)
    for _ in range(2):
        sheets._turns.acquire()
    try:
        assert client.get(f"{D}/concepts?format=csv").status_code == 503
    finally:
        sheets._turns.release(2)


def test_nothing_stays_on_the_disk(client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables.tempfile, "tempdir", str(tmp_path))
    assert client.get(f"{D}/concepts?format=parquet").status_code == 200
    assert client.get(f"{D}/concepts?format=arrow").status_code == 200
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
