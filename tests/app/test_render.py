import pytest

from app.render import FILTERS, n3, percent, plural, short_digest, when


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
        (-0.5, "-0.500"),
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
    assert {"n3", "percent", "plural", "digest", "integer", "when"} == set(FILTERS)
