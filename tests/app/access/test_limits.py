"""How much a visitor may have."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from app.access.limits import Buckets, Rate
from store.vocabulary import Access, Scope
from tests.app.access.doors import Doors, Opens


class Clock:
    """Time as the test says."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 4)), max_size=40))
def test_a_bucket_is_its_slow_twin(asks: list[tuple[float, int]]) -> None:
    """The twin keeps what was taken and fills in steps of a millisecond's worth, summed at once."""
    rate, clock = Rate("x", 10, 60.0), Clock()
    buckets, level, at = Buckets(clock=clock), 10.0, 0.0
    for wait, n in asks:
        clock.now += wait
        level = min(10.0, level + (clock.now - at) * 10 / 60)
        at = clock.now
        left = buckets.take("one", rate, n=n)
        if level >= n:
            level -= n
            assert left.wait_s == 0
        else:
            assert left.wait_s == pytest.approx((n - level) * 6)
        assert left.level == pytest.approx(level)


def test_over_any_minute_nobody_gets_more_than_twice_the_quota() -> None:
    rate, clock, rng = Rate("x", 20), Clock(), random.Random(1)
    buckets, given_at = Buckets(clock=clock), []
    for _ in range(2000):
        clock.now += rng.expovariate(2)
        if not buckets.take("one", rate).wait_s:
            given_at.append(clock.now)
    for begin in given_at:
        assert sum(begin <= at < begin + 60 for at in given_at) <= 40


def test_who_waits_as_told_is_answered() -> None:
    rate, clock = Rate("x", 3), Clock()
    buckets = Buckets(clock=clock)
    for _ in range(3):
        buckets.take("one", rate)
    left = buckets.take("one", rate)
    assert left.headers["Retry-After"] == "20"
    assert left.headers["RateLimit"] == '"x";r=0;t=60'
    assert left.headers["RateLimit-Policy"] == '"x";q=3;w=60'
    clock.now += 20
    assert "Retry-After" not in buckets.take("one", rate).headers


def test_the_number_of_visitors_is_bounded_and_those_who_come_often_are_kept() -> None:
    buckets, rate = Buckets(n_visitors=10, clock=Clock()), Rate("x", 5)
    for number in range(1000):
        buckets.take(f"visitor {number}", rate)
        left = buckets.take("often", rate)
        assert len(buckets) <= 10
    assert left.wait_s > 0


def test_what_is_known_afterwards_may_overdraw_once() -> None:
    buckets, rate, clock = Buckets(clock=Clock()), Rate("bytes", 100), Clock()
    assert not buckets.take("one", rate, n=0, least=60).wait_s
    assert buckets.take("one", rate, n=150, least=float("-inf")).level == -50
    assert buckets.take("one", rate, n=0, least=1).wait_s == pytest.approx(51 * 0.6)
    assert clock.now == 0


def statuses(client: TestClient, n: int, path: str = "/api/v1", **more: Any) -> list[int]:
    return [client.get(path, **more).status_code for _ in range(n)]


def test_each_visitor_has_limits_of_their_own(opened_by: Opens, doors: Doors) -> None:
    public = opened_by(Access.READ_ONLY_PUBLIC, rate_reads=3)
    assert statuses(public, 5) == [200] * 3 + [429] * 2
    refused = public.get("/api/v1")
    assert refused.headers["content-type"] == "application/problem+json"
    assert int(refused.headers["retry-after"]) > 0
    assert refused.headers["ratelimit"].startswith('"reads";r=0;t=')
    told = public.get("/api/v1", headers=doors.bearer(Scope.READ)).headers
    assert told["ratelimit"].startswith('"reads";r=2;')
    assert told["ratelimit-policy"] == '"reads";q=3;w=60'
    other = TestClient(public.app, client=("192.0.2.1", 1))
    assert other.get("/api/v1").status_code == 200
    assert public.get("/static/x/y").status_code == 404
    assert public.get("/healthz").status_code == 200


def test_changes_and_analyses_have_tighter_limits(opened_by: Opens, doors: Doors) -> None:
    client = opened_by(Access.TOKENS, rate_changes=2, rate_analyses=1)
    jobs, photos = doors.bearer(Scope.JOBS), doors.bearer(Scope.ANALYSE)
    assert [client.post("/api/v1/jobs/9/cancel", headers=jobs).status_code for _ in range(3)] == [404, 404, 429]
    assert [client.post("/api/v1/analyses", headers=photos).status_code for _ in range(2)] == [400, 429]
    assert client.get("/_f/a/x/edits", headers=photos).status_code == 429
    assert client.get("/api/v1", headers=photos).status_code == 200


@pytest.mark.parametrize("path", ["/a/x", "/api/v1/analyses/x", "/_f/a/x/concept"])
def test_a_look_that_asks_the_encoder_is_an_analysis(opened_by: Opens, doors: Doors, path: str) -> None:
    client = opened_by(Access.TOKENS, rate_analyses=1)
    photos = doors.bearer(Scope.ANALYSE)
    for query in ("", "?edits=", "?edits=%20&map=codes&concept=3", "?concept=3&sort=peak"):
        assert client.get(path + query, headers=photos).headers["ratelimit"].startswith('"reads"'), query
    for query in ("?%65dits=3_ablate", "?edits=3_ablate&d=a", "?map=occlusion&concept=3"):
        answer = client.get(path + query, headers=photos)
        assert answer.headers["ratelimit-policy"].startswith('"analyses"'), query
    assert answer.status_code == 429
    assert client.head(path + "?edits=3_ablate", headers=photos).status_code == 429
    assert client.get(path, headers=photos).status_code in (400, 404)


def test_on_this_machine_nothing_is_counted(client: TestClient) -> None:
    response = client.get("/api/v1")
    assert "ratelimit" not in response.headers


def test_zero_sets_no_limit(opened_by: Opens) -> None:
    public = opened_by(Access.READ_ONLY_PUBLIC, rate_reads=0)
    assert "ratelimit" not in public.get("/api/v1").headers


def test_what_is_uploaded_in_a_day_is_bounded(opened_by: Opens, doors: Doors) -> None:
    client = opened_by(Access.TOKENS, uploads_per_day=100_000)
    photos, path = doors.bearer(Scope.ANALYSE), "/api/v1/analyses"
    photo = {"file": ("x.png", b"x" * 60_000)}
    data = {"dictionary": "tiny-topk"}

    def send() -> Any:
        return client.post(path, files=photo, data=data, headers=photos)

    assert send().status_code == 503, "no encoder runs here, but the photo was taken in"
    refused = send()
    assert refused.status_code == 429
    assert "MiB of photos in a day" in refused.json()["detail"]
    assert refused.headers["ratelimit-policy"] == '"uploads";q=100000;w=86400'
    assert (
        client.post(path, content=iter([b"x"]), headers=photos | {"Content-Type": "application/json"}).status_code
        == 400
    )
    other = doors.bearer(Scope.ADMIN)
    assert client.post(path, files=photo, data=data, headers=other).status_code == 503
