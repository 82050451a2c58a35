"""Many photos one after the other, whole and broken; ``benchmarks.fuzz`` and ``benchmarks.uploads`` send thousands."""

from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from benchmarks.uploads import photos
from benchmarks.visitors import fault_of
from store.settings import Settings
from tests.app.explaining import send, site_of
from tests.malformed import WAYS, malformed
from worker.demo import find_demo_photos

pytestmark = pytest.mark.slow
LATER = datetime.now(UTC) + timedelta(hours=25)


def test_malformed_files_are_explained_or_refused_in_a_sentence(explainer: TestClient) -> None:
    answers = [send(explainer, content) for _, content in malformed(8 * len(WAYS), seed=5)]
    refused = [answer for answer in answers if answer.status_code != 201]
    assert [fault_of(answer) for answer in refused] == [None] * len(refused)
    assert {answer.status_code for answer in refused} == {413, 415, 422}


def test_nothing_is_left_of_many_photos_when_their_time_is_over(explainer: TestClient) -> None:
    keeper, files = site_of(explainer).keeper, sorted(find_demo_photos(Settings()).glob("*.jpeg"))
    keeper.sweep(now=LATER)
    answers = [(kind, send(explainer, content)) for kind, content in photos(60, files)]
    for kind, answer in answers:
        too_large = answer.status_code == 413  # this program takes a million pixels
        assert answer.status_code == (422 if kind.startswith("broken") else 201) or too_large, (kind, answer.text)
        assert answer.status_code == 201 or fault_of(answer) is None
    n_kept = sum(answer.status_code == 201 for _, answer in answers)
    assert n_kept > 40
    assert keeper.sweep(now=LATER) == n_kept
    assert not list(keeper.files.ids())
