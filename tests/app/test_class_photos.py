"""Photos of a class and its concepts: ranges hold true contributions, patches go to the strongest, groups add up."""

from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.makers.class_pairs import pushes_to
from app.makers.class_parcels import dominant
from app.makers.classes import namesake
from app.site import Opened
from store.atlas.leaves import leaf_order
from store.atlas.ranges import contribution_ranges, mean_code_ranges
from tests.app.test_classes import API, PAGE, data, head  # noqa: F401 a fixture
from tests.head_tables import NAMES, Head


def literal_codes(opened: Opened, image: str, concept: int) -> Any:
    """The concept's codes on an image's patches, as far as they are kept."""
    kept, codes = opened.atlas.patch_codes(image)
    return np.where(kept == concept, codes, 0).max(axis=2)


def test_ranges_hold_what_concepts_contribute(client: TestClient, opened: Opened, head: Head) -> None:  # noqa: F811
    n_exact = 0
    for output in head.classes():
        found = data(client, f"{API}/{output}")["matrix"]
        images = [opened.atlas.image_index[photo["image"]["id"]] for photo in found["photos"]]
        assert sorted(images) == np.flatnonzero(head.predicted == output).tolist()
        concepts = [chip["id"] for chip in found["concepts"]]
        true = (head.pooled[np.ix_(images, concepts)] * head.slopes[concepts, output]).T
        low, high = np.array(found["low"]), np.array(found["high"])
        slack = 1e-6 * np.abs(true).max()
        assert (low <= true + slack).all()
        assert (true <= high + slack).all()
        exact = low == high
        assert low[exact] == pytest.approx(true[exact], rel=1e-5, abs=slack)
        assert found["n_exact"] == exact.sum()
        n_exact += exact.sum()
    assert n_exact > 100


def test_mean_codes_are_exact_where_they_are_kept(opened: Opened, head: Head) -> None:  # noqa: F811
    output = head.classes()[0]
    rows = opened.atlas.output_images([output])
    concepts = [row["concept"] for row in opened.atlas.head_concepts(output)]
    found = mean_code_ranges(opened.atlas, rows, concepts)
    for i, row in enumerate(rows):
        kept = {one["concept"]: one["pooled"] for one in opened.atlas.image_concepts(row["id"])}
        for c, concept in enumerate(concepts):
            true = head.pooled[row["image"], concept]
            if concept in kept:
                assert found.low[i, c] == found.high[i, c] == kept[concept]
            assert found.low[i, c] <= true * (1 + 1e-5) + 1e-9
            assert true <= found.high[i, c] * (1 + 1e-5) + 1e-9


def test_without_all_images_a_class_tells_less(opened: Opened, head: Head) -> None:  # noqa: F811
    output = head.classes()[0]
    shown = opened.atlas.head_concepts(output)[:8]
    concepts = [row["concept"] for row in shown]
    images = opened.atlas.output_images([output])
    codes, slopes = mean_code_ranges(opened.atlas, images, concepts), opened.atlas.mean_slopes.at(concepts)
    whole = contribution_ranges(shown, codes, n_images=len(images), slopes=slopes)
    part = contribution_ranges(shown, codes, n_images=len(images) + 5, slopes=slopes)
    assert (part.half >= whole.half - 1e-12).all()
    assert np.isfinite(part.high).all()


def test_the_mean_slope_of_a_concept_comes_from_any_class(opened: Opened, head: Head) -> None:  # noqa: F811
    true, found = np.abs(head.slopes.mean(axis=1)), opened.atlas.mean_slopes
    assert (found.low <= true * (1 + 1e-5) + 1e-9).all()
    assert (true <= found.high * (1 + 1e-5) + 1e-9).all()
    known = found.low == found.high
    assert known.any()
    assert found.low[known] == pytest.approx(true[known], rel=1e-5)


def test_like_photos_stand_beside_each_other(client: TestClient, head: Head) -> None:  # noqa: F811
    found = data(client, f"{API}/{head.classes()[0]}")["matrix"]
    low, high = np.array(found["low"]), np.array(found["high"])
    certain = np.minimum(np.abs(low), np.abs(high))
    assert found["scale"] == pytest.approx(np.quantile(certain, 0.98))
    wide = (high - low) / 2 > found["scale"] / 6
    assert found["n_wide"] == wide.sum()
    drawn = np.where(wide, np.sign(low + high) * certain, (low + high) / 2)
    surest = np.argsort([-photo["probability"] for photo in found["photos"]], kind="stable")
    assert [int(surest[leaf]) for leaf in leaf_order(drawn.T[surest])] == list(range(len(surest)))


def test_patches_belong_to_the_strongest_concept(client: TestClient, opened: Opened, head: Head) -> None:  # noqa: F811
    found = data(client, f"{API}/{head.classes()[0]}")["parcels"]
    concepts, largest = [chip["id"] for chip in found["concepts"]], opened.atlas.columns["max"]
    counts = dict.fromkeys(concepts, 0)
    for photo in found["photos"]:
        image = photo["photo"]["image"]["id"]
        codes = {k: literal_codes(opened, image, k) / largest[k] for k in concepts}
        mine, none = dict.fromkeys(concepts, 0), 0
        for place in np.ndindex(codes[concepts[0]].shape):
            best = max(concepts, key=lambda k: (codes[k][place], -concepts.index(k)))
            if codes[best][place] > 0:
                mine[best] += 1
            else:
                none += 1
        assert {one["concept"]: one["n_patches"] for one in photo["regions"]} == {k: n for k, n in mine.items() if n}
        assert photo["n_none"] == none
        counts = {k: counts[k] + mine[k] for k in concepts}
    total = found["n_patches"] * len(found["photos"])
    assert found["shares"] == pytest.approx([counts[k] / total for k in concepts])
    assert dominant(np.zeros((2, 1, 3))).tolist() == [[-1, -1, -1]]


def test_groups_and_what_they_are_called(client: TestClient, opened: Opened, head: Head) -> None:  # noqa: F811
    classes = np.array([row["class"] for row in opened.atlas.images()])
    told = set(head.classes())
    for output in told:
        for group in data(client, f"{API}/{output}")["confusions"]:
            mine = head.predicted[classes == group["class"]]
            assert group["n_images"] == len(mine)
            assert group["recall"] == pytest.approx((mine == output).mean())
            assert group["precision"] == pytest.approx((classes[head.predicted == output] == group["class"]).mean())
            assert {one["output"]: one["n_images"] for one in group["called"]} == {
                c: int((mine == c).sum()) for c in told if (mine == c).any()
            }
            assert group["n_untold"] == sum(c not in told for c in mine)
            assert [one["is_this"] for one in group["called"]] == [one["output"] == output for one in group["called"]]


def test_pushes_by_a_slow_twin(client: TestClient, head: Head) -> None:  # noqa: F811
    here, there = head.classes()[:2]
    against = data(client, f"{API}/{here}?against={there}")["against"]
    of_class = head.pooled[head.predicted == here]
    assert against["pushes"]
    for one in against["pushes"]:
        k = one["concept"]["id"]
        each = of_class[:, k] * (head.slopes[k, there] - head.slopes[k, here])
        assert one["value"] == pytest.approx(each.mean())
        assert one["standard_error"] == pytest.approx(each.std(ddof=1) / np.sqrt(len(each)))
    both = set(head.order(here)) & set(head.order(there))
    all_of_them = [(of_class[:, k] * (head.slopes[k, there] - head.slopes[k, here])).mean() for k in both]
    assert against["n_pushes"] == len(both)
    assert against["pushed"] == pytest.approx(sum(value for value in all_of_them if value > 0))
    assert against["held"] == pytest.approx(sum(value for value in all_of_them if value < 0))
    values = [one["value"] for one in against["pushes"]]
    assert values == sorted(values, reverse=True)
    assert max(all_of_them) == pytest.approx(values[0])
    for one in against["differences"]:
        a, b = ((one[side] or 0) > 0 for side in ("here", "there"))
        assert one["speaks"] == {(1, 1): "both", (1, 0): "here", (0, 1): "there", (0, 0): "neither"}[(a, b)]
    nothing = {"importance": 1.0, "contrast": 1.0, "standard_error": 0.1}
    assert pushes_to({3: nothing}, {3: nothing}) == {}


def test_leaders_and_groups_in_the_index(client: TestClient, opened: Opened, head: Head) -> None:  # noqa: F811
    classes = np.array([row["class"] for row in opened.atlas.images()])
    cards = data(client, API)
    for card in cards:
        of_class = head.pooled[head.predicted == card["output"]] * head.slopes[:, card["output"]]
        leads = np.bincount(of_class.argmax(axis=1), minlength=of_class.shape[1])
        assert leads[card["leader"]["id"]] == leads.max()
        assert card["leader_share"] == leads.max() / len(of_class)
        met = classes[head.predicted == card["output"]].tolist()
        assert met.count(card["group"]) == max(met.count(name) for name in met)
        assert card["group_share"] == met.count(card["group"]) / len(met)
        assert card["accuracy"] is None
    group = cards[0]["group"]
    among = {card["output"] for card in data(client, f"{API}?group={group}")}
    assert among == {c for c in head.classes() if (head.predicted[classes == group] == c).any()}
    assert data(client, f"{API}?group=nothing+like+it") == []
    assert "No class is predicted for photos of nowhere" in client.get(f"{PAGE}?group=nowhere").text
    table = client.get(f"{API}?format=csv").text.splitlines()
    assert {"leader_share", "group", "group_share", "accuracy"} <= set(table[0].split(","))
    assert len(table) == len(cards) + 1


def test_a_group_may_have_the_name_of_a_class() -> None:
    assert namesake("crane, heron", ["Heron ", "crab"]) == "Heron "
    assert namesake("crane, heron", ["her", "crab"]) is None
    assert namesake(NAMES[0], [NAMES[0]]) == NAMES[0]


def test_the_page_says_it_without_script(client: TestClient, head: Head) -> None:  # noqa: F811
    output = head.classes()[0]
    text = client.get(f"{PAGE}/{output}").text
    found = data(client, f"{API}/{output}")["matrix"]
    body = text[text.index('class="matrix') : text.index('id="matrix-ranges"')]
    assert body.count("</td>") == 1 + len(found["concepts"]) * len(found["photos"])
    assert body.count('scope="col"') == len(found["photos"])
    for said in ("Photo by photo", "Where on the photos", "What the model says instead", "What is this?"):
        assert said in text
