"""Concepts of one dictionary side by side."""

import io
from itertools import combinations

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.makers.beside_photos import choose_photos
from app.site import Opened

D, API = "/d/tiny-topk", "/api/v1/dictionaries/tiny-topk"


def test_numbers_stand_in_rows_as_each_concept_has_them(client: TestClient) -> None:
    both = client.get(f"{API}/compare?c=6,3").json()["data"]
    alone = [client.get(f"{API}/concepts/{k}").json()["data"] for k in (6, 3)]
    assert [one["card"]["id"] for one in both["concepts"]] == [6, 3]
    for place, one in enumerate(alone):
        assert [row["values"][place] for row in both["numbers"]] == [number["value"] for number in one["numbers"]]
        assert both["concepts"][place]["examples"]["tiles"] == one["examples"]["tiles"][:8]
        assert both["concepts"][place]["rank"] == one["effects"]["rank"]


def test_each_two_are_joined_by_what_the_atlas_and_the_weights_tell(client: TestClient, opened: Opened) -> None:
    concepts = (6, 3, 2, 8)
    pairs = client.get(f"{API}/compare?c={','.join(map(str, concepts))}").json()["data"]["pairs"]
    assert [(pair["a"], pair["b"]) for pair in pairs] == list(combinations(concepts, 2))
    for pair in pairs:
        for kind in ("coactivation", "examples"):
            listed = {
                (k, row["other"]): row["value"]
                for k in (pair["a"], pair["b"])
                for row in opened.atlas.neighbors(k, limit=1000)
                if row["kind"] == kind
            }
            value = listed.get((pair["a"], pair["b"]), listed.get((pair["b"], pair["a"])))
            assert pair[kind] == value
            if value is None and listed:
                ends = [
                    min((v for (k, _), v in listed.items() if k == one), default=1) for one in (pair["a"], pair["b"])
                ]
                assert pair[f"{kind}_most"] == min(ends)


def test_the_cosine_is_that_of_the_atoms(client: TestClient) -> None:
    pair = client.get(f"{API}/compare?c=6,3").json()["data"]["pairs"][0]
    answers = [client.get(f"{API}/concepts/{k}/atom.npy") for k in (6, 3)]
    if answers[0].status_code == 404:  # this store has the atlas only
        assert pair["cosine"] is None
        return
    first, second = (np.load(io.BytesIO(answer.content)).astype(np.float64) for answer in answers)
    assert pair["cosine"] == pytest.approx(float(first @ second), abs=1e-6)


def test_photos_are_those_on_which_most_fire_and_the_weakest_is_strong(opened: Opened) -> None:
    concepts = (6, 3, 2)
    maxima = {k: float(opened.atlas.columns["max"][k]) for k in concepts}
    rows = opened.atlas.firings(concepts)
    images = {row["image"] for row in rows}
    strengths = {
        image: [row["peak"] / maxima[row["concept"]] for row in rows if row["image"] == image] for image in images
    }
    expected = sorted(
        (image for image, found in strengths.items() if len(found) > 1),
        key=lambda image: (-len(strengths[image]), -min(strengths[image]), image),
    )
    assert [row["image"] for row in choose_photos(rows, maxima, limit=100)] == expected
    assert all(
        len({row["concept"] for row in rows if row["image"] == image}) == len(strengths[image]) for image in images
    )


def test_two_are_counted_on_the_images_that_record_them(client: TestClient, opened: Opened) -> None:
    pair = client.get(f"{API}/compare?c=6,3").json()["data"]["pairs"][0]
    found = {k: {row["image"] for row in opened.atlas.firings([k])} for k in (6, 3)}
    assert (pair["n_both"], pair["n_either"]) == (len(found[6] & found[3]), len(found[6] | found[3]))


@pytest.mark.parametrize(
    ("c", "status", "word"),
    [("1,2,3,4,5", 400, "up to 4"), ("1,x", 400, "not 'x'"), ("1,999", 404, "999"), ("-1", 400, "not '-1'")],
)
def test_what_cannot_be_compared_is_named(client: TestClient, c: str, status: int, word: str) -> None:
    for path in (f"{D}/compare", f"{API}/compare"):
        response = client.get(path, params={"c": c})
        assert response.status_code == status
        assert word in response.text.replace("&#39;", "'")


def test_one_or_none_leads_on_to_others(client: TestClient) -> None:
    for c in ("", "6"):
        data = client.get(f"{API}/compare?c={c}").json()["data"]
        assert data["suggestions"]
        assert data["pairs"] == []
    assert client.get(f"{D}/compare?c=6,6,6").text.count("Leave out") == 0


def test_neighbours_lead_to_the_comparison(client: TestClient) -> None:
    assert f"{D}/compare?c=6," in client.get(f"{D}/c/6").text
