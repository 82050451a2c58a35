"""Analyses on disk and in the catalog: both or neither, and in the end nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from store.analyses.files import AnalysisFiles, new_id
from store.analyses.keeper import Keeper, NoRoom
from store.analyses.result import AnalysisResult, Codes
from store.catalog.session import Catalog
from store.encoding.contract import PhotoFacts
from store.errors import Damaged, NotFound
from store.settings import Settings

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
CODES = Codes(
    indices=np.array([[3, 1], [1, 0]], dtype=np.int32),
    values=np.array([[2.0, 1.0], [0.5, 0.0]], dtype=np.float32),
    concepts=np.array([1, 3], dtype=np.int32),
    pooled=np.array([0.75, 1.0], dtype=np.float32),
    peak=np.array([1.0, 2.0], dtype=np.float32),
    peak_patch=np.array([0, 0], dtype=np.int32),
    percentile=np.array([0.5, 1.0], dtype=np.float32),
    contribution=np.zeros(0, dtype=np.float32),
    parts=np.zeros((0, 0), dtype=np.float32),
    prefix_indices=np.zeros((0, 0), dtype=np.int32),
    prefix_values=np.zeros((0, 0), dtype=np.float32),
)
RESULT = AnalysisResult(
    source=None,
    photo=PhotoFacts(sha256="0" * 64, width=4, height=3),
    copy_width=4,
    copy_height=3,
    dictionaries=(),
)


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    settings = Settings(store=tmp_path, analyses_max=3, analyses_bytes=10_000)
    catalog = Catalog(settings.catalog_url)
    yield Keeper(settings, catalog)
    catalog.close()


def keep(keeper: Keeper, *, n_bytes: int = 10, now: datetime = NOW) -> str:
    return keeper.keep(RESULT, photo=bytes(n_bytes), codes=[[CODES]], now=now)


def test_what_is_kept_comes_back(keeper: Keeper) -> None:
    public_id = keep(keeper)
    found = keeper.get(public_id, now=NOW)
    assert found.result == RESULT
    assert found.expires_at == NOW + timedelta(days=1)
    assert keeper.files.photo(public_id) == bytes(10)
    codes = keeper.files.codes(public_id, 0)
    for name in Codes.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(codes, name), getattr(CODES, name))
    np.testing.assert_array_equal(codes.map_of(1), [1.0, 0.5])
    np.testing.assert_array_equal(codes.map_of(2), [0, 0])


def test_ids_are_long_and_never_the_same(keeper: Keeper) -> None:
    ids = {new_id() for _ in range(200)}
    assert len(ids) == 200
    assert all(len(bytes.fromhex(one)) * 8 >= 128 for one in ids)
    assert len({keep(keeper), keep(keeper)}) == 2  # the same photo twice


def test_time_is_over_to_the_second(keeper: Keeper) -> None:
    public_id = keep(keeper)
    end = NOW + timedelta(days=1)
    assert keeper.get(public_id, now=end - timedelta(seconds=1))
    with pytest.raises(NotFound):
        keeper.get(public_id, now=end)
    assert keeper.sweep(now=end - timedelta(seconds=1)) == 0
    assert keeper.sweep(now=end) == 1
    assert keeper.sweep(now=end) == 0
    assert list(keeper.files.ids()) == []


def test_deleting_takes_files_and_row(keeper: Keeper, tmp_path: Path) -> None:
    public_id, other = keep(keeper), keep(keeper)
    keeper.delete(public_id)
    assert [name for name, _ in keeper.files.ids()] == [other]
    with pytest.raises(NotFound):
        keeper.get(public_id, now=NOW)
    keeper.delete(public_id)  # twice is no fault
    assert keeper.get(other, now=NOW)


def test_files_that_nobody_knows_of_go_after_a_while(keeper: Keeper) -> None:
    stray = new_id()
    keeper.files.save(stray, photo=b"x", codes=[[CODES]])
    now = datetime.now(UTC)
    assert keeper.sweep(now=now) == 0  # somebody may be about to write the row
    assert keeper.n_expired(now=now + timedelta(minutes=11)) == 1
    assert keeper.sweep(now=now + timedelta(minutes=11)) == 1
    assert list(keeper.files.ids()) == []


def test_a_removal_that_was_cut_off_is_finished(keeper: Keeper, tmp_path: Path) -> None:
    public_id = keep(keeper, now=datetime.now(UTC))
    folder = tmp_path / "analyses"
    (folder / public_id).rename(folder / f".going-{public_id}")
    with pytest.raises(Damaged, match="Give the photo again"):
        keeper.files.photo(public_id)
    keeper.sweep(now=datetime.now(UTC) + timedelta(days=2))
    assert list(folder.iterdir()) == []


def test_room_by_number_and_by_bytes(keeper: Keeper) -> None:
    for _ in range(3):
        keeper.check_room(now=NOW)
        keep(keeper)
    with pytest.raises(NoRoom, match="Try again later"):
        keeper.check_room(now=NOW)
    keeper.check_room(now=NOW + timedelta(days=2))  # what has expired makes room
    assert list(keeper.files.ids()) == []
    keep(keeper, n_bytes=20_000)
    with pytest.raises(NoRoom):
        keeper.check_room(now=NOW)


def test_a_row_that_cannot_be_written_leaves_no_file(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the catalog is away")

    monkeypatch.setattr("store.analyses.keeper.save_analysis", fail)
    with pytest.raises(RuntimeError):
        keep(keeper)
    assert list(keeper.files.ids()) == []


def test_broken_arrays_are_told_in_words(keeper: Keeper, tmp_path: Path) -> None:
    public_id = keep(keeper)
    path = tmp_path / "analyses" / public_id / "arrays.safetensors"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(Damaged, match="Give the photo again"):
        keeper.files.codes(public_id, 0)
    with pytest.raises(Damaged):
        keeper.files.codes(keep(keeper), 1)


def test_a_folder_of_its_own(tmp_path: Path) -> None:
    settings = Settings(store=tmp_path / "store", analyses_dir=tmp_path / "photos")
    catalog = Catalog(settings.catalog_url)
    public_id = Keeper(settings, catalog).keep(RESULT, photo=b"x", codes=[[CODES]])
    catalog.close()
    assert AnalysisFiles(tmp_path / "photos").photo(public_id) == b"x"
    assert not (tmp_path / "store" / "analyses").exists()
