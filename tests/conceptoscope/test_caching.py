"""What is kept on disk: asked for again by its ETag, never when private, bounded, shared."""

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from conceptoscope import Client, Forbidden, Unauthorized
from conceptoscope.asking import Reply
from conceptoscope.cache import DiskCache, may_keep
from store.catalog.session import Catalog
from store.catalog.tokens import add_token
from store.settings import Settings
from store.vocabulary import Scope
from tests.app.jobs import Numbers
from tests.conceptoscope.failing import Answer, failing
from tests.conceptoscope.recording import Noted, Recording
from tests.serving import serve

pytestmark = pytest.mark.slow

MB = 1_000_000
Make = Callable[..., Client]


@pytest.fixture
def keeping(base: str, noted: Noted, tmp_path: Path) -> Make:
    """Clients that share a folder."""
    return lambda **more: Client(base, cache=tmp_path / "cache", transport=Recording(noted), **more)


def test_a_repeated_request_is_a_304(keeping: Make, noted: Noted) -> None:
    with keeping() as client:
        first = client.dictionary("tiny-topk").detail()
        assert noted.statuses == [200, 304]
        assert client.dictionary("tiny-topk").detail() == first
        assert noted.statuses == [304, 304]
    with keeping() as another:
        assert another.dictionary("tiny-topk").detail() == first
    assert noted.statuses == [304, 304]


def test_pages_are_kept_one_by_one(keeping: Make, noted: Noted) -> None:
    with keeping() as client:
        concepts = client.dictionary("tiny-topk").concepts(limit=20)
        rows = concepts.to_list()
        noted.take()
        assert concepts.to_list() == rows
        assert noted.statuses == [304, 304, 304]


def test_pictures_are_not_asked_for_again(keeping: Make, noted: Noted) -> None:
    with keeping() as client:
        examples = client.dictionary("tiny-topk")[6].examples(limit=4)
        pictures = examples.pil()
        assert 200 in noted.statuses
        assert [one.tobytes() for one in examples.pil()] == [one.tobytes() for one in pictures]
        assert noted.take() == []


def test_what_changes_is_sent_anew(tmp_path: Path) -> None:
    one, two = (Answer(content=b'{"data": {"n": %d}, "links": {}}' % n, headers={"ETag": f'"{n}"'}) for n in (1, 2))
    with failing(one, Answer(304, b""), two) as server, Client(server.address, cache=tmp_path) as client:
        assert [client.get("/x").n for _ in range(3)] == [1, 1, 2]
        assert [headers.get("if-none-match") for _, _, headers, _ in server.asked] == [None, '"1"', '"1"']


@pytest.mark.parametrize("control", ["no-store", "no-store, private", "private", "max-age=0, Private"])
def test_private_answers_are_not_kept(tmp_path: Path, control: str) -> None:
    headers = {"ETag": '"1"', "Cache-Control": control}
    with failing(Answer(headers=headers)) as server, Client(server.address, cache=tmp_path) as client:
        client.get("/x")
        client.get("/x")
        assert ["if-none-match" in headers for _, _, headers, _ in server.asked] == [False, False]
    assert list(tmp_path.iterdir()) == []


def test_each_token_has_its_own(tmp_path: Path) -> None:
    with failing(Answer(headers={"ETag": '"1"'})) as server:
        for token in ("one", "two", None):
            with Client(server.address, cache=tmp_path, token=token) as client:
                client.get("/x")
        assert ["if-none-match" in headers for _, _, headers, _ in server.asked] == [False] * 3
    assert b"one" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.slow
def test_a_token_opens_a_closed_server_and_its_answers_are_kept_for_it_alone(
    filled: tuple[Path, Numbers], tmp_path: Path, noted: Noted
) -> None:
    catalog = Catalog(Settings(store=filled[0]).catalog_url)
    with catalog.session() as session:
        one, two = (add_token(session, name, scopes=[Scope.READ])[1].text for name in ("one", "two"))
    catalog.close()
    folder = tmp_path / "cache"
    with serve(filled[0], access="tokens") as base:
        with pytest.raises(Unauthorized), Client(base) as nobody:
            nobody.service()
        for token, statuses in ((one, [200, 304]), (two, [200, 304]), (one, [304, 304])):
            with Client(base, token=token, cache=folder, transport=Recording(noted)) as client:
                client.service()
                client.service()
            assert noted.statuses == statuses
        with pytest.raises(Forbidden, match="jobs"), Client(base, token=one) as client:
            client.submit("index", dictionary="tiny-topk")
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_what_has_no_tag_and_does_not_last_is_not_kept() -> None:
    for is_own in (True, False):
        assert not may_keep(reply(b"x"), is_own=is_own)
        assert may_keep(reply(b"x", ETag='"1"'), is_own=is_own)
        assert may_keep(reply(b"x", **{"Cache-Control": "public, max-age=31536000, immutable"}), is_own=is_own)
        assert not may_keep(reply(b"x", ETag='"1"', **{"Cache-Control": "private, no-store"}), is_own=is_own)
        assert may_keep(reply(b"x", ETag='"1"', **{"Cache-Control": "private"}), is_own=is_own) == is_own


def reply(content: bytes, **headers: str) -> Reply:
    return Reply(200, httpx.Headers(headers), content, "http://x/")


@pytest.mark.parametrize(("end", "more"), [(-3, b""), (40, b""), (0, b""), (None, b"x")])
def test_a_damaged_file_counts_as_absent(tmp_path: Path, end: int | None, more: bytes) -> None:
    cache = DiskCache(tmp_path, limit_bytes=MB)
    cache.save("key", reply(b"content", ETag='"1"'))
    kept = cache.find("key")
    assert kept is not None
    assert (kept.content, kept.etag, kept.is_lasting) == (b"content", '"1"', False)
    [path] = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:end] + more)
    assert cache.find("key") is None


def test_a_file_in_anothers_place_is_not_taken_for_it(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, limit_bytes=MB)
    cache.save("a", reply(b"of a", ETag='"1"'))
    [path] = tmp_path.iterdir()
    cache.save("b", reply(b"of b", ETag='"2"'))
    [other] = set(tmp_path.iterdir()) - {path}
    path.replace(other)
    assert cache.find("b") is None


def test_the_least_used_go_when_there_is_no_room(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, limit_bytes=50_000)
    for n in range(100):
        cache.save(f"key {n}", reply(bytes(2000), ETag=f'"{n}"'))
        for path in tmp_path.glob("*.answer"):
            if path.stat().st_mtime > n + 1:
                os.utime(path, (n + 1, n + 1))
        assert cache.find("key 0") is not None  # used each time
        assert size_of(tmp_path) <= 50_000 * 1.1
    assert cache.find("key 99") is not None
    assert cache.find("key 30") is None
    assert size_of(tmp_path) > 20_000
    cache.save("large", reply(bytes(60_000), ETag='"x"'))
    assert cache.find("large") is None
    cache.clear()
    assert size_of(tmp_path) == 0


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def write_many(folder: Path, seed: int) -> None:
    cache = DiskCache(folder, limit_bytes=200_000)
    for n in range(150):
        key = f"key {(n * 7 + seed) % 40}"
        kept = cache.find(key)
        assert kept is None or kept.content == key.encode() * 500, "a part of a file was read"
        cache.save(key, reply(key.encode() * 500, ETag='"1"'))


def test_several_processes_share_a_folder(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=write_many, args=(tmp_path, seed)) for seed in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert {path.suffix for path in tmp_path.iterdir()} == {".answer"}
    assert size_of(tmp_path) <= 200_000 * (1 + 4 * 0.1)


def test_a_full_disk_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = DiskCache(tmp_path, limit_bytes=MB)

    def full(*_given: object, **_named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("conceptoscope.cache.os.fdopen", full)
    cache.save("key", reply(b"content", ETag='"1"'))
    assert cache.find("key") is None
    assert list(tmp_path.iterdir()) == []
