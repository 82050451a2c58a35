from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from app.render import FILTERS, ago, digits, duration, in_bytes, n3, percent, plural, short_digest, signed, when


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (0, "0"),
        (0.012345, "0.0123"),
        (4.567, "4.57"),
        (12.34, "12.3"),
        (1234.5, "1,230"),
        (48, "48"),
        (-0.5, "−0.500"),
        (1.5e-7, "1.50e-7"),
        (2e8, "2.00e8"),
        (0.9999, "1.00"),
    ],
)
def test_three_significant_digits(value: float | None, text: str) -> None:
    assert n3(value) == text


def test_words_for_numbers() -> None:
    assert (percent(0.1234), percent(None)) == ("12.3 %", "–")
    assert (plural(1, "concept"), plural(1024, "concept")) == ("1 concept", "1,024 concepts")
    assert (plural(3, "dictionary"), plural(2, "class", many="classes")) == ("3 dictionaries", "2 classes")
    assert short_digest("sha256:" + "ab" * 32) == "abababababab"
    assert when("2026-11-21T06:38:28+00:00") == "21 Nov 2026, 06:38 UTC"
    assert [signed(value) for value in (0.0123456, -4.567, 0.0, None)] == ["+0.0123", "−4.57", "0", "–"]
    assert {
        "n3",
        "digits",
        "signed",
        "percent",
        "plural",
        "digest",
        "integer",
        "when",
        "duration",
        "bytes",
        "ago",
    } == set(FILTERS)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (1_234_567_890, "1234567890"),
        (0.1 + 0.2, "0.3"),
        (1 / 3, "0.333333333"),
        (-2e-9, "-2e-09"),
    ],
)
def test_digits_for_other_programs(value: float | None, text: str) -> None:
    assert digits(value) == text


def test_nine_digits_tell_32_bit_floats_apart() -> None:
    values = np.random.default_rng(0).standard_normal(500).astype(np.float32)
    neighbours = np.nextafter(values, np.float32(np.inf))
    for value in (*values, *neighbours):
        assert np.float32(digits(float(value))) == value


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (3599.7, "1 h 00 min"),
        (7830, "2 h 10 min"),
        (90_000, "1 d 01 h"),
    ],
)
def test_lengths_of_time(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0 B"),
        (999, "999 B"),
        (1400, "1.4 kB"),
        (999_600, "1 MB"),
        (2.34e11, "234 GB"),
        (5e15, "5,000 TB"),
    ],
)
def test_amounts_of_memory(value: float | None, text: str) -> None:
    assert in_bytes(value) == text


def test_moments_that_are_past() -> None:
    assert ago((datetime.now(UTC) - timedelta(minutes=5, seconds=1)).isoformat()) == "5 min 01 s ago"
    assert ago((datetime.now(UTC) + timedelta(hours=1)).isoformat()) == "just now"  # clocks of two machines
    assert ago(None) == "–"
