import hashlib
import io
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from store.artifacts import Artifacts
from store.collection import Collection
from store.errors import InvalidInput
from store.specs import ClassRule, CollectionSpec
from store.vocabulary import Kind, Split
from tests.worker.images.photos import draw, encoded, exif, png_header, save_photos
from worker.images.listing import list_photos
from worker.jobs import ingest as job
from worker.jobs.ingest import ingest
from worker.progress import silent


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "store")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_photos(tmp_path / "photos", 8)
    return tmp_path / "photos"


def spec_with(**changes: Any) -> CollectionSpec:
    return CollectionSpec(**{"slug": "photos", "title": "Photos", "held_out": 0.3, **changes})


def ingested(folder: Path, artifacts: Artifacts, **changes: Any) -> Collection:
    return Collection(ingest(folder, spec_with(**changes), artifacts))


def test_a_folder_becomes_a_collection(folder: Path, artifacts: Artifacts) -> None:
    reports: list[tuple[int, int, str]] = []
    artifact = ingest(folder, spec_with(), artifacts, on_progress=lambda *report: reports.append(report))
    collection = Collection(artifact)
    assert [row.source for row in collection.images] == [f"photo-{i:02d}.png" for i in range(8)]
    first = collection.images[0]
    assert (first.width, first.height, first.class_name) == (40, 32, None)
    assert first.id == hashlib.sha256((folder / first.source).read_bytes()).hexdigest()[:16]
    assert {row.split for row in collection.images} == {Split.TRAIN, Split.HELD_OUT}
    assert collection.damaged() == collection.duplicates() == []
    assert reports[-1][0] == reports[-1][1] == 8
    assert all(0 <= done <= total for done, total, _ in reports)
    artifact.verify()


def test_the_same_folder_is_ingested_once(folder: Path, artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ingest(folder, spec_with(), artifacts)
    monkeypatch.setattr(job, "decode", None)  # a second look would fail
    assert ingest(folder, spec_with(), artifacts).digest == first.digest


def test_equal_folders_give_equal_digests_whatever_the_store(
    folder: Path, artifacts: Artifacts, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "moved"
    shutil.copytree(folder, elsewhere)  # keeps the times
    assert (
        ingest(folder, spec_with(), artifacts).digest
        == ingest(elsewhere, spec_with(), Artifacts(tmp_path / "b")).digest
    )


@pytest.mark.parametrize("by", ["prefix", "csv"])
def test_a_copy_with_other_times_and_parents_is_the_same_collection(
    folder: Path, artifacts: Artifacts, tmp_path: Path, by: str
) -> None:
    (folder / "labels.csv").write_text("file,class\nphoto-01.png,one\n")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xffno more")
    shutil.copy(folder / "photo-02.png", folder / "repeat.png")
    copy = tmp_path / "another" / "checkout" / "of photos"
    shutil.copytree(folder, copy)
    for place, path in enumerate(sorted(copy.iterdir())):
        os.utime(path, ns=(place, 10**9 * place))
    rule = {"by": "csv", "csv": "labels.csv"} if by == "csv" else {"by": "prefix", "prefix": 7}
    first, elsewhere = (
        ingest(one, spec_with(classes=rule), Artifacts(tmp_path / one.name / "s")) for one in (folder, copy)
    )
    assert first.digest == elsewhere.digest
    assert first.manifest.inputs.keys() == {"photos"} | ({"csv"} if by == "csv" else set())
    here = ingest(folder, spec_with(classes=rule), artifacts)
    assert ingest(copy, spec_with(classes=rule), artifacts).path == here.path
    assert len(artifacts.list(Kind.COLLECTION)) == 1
    assert list(artifacts.leftovers()) == []


def test_a_collection_of_an_older_store_is_found_by_its_listing(
    folder: Path, artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older manifests have the listing, with its times, in the photos' place: their digests hold, nothing is read."""
    listing = list_photos(folder, besides=artifacts.root)
    with artifacts.draft(Kind.COLLECTION, spec_with(), inputs={"listing": listing.digest}) as draft:
        (draft.path / "collection.duckdb").write_bytes(b"as it was")
        old = artifacts.publish(draft)
    monkeypatch.setattr(job, "decode", None)
    assert ingest(folder, spec_with(), artifacts).digest == old.digest
    assert artifacts.get(Kind.COLLECTION, old.digest).manifest.inputs == {"listing": listing.digest}


@pytest.mark.parametrize("change", ["add", "remove", "rewrite", "rename"])
def test_a_changed_folder_is_another_collection(folder: Path, artifacts: Artifacts, change: str) -> None:
    before = ingest(folder, spec_with(), artifacts)
    photo = folder / "photo-03.png"
    if change == "add":
        save_photos(folder, 1, first=20)
    elif change == "remove":
        photo.unlink()
    elif change == "rename":
        photo.rename(folder / "renamed.png")
    else:
        draw(99).save(photo)
        os.utime(photo, ns=(1, 1))
    assert ingest(folder, spec_with(), artifacts).digest != before.digest


def test_sub_folders_are_classes_with_names_that_people_read(tmp_path: Path, artifacts: Artifacts) -> None:
    folder = tmp_path / "classes"
    save_photos(folder / "n01" / "deep", 2)
    save_photos(folder / "n02", 2, first=2)
    save_photos(folder, 1, first=4)
    collection = ingested(folder, artifacts, classes=ClassRule(names=(("n01", "Tench"),)))
    assert {row.source: row.class_name for row in collection.images} == {
        "n01/deep/photo-00.png": "Tench",
        "n01/deep/photo-01.png": "Tench",
        "n02/photo-02.png": "n02",
        "n02/photo-03.png": "n02",
        "photo-04.png": None,
    }


def test_the_first_letters_are_classes(folder: Path, artifacts: Artifacts) -> None:
    draw(50).save(folder / "Apple.png")
    collection = ingested(folder, artifacts, classes=ClassRule(by="prefix", prefix=1))
    assert Counter(row.class_name for row in collection.images) == {"p": 8, "A": 1}


def test_a_csv_gives_classes(folder: Path, artifacts: Artifacts, tmp_path: Path) -> None:
    csv = tmp_path / "labels.csv"
    csv.write_text("file,class,note\nphoto-00.png,cat,\n./photo-01.png,dog,x\nphoto-02.png,,\ngone.png,cat,\n")
    collection = ingested(folder, artifacts, classes=ClassRule(by="csv", csv=str(csv)))
    assert [row.class_name for row in collection.images[:4]] == ["cat", "dog", None, None]
    assert collection.spec["classes"]["csv"] == "labels.csv", "no machine's path enters the digest"
    csv.write_text("file,class\nphoto-00.png,bird\n")
    assert ingested(folder, artifacts, classes=ClassRule(by="csv", csv=str(csv))).images[0].class_name == "bird"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\na,b\n", "needs the columns file and class; it has: name, label"),
        ("", "it has: none"),
        ("file,class\n", "no rows"),
        ("file,class\nother.png,cat\n", "the file column says 'other.png', a photo is 'photo-00.png'"),
        ("file,class\nphoto-\udcff.png,cat\n", "UTF-8"),
    ],
)
def test_a_csv_that_does_not_fit_is_told(folder: Path, artifacts: Artifacts, text: str, message: str) -> None:
    (folder / "labels.csv").write_text(text, errors="surrogateescape")
    with pytest.raises(InvalidInput, match=message):
        ingested(folder, artifacts, classes=ClassRule(by="csv", csv="labels.csv"))
    assert artifacts.list(Kind.COLLECTION) == []


def test_a_missing_csv_is_told(folder: Path, artifacts: Artifacts) -> None:
    for csv, message in ((None, "need a file"), ("gone.csv", r"gone\.csv' is neither")):
        with pytest.raises(InvalidInput, match=message):
            ingested(folder, artifacts, classes=ClassRule(by="csv", csv=csv))


def test_bad_files_are_listed_with_the_reason_and_skipped(folder: Path, artifacts: Artifacts) -> None:
    photo = encoded(draw(30, width=200, height=150), "JPEG")
    bad = {
        "bomb.png": (png_header(50_000, 50_000), "too many pixels: 50000 x 50000"),
        "cut.jpg": (photo[: len(photo) // 2], "truncated or broken"),
        "empty.jpg": (b"", "is empty (0 bytes)"),
        "future.heic": (b"\0\0\0\x18ftypheic", "not a picture that can be read"),
        "large.jpg": (photo + b"\0" * 300_000, "too large"),
        "text.jpg": (b"Dear diary", "not a picture that can be read"),
    }
    for name, (content, _) in bad.items():
        (folder / name).write_bytes(content)
    (folder / "gone.jpg").symlink_to(folder / "nowhere.jpg")
    (folder / "notes.txt").write_text("no photo, and none of our business")
    (folder / ".hidden.png").write_bytes(encoded(draw(31), "PNG"))
    collection = ingested(folder, artifacts, max_bytes=250_000)
    reasons = {row["source"]: row["reason"] for row in collection.damaged()}
    assert list(reasons) == sorted([*bad, "gone.jpg"])
    for name, (_, reason) in bad.items():
        assert reason in reasons[name]
        assert str(folder) not in reasons[name]
    assert "No such file" in reasons["gone.jpg"]
    assert len(collection.images) == 8


def test_odd_but_good_files_are_images(folder: Path, artifacts: Artifacts) -> None:
    frames = [draw(seed) for seed in (40, 41)]
    wide = draw(42, width=60, height=30)
    good = {
        "animated.gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "cmyk.jpg": encoded(draw(43).convert("CMYK"), "JPEG"),
        "deep.png": encoded(draw(44).convert("L").convert("I").point(lambda v: v * 257).convert("I;16"), "PNG"),
        "misnamed.jpg": encoded(draw(45), "PNG"),
        "nameless": encoded(draw(46), "WEBP"),
        "transparent.png": encoded(Image.new("RGBA", (20, 20), (0, 200, 0, 90)), "PNG"),
        "turned.jpg": encoded(wide, "JPEG", exif=exif(6)),
    }
    for name, content in good.items():
        (folder / name).write_bytes(content)
    collection = ingested(folder, artifacts)
    found = {row.source: (row.width, row.height) for row in collection.images}
    assert set(good) <= set(found)
    assert found["turned.jpg"] == (30, 60)
    assert collection.damaged() == []


def test_a_name_that_is_no_text_is_listed(folder: Path, artifacts: Artifacts) -> None:
    shutil.copy(folder / "photo-00.png", os.fsencode(folder) + b"/caf\xe9.png")
    assert ingested(folder, artifacts).damaged() == [
        {"source": "caf\\udce9.png", "reason": "The file's name is not plain text: rename it."}
    ]


def test_exact_repeats_are_set_aside_and_noted(folder: Path, artifacts: Artifacts) -> None:
    shutil.copy(folder / "photo-02.png", folder / "copy.png")
    collection = ingested(folder, artifacts)
    assert len(collection.images) == 8
    assert [row.source for row in collection.images][:3] == ["copy.png", "photo-00.png", "photo-01.png"]
    assert collection.duplicates() == [{"source": "photo-02.png", "image": 0, "kind": "exact", "distance": 0}]


@pytest.mark.parametrize("seed", range(6))
def test_near_repeats_are_kept_noted_and_on_one_side(folder: Path, artifacts: Artifacts, seed: int) -> None:
    for i in range(8):
        draw(i, width=40 + 3 * (i % 5), height=32 + 5 * (i % 3)).save(folder / f"twin-{i}.jpg", quality=95)
    collection = ingested(folder, artifacts, seed=seed)
    assert len(collection.images) == 16
    near = {row["source"]: row for row in collection.duplicates()}
    assert {row["kind"] for row in near.values()} == {"near"}
    assert len(near) >= 6
    split = {row.source: row.split for row in collection.images}
    for source, row in near.items():
        assert split[source] is collection.images[row["image"]].split
        assert 0 <= row["distance"] <= 3
    assert len(set(split.values())) == 2


def test_a_growing_folder_keeps_its_splits(folder: Path, artifacts: Artifacts) -> None:
    save_photos(folder, 40)
    before = {row.source: row.split for row in ingested(folder, artifacts).images}
    save_photos(folder, 20, first=60)
    after = {row.source: row.split for row in ingested(folder, artifacts).images}
    assert {source: after[source] for source in before} == before
    assert 6 <= sum(split is Split.HELD_OUT for split in after.values()) <= 30


def test_no_held_out_share_means_none(folder: Path, artifacts: Artifacts) -> None:
    assert {row.split for row in ingested(folder, artifacts, held_out=0.0).images} == {Split.TRAIN}


def test_one_photo_cannot_be_divided(tmp_path: Path, artifacts: Artifacts) -> None:
    save_photos(tmp_path / "one", 1)
    with pytest.raises(InvalidInput, match="held-out share to 0"):
        ingested(tmp_path / "one", artifacts)
    assert len(ingested(tmp_path / "one", artifacts, held_out=0.0).images) == 1


def test_thumbnails_are_webp_and_never_enlarged(tmp_path: Path, artifacts: Artifacts) -> None:
    folder = tmp_path / "sizes"
    folder.mkdir()
    sizes = {"large": (300, 200), "panorama": (2000, 100), "small": (50, 30), "tall": (100, 250)}
    for seed, (name, size) in enumerate(sizes.items()):
        draw(seed, width=size[0], height=size[1]).save(folder / f"{name}.png")
    collection = ingested(folder, artifacts, thumbnail_px=64)
    expected = {"large": (96, 64), "panorama": (256, 13), "small": (50, 30), "tall": (64, 160)}
    for row in collection.images:
        thumbnail = collection.thumbnail(row.image)
        picture = Image.open(io.BytesIO(thumbnail.webp))
        assert picture.format == "WEBP"
        assert picture.size == (thumbnail.width, thumbnail.height) == expected[Path(row.source).stem]


@pytest.mark.parametrize("name", ["gone", "file", "empty"])
def test_a_folder_without_photos_is_told(tmp_path: Path, artifacts: Artifacts, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty" / "sub").mkdir(parents=True)
    message = {"gone": "does not exist", "file": "is not a folder", "empty": r"No photos in '.*empty'.*0 files"}[name]
    with pytest.raises(InvalidInput, match=message):
        ingested(tmp_path / name, artifacts)
    assert artifacts.list(Kind.COLLECTION) == []


def test_a_folder_of_bad_files_names_counts_and_reasons(tmp_path: Path, artifacts: Artifacts) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    for i in range(5):
        (folder / f"{i}.jpg").touch()
    with pytest.raises(InvalidInput, match=r"None of the 5 photo file\(s\) in '.*bad'.*0\.jpg is empty.*And so on"):
        ingested(folder, artifacts)


def test_a_store_below_the_photos_is_not_looked_at(folder: Path) -> None:
    artifacts = Artifacts(folder / "store")
    save_photos(folder / "store" / "junk", 2, first=30)
    first = ingest(folder, spec_with(), artifacts)
    assert len(Collection(first).images) == 8
    assert ingest(folder, spec_with(), artifacts).digest == first.digest


def test_links_in_circles_end(folder: Path, artifacts: Artifacts) -> None:
    (folder / "again").symlink_to(folder)
    assert len(ingested(folder, artifacts).images) == 8


@pytest.mark.parametrize("after", [0, 3, 9])
def test_interrupted_it_shows_nothing_and_starts_cleanly(folder: Path, artifacts: Artifacts, after: int) -> None:
    count = 0

    def stop(*_: object) -> None:
        nonlocal count
        count += 1
        if count > after:
            raise KeyboardInterrupt

    save_photos(folder, 60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "Throttle", lambda on_progress: on_progress)
        with pytest.raises(KeyboardInterrupt):
            ingest(folder, spec_with(), artifacts, on_progress=stop)
    assert artifacts.list(Kind.COLLECTION) == []
    whole = ingest(folder, spec_with(), artifacts, on_progress=silent)
    assert whole.digest == ingest(folder, spec_with(), Artifacts(artifacts.root / "fresh")).digest
    assert sorted(path.name for path in whole.path.iterdir()) == ["collection.duckdb", "manifest.json"]
