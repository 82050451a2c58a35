import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from store.errors import ConceptoscopeError, Damaged, InvalidInput
from tests.worker.images.photos import draw, encoded, exif, png_header
from worker.images.decode import FORMATS, decode, looks_like_picture


def same(image: Image.Image, expected: Image.Image, *, within: int = 0) -> bool:
    a, b = (np.asarray(picture.convert("RGB"), dtype=np.int16) for picture in (image, expected))
    return a.shape == b.shape and bool((np.abs(a - b) <= within).all())


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_allowed_format_is_told_by_content(format_name: str, tmp_path: Path) -> None:
    options = {"quality": 100} if format_name == "JPEG" else {"lossless": True} if format_name == "WEBP" else {}
    content = encoded(draw(1), format_name, **options)
    wrong_name = tmp_path / "photo.txt"
    wrong_name.write_bytes(content)
    image = decode(wrong_name)
    assert image.mode == "RGB"
    assert same(image, draw(1), within={"JPEG": 40, "GIF": 60}.get(format_name, 0))
    assert same(decode(content), image)
    assert looks_like_picture(content[:16])


def test_a_png_called_jpg_is_a_png(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(draw(2), "PNG"))
    assert same(decode(path), draw(2))


@pytest.mark.parametrize("content", [b"Dear diary, no photo today.", b"<svg xmlns='x'/>", b"\0" * 64])
def test_what_is_no_picture_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "diary.jpg"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"diary\.jpg is not a picture"):
        decode(path)
    assert not looks_like_picture(content[:16])


def test_a_format_outside_the_list_is_refused() -> None:
    with pytest.raises(InvalidInput, match="JPEG, PNG, WebP, GIF, BMP and TIFF"):
        decode(encoded(draw(1), "PPM"))


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_truncated_file_is_damaged(format_name: str) -> None:
    content = encoded(draw(3, width=200, height=150), format_name)
    with pytest.raises(Damaged, match="truncated or broken"):
        decode(content[: len(content) // 2])


def test_a_header_alone_is_damaged() -> None:
    with pytest.raises(Damaged, match="truncated or broken"):
        decode(encoded(draw(3), "PNG")[:20])


def test_an_empty_file_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "empty.jpg"
    path.touch()
    with pytest.raises(Damaged, match=r"empty\.jpg is empty \(0 bytes\)"):
        decode(path)


def test_a_missing_file_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(Damaged, match=r"gone\.jpg cannot be read: No such file"):
        decode(tmp_path / "gone.jpg")


def test_a_named_pipe_does_not_hold_us_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(InvalidInput, match="not a plain file"):
        decode(tmp_path / "pipe.jpg")


def test_a_decompression_bomb_is_refused_before_decoding() -> None:
    with pytest.raises(InvalidInput, match=r"60000 x 60000 = 3,600,000,000, at most 64,000,000"):
        decode(png_header(60_000, 60_000))


def test_the_limits_are_inclusive() -> None:
    content = encoded(draw(1, width=40, height=30), "PNG")
    assert decode(content, max_pixels=1200, max_bytes=len(content)).size == (40, 30)
    with pytest.raises(InvalidInput, match="40 x 30"):
        decode(content, max_pixels=1199)
    with pytest.raises(InvalidInput, match="too large"):
        decode(content, max_bytes=len(content) - 1)


def test_a_large_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    with path.open("wb") as file:
        file.truncate(2**40)  # a hole of 1 TiB: reading it would not end
    with pytest.raises(InvalidInput, match=r"large\.jpg is too large: 1,099,511,627,776 bytes"):
        decode(path)


def test_cmyk_becomes_rgb() -> None:
    image = decode(encoded(draw(4).convert("CMYK"), "JPEG", quality=95))
    assert image.mode == "RGB"
    assert same(image, draw(4), within=60)


def test_transparency_is_laid_on_white() -> None:
    layer = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
    layer.putpixel((1, 0), (0, 0, 255, 255))
    for content in (encoded(layer, "PNG"), encoded(layer, "WEBP", lossless=True, exact=True), encoded(layer, "TIFF")):
        image = decode(content)
        assert [image.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (0, 0, 255)]
    half = decode(encoded(Image.new("LA", (1, 1), (0, 128)), "PNG"))
    assert half.getpixel((0, 0)) == (127, 127, 127)


def test_a_palette_with_a_transparent_entry_is_laid_on_white() -> None:
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 200, 100, 50])
    palette.putpixel((1, 0), 1)
    for transparency in (0, b"\x00\xff"):
        image = decode(encoded(palette, "PNG", transparency=transparency))
        assert [image.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (200, 100, 50)]


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    grey = np.array([[0, 257, 32768, 65535]], dtype=np.uint16)
    for format_name in ("PNG", "TIFF"):
        image = decode(encoded(Image.fromarray(grey), format_name))
        assert np.asarray(image)[0, :, 0].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 100.0, 255.0]], np.float32), [0, 100, 255]),
        (np.array([[-1.0, 0.0, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[7, 7, 7]], np.int32), [7, 7, 7]),
        (np.array([[0, 25700, 65535]], np.int32), [0, 100, 255]),
        (np.array([[0, 500_000, 1_000_000]], np.int32), [0, 128, 255]),
        (np.array([[70_000.0, 70_000.0]], np.float32), [0, 0]),
    ],
)
def test_integers_and_floats_take_the_range_that_holds_them(values: np.ndarray, expected: list[int]) -> None:
    image = decode(encoded(Image.fromarray(values), "TIFF"))
    assert np.asarray(image)[0, :, 1].tolist() == expected


def test_floats_that_are_no_numbers_are_damaged() -> None:
    content = encoded(Image.fromarray(np.array([[0.0, np.nan]], np.float32)), "TIFF")
    with pytest.raises(Damaged, match="no numbers"):
        decode(content)


def test_one_bit_becomes_black_and_white() -> None:
    image = decode(encoded(Image.fromarray(np.array([[True, False]])), "PNG"))
    assert [image.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (0, 0, 0)]


@pytest.mark.parametrize("format_name", ["GIF", "WEBP", "PNG", "TIFF"])
def test_an_animation_gives_its_first_frame(format_name: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if format_name == "WEBP" else {}
    content = encoded(frames[0], format_name, save_all=True, append_images=frames[1:], **options)
    assert same(decode(content), frames[0])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_turns_the_picture_upright_and_goes(orientation: int, format_name: str) -> None:
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}.get(format_name, {})
    content = encoded(draw(5), format_name, exif=exif(orientation), **options)
    tagged = draw(5)
    tagged.getexif()[0x0112] = orientation
    image = decode(content)
    assert same(image, ImageOps.exif_transpose(tagged), within=12 if format_name == "JPEG" else 0)
    assert not image.info
    assert not image.getexif()
    assert b"secret" not in encoded(image, "PNG")


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # as outside of tests: remarks on odd metadata
def test_broken_exif_leaves_the_picture() -> None:
    content = encoded(draw(5), "JPEG", exif=b"Exif\0\0MM\0\x2a\xff\xff\xff\xff")
    assert decode(content).size == draw(5).size


def test_reasons_name_no_address_in_memory() -> None:
    content = encoded(draw(3, width=200, height=150), "JPEG")
    for bad in (b"x" * 40, content[:400], content[:30]):
        with pytest.raises(ConceptoscopeError) as first:
            decode(bad)
        assert "0x" not in str(first.value)
        with pytest.raises(ConceptoscopeError) as second:
            decode(bad)
        assert str(first.value) == str(second.value)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(FORMATS),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12),
    st.floats(0.2, 1),
)
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # as outside of tests: remarks on odd metadata
def test_garbled_files_give_a_picture_or_a_clear_error(
    format_name: str, garbles: list[tuple[float, int]], kept: float
) -> None:
    content = bytearray(ENCODED[format_name])
    for place, value in garbles:
        content[int(place * len(content))] = value
    with suppress(Damaged, InvalidInput):  # any other exception fails the test
        image = decode(bytes(content[: int(kept * len(content))]), max_pixels=100_000)
        assert image.mode == "RGB"
        assert image.width * image.height <= 100_000


ENCODED: dict[str, bytes] = {name: encoded(draw(6), name) for name in FORMATS}


def test_the_grey_scaling_is_that_of_a_slow_twin() -> None:
    values = np.random.default_rng(0).integers(0, 65536, (9, 7), dtype=np.uint16)
    twin: Callable[[int], int] = lambda value: round(value / 257)  # noqa: E731
    image = decode(encoded(Image.fromarray(values), "TIFF"))
    assert [[image.getpixel((x, y))[0] for x in range(7)] for y in range(9)] == [
        [twin(int(value)) for value in row] for row in values
    ]
