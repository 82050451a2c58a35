"""What people write of concepts, through the client."""

import httpx
import pytest

from conceptoscope import Client, Invalid, PreconditionFailed

pytestmark = pytest.mark.slow


def test_labels_are_given_edited_voted_on_and_taken_back(base: str) -> None:
    with Client(base, author="Zoë") as ours, Client(base, author="Max") as theirs:
        concept = ours.dictionary("tiny-topk")[14]
        label = concept.add_label("a corner")
        assert (label.text, label.author, label.n_for) == ("a corner", "Zoë", 1)
        raw = httpx.get(f"{base}/api/v1/dictionaries/tiny-topk/concepts/14/labels").json()["data"]
        assert [one.as_json for one in concept.labels()] == raw
        [seen] = theirs.dictionary("tiny-topk")[14].labels()
        assert seen.vote(1).n_for == 2
        assert label.edit("an upper corner").text == "an upper corner"
        with pytest.raises(PreconditionFailed) as late:
            seen.edit("a lower corner")
        assert late.value.current["text"] == "an upper corner"
        [now] = concept.labels()
        assert now.remove().is_removed
        with pytest.raises(Invalid):
            concept.add_label("")


def test_comments_and_lists_are_the_json(base: str) -> None:
    with Client(base, author="Zoë") as client:
        concept = client.dictionary("tiny-topk")[14]
        made = concept.add_comment("See 15, too.")
        raw = httpx.get(f"{base}/api/v1/dictionaries/tiny-topk/concepts/14/comments").json()["data"]
        assert [one.as_json for one in concept.comments()] == raw == [made.as_json]
        created = client.send("POST", "/api/v1/lists", json={"title": "Corners"})
        assert created is not None
        assert [one.as_json for one in client.lists()] == httpx.get(f"{base}/api/v1/lists").json()["data"]
        assert list(client.on_list(created.card.id)) == []
        found = client.search("disc")
        assert found.as_json == httpx.get(f"{base}/api/v1/search?q=disc").json()["data"]
        assert found.total
