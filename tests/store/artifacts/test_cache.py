"""The cache: bounded, the longest unused leaves, nothing in use leaves, several processes share it."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.artifacts.cache import Cache, CacheFull, CacheUse, Hold
from store.vocabulary import Kind


def writes(content: bytes) -> Callable[[BinaryIO], None]:
    def write(file: BinaryIO) -> None:
        file.write(content)

    return write


def add(cache: Cache, digest: str, name: str = "file", *, n_bytes: int = 100) -> Hold:
    """Add a file; uses are at least a tick of the clock apart."""
    time.sleep(0.02)  # file times move in steps of some milliseconds
    return cache.add(cache.folder(Kind.ATLAS, digest) / name, n_bytes=n_bytes, write=writes(b"x" * n_bytes))


def there(cache: Cache) -> set[str]:
    return {path.name for path in (cache.root / Kind.ATLAS).glob("*")}


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", n_bytes=300)


def test_the_longest_unused_artifact_leaves_with_all_its_files(cache: Cache) -> None:
    add(cache, "a", "one", n_bytes=50)
    add(cache, "a", "two", n_bytes=50)
    for digest in "bc":
        add(cache, digest)
    time.sleep(0.02)  # file times move in steps of some milliseconds
    cache.hold(cache.folder(Kind.ATLAS, "a") / "two")  # one use of one file
    add(cache, "d")
    assert there(cache) == {"a", "c", "d"}
    add(cache, "e", n_bytes=101)
    assert there(cache) == {"d", "e"}
    assert cache.size() <= 300


def test_what_is_in_use_never_leaves(cache: Cache) -> None:
    held = [add(cache, digest) for digest in "abc"]
    with pytest.raises(CacheFull, match=r"holds 0\.00 GiB at most.*CONCEPTOSCOPE_CACHE_BYTES"):
        add(cache, "d")
    held[1].release()
    add(cache, "d")
    assert there(cache) == {"a", "c", "d"}
    del held[0]  # nobody refers to the first one any more
    add(cache, "e", n_bytes=200)
    assert there(cache) == {"c", "e"}


def test_single_files_of_an_artifact_in_use_leave_when_nothing_else_can(cache: Cache) -> None:
    kept = add(cache, "a", "geometry", n_bytes=10)
    for number in range(8):  # a pass over shards, of which no two need to be here
        add(cache, "a", f"shard-{number}").release()
        assert cache.size() <= 300
    names = {path.name for path in cache.folder(Kind.ATLAS, "a").iterdir()}
    assert names == {"geometry", "shard-6", "shard-7"}
    kept.release()


def test_a_file_appears_when_it_is_whole(cache: Cache) -> None:
    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise ConnectionError

    path = cache.folder(Kind.ATLAS, "a") / "file"
    with pytest.raises(ConnectionError):
        cache.add(path, n_bytes=100, write=fail)
    assert cache.hold(path) is None
    assert cache.size() == 0


def test_room_is_taken_before_it_is_filled(cache: Cache) -> None:
    """Otherwise two downloads at once would each count on the same room."""

    def look(file: BinaryIO) -> None:
        assert cache.size() == 250
        with pytest.raises(CacheFull):
            add(cache, "b")
        file.write(b"x" * 250)

    cache.add(cache.folder(Kind.ATLAS, "a") / "file", n_bytes=250, write=look)


def test_an_old_part_of_a_killed_process_leaves(cache: Cache) -> None:
    folder = cache.folder(Kind.ATLAS, "a")
    folder.mkdir(parents=True)
    (folder / ".file.part-1-1").write_bytes(b"x" * 280)
    add(cache, "b")
    assert there(cache) == {"b"}


def test_two_that_add_the_same_file_share_the_first(cache: Cache) -> None:
    path = cache.folder(Kind.ATLAS, "a") / "file"
    inner: list[Hold] = []

    def write(file: BinaryIO) -> None:
        inner.append(add(cache, "a"))
        file.write(b"x" * 100)

    outer = cache.add(path, n_bytes=100, write=write)
    assert cache.size() == 100
    inner[0].release()
    with pytest.raises(CacheFull):
        add(cache, "b", n_bytes=201)
    outer.release()
    add(cache, "b", n_bytes=201)


def test_a_file_that_another_process_uses_stays(cache: Cache) -> None:
    add(cache, "a").release()
    code = f"""
import sys, time
from pathlib import Path
from store.artifacts.cache import Cache
hold = Cache(Path({str(cache.root)!r}), n_bytes=300).hold(Path({str(cache.folder(Kind.ATLAS, "a") / "file")!r}))
print("holds", flush=True)
sys.stdin.readline()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds\n"
        with pytest.raises(CacheFull):
            add(cache, "b", n_bytes=250)
        process.kill()
    add(cache, "b", n_bytes=250)


def test_many_threads_and_processes_keep_the_bound(cache: Cache) -> None:
    code = f"""
import random, sys
from pathlib import Path
from store.artifacts.cache import Cache
from store.vocabulary import Kind
from tests.store.artifacts.test_cache import add
cache = Cache(Path({str(cache.root)!r}), n_bytes=300)
rng = random.Random(int(sys.argv[1]))
for _ in range(60):
    digest = rng.choice("abcdefgh")
    path = cache.folder(Kind.ATLAS, digest) / "file"
    hold = cache.hold(path) or add(cache, digest, n_bytes=100)
    assert path.stat().st_size == 100 and path.read_bytes() == b"x" * 100, digest
    assert cache.size() <= 300
    hold.release()
"""
    processes = [subprocess.Popen([sys.executable, "-c", code, str(seed)]) for seed in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]


def test_a_hold_waits_for_nobody_that_only_looks(cache: Cache) -> None:
    """Making room locks files for a moment; a reader then waits and finds its file, or finds it gone."""
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            add(cache, "z", f"{time.monotonic_ns()}", n_bytes=250).release()

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(50):
            hold = add(cache, "a", n_bytes=50)
            assert (cache.folder(Kind.ATLAS, "a") / "file").exists()
            hold.release()
    finally:
        stop.set()
        thread.join()


def test_a_published_folder_is_adopted_when_there_is_room(cache: Cache, tmp_path: Path) -> None:
    for name, n_bytes, stays in (("small", 200, True), ("large", 400, False)):
        folder = tmp_path / name
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "file").write_bytes(os.urandom(n_bytes))
        cache.adopt(folder, Kind.ATLAS, name)
        assert (cache.folder(Kind.ATLAS, name) / "deep" / "file").exists() == stays
        assert (folder / "deep" / "file").exists() != stays


@pytest.mark.slow
@settings(max_examples=10)
@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 120), st.booleans()), min_size=1, max_size=20),
)
def test_the_bound_holds_whatever_is_added_and_kept(
    tmp_path_factory: pytest.TempPathFactory, uses: list[tuple[str, int, bool]]
) -> None:
    cache, holds = Cache(tmp_path_factory.mktemp("cache"), n_bytes=300), {}
    for number, (digest, n_bytes, is_kept) in enumerate(uses):
        path = cache.folder(Kind.ATLAS, digest) / str(number)
        try:
            hold = cache.add(path, n_bytes=n_bytes, write=writes(b"x" * n_bytes))
        except CacheFull:
            assert sum(size for _, size in holds.values()) + n_bytes > 300
            continue
        if is_kept:
            holds[path] = (hold, n_bytes)
        del hold
        assert cache.size() <= 300
        assert all(path.stat().st_size == size for path, (_, size) in holds.items())


def test_its_use_is_told_without_making_it(cache: Cache) -> None:
    assert cache.use() == CacheUse(0, 300, n_hits=0, n_misses=0)
    assert not cache.root.exists()
    path = cache.folder(Kind.ATLAS, "a") / "file"
    assert cache.hold(path) is None
    held = add(cache, "a")
    assert cache.hold(path) is not None
    assert cache.use() == CacheUse(100, 300, n_hits=1, n_misses=1)
    held.release()
