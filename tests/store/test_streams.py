"""Streams as text: read back as they were written."""

import pytest

from store.errors import InvalidInput
from store.presets import DEMO_STREAMS
from store.streams import find_fault, parse_streams, write_streams
from store.vocabulary import Fit


def test_what_is_written_is_read_back() -> None:
    assert parse_streams(write_streams(DEMO_STREAMS)) == DEMO_STREAMS
    assert parse_streams(" a:b ,\r\n c:d@32x64\n") == parse_streams("a:b,c:d@32x64")
    (one,) = parse_streams("timm/vit:small:blocks.3@64x96", fit=Fit.SQUASH, stored=False)
    assert (one.model, one.layer, one.height_px, one.width_px) == ("timm/vit:small", "blocks.3", 64, 96)
    assert (one.fit, one.stored) == (Fit.SQUASH, False)


@pytest.mark.parametrize("text", ["a", ":b", "a:", "a:b@64", "a:b@64x", "a:b@x64", "a:b@64x64x3", "a@b:c", "a:b@٣x4"])
def test_what_cannot_be_read_is_told_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInput, match="for example mobilenet-v2:blocks"):
        parse_streams(text)


def test_two_to_five_streams_each_once() -> None:
    assert find_fault(["a:b", "a:c"]) is None
    assert find_fault([f"a:{n}" for n in range(5)]) is None
    for names in ([], ["a:b"], [f"a:{n}" for n in range(6)]):
        assert f"2 to 5 streams, not {len(names)}" in (find_fault(names) or "")
    assert "a:b is listed 3 times" in (find_fault(["a:b", "c:d", "a:b", "a:b"]) or "")
