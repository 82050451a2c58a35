"""Numbers of one photo, against slow twins."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from store.encoding.contract import Encoded, PhotoFacts, pack_encoded, read_encoded
from store.encoding.parcel import unpack
from store.methods import TopKSpec
from store.specs import ExtractionSpec
from store.vocabulary import Tokens
from tests.tiny import tiny_images, tiny_model
from worker.dictionaries.base import SparseCodes
from worker.dictionaries.registry import make_dictionary
from worker.encoder.codes import centred_r2, encode_studies, most_likely, per_concept, strongest_first
from worker.encoder.looks import PhotoLook
from worker.encoder.study import DTYPES, Study

K = 9


@st.composite
def codes(draw: st.DrawFn) -> SparseCodes:
    """Some patches with different concepts in their slots; 0 is an unused slot."""
    n_patches, n_slots = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    rows = [draw(st.permutations(range(K)))[:n_slots] for _ in range(n_patches)]
    value = st.sampled_from([0.0, 0.0, 0.5, 1.0, 1.0, 2.5])
    values = [[draw(value) for _ in range(n_slots)] for _ in range(n_patches)]
    return SparseCodes(torch.tensor(rows), torch.tensor(values), K)


@given(codes())
def test_sorted_slots_say_the_same(found: SparseCodes) -> None:
    indices, values = strongest_first(found)
    dense = np.zeros((len(values), K), dtype=np.float32)
    for patch, slot in zip(*np.nonzero(values), strict=True):
        dense[patch, indices[patch, slot]] = values[patch, slot]
    np.testing.assert_array_equal(dense, found.dense().numpy())
    assert (np.diff(values, axis=1) <= 0).all()
    assert values.shape[1] == max((found.dense() > 0).sum(dim=1).tolist())


@given(codes())
def test_pooled_and_peaks_are_those_of_a_slow_twin(found: SparseCodes) -> None:
    concepts, pooled, peak, peak_patch = per_concept(*strongest_first(found))
    dense = found.dense().tolist()
    active = [k for k in range(K) if any(row[k] > 0 for row in dense)]
    assert concepts.tolist() == active
    for place, k in enumerate(active):
        column = [row[k] for row in dense]
        assert pooled[place] == pytest.approx(sum(column) / len(column), rel=1e-6)
        assert peak[place] == max(column)
        assert peak_patch[place] == column.index(max(column))
    assert (concepts.dtype, pooled.dtype, peak.dtype, peak_patch.dtype) == (np.int32, np.float32, np.float32, np.int32)


def test_r2_is_centred_at_the_dictionarys_mean() -> None:
    torch.manual_seed(0)
    dictionary = make_dictionary(TopKSpec(n_concepts=K, n_active=2), 5).eval()
    dictionary.mean.copy_(torch.randn(5))
    x = torch.randn(7, 5)
    found = dictionary.encode(x)
    again = dictionary.decode(found)
    error = spread = 0.0
    for row in range(7):
        for d in range(5):
            error += (float(x[row, d]) - float(again[row, d])) ** 2
            spread += (float(x[row, d]) - float(dictionary.mean[d])) ** 2
    assert centred_r2(dictionary, x, found) == pytest.approx(1 - error / spread, rel=1e-5)
    flat = dictionary.mean.expand(3, 5)
    assert centred_r2(dictionary, flat, dictionary.encode(flat)) is None


def test_the_most_likely_classes_come_first() -> None:
    found = most_likely(torch.tensor([0.0, 3.0, 1.0]), ("a", "b", "c"), n=2)
    assert [one.name for one in found] == ["b", "c"]
    shares = np.exp([0.0, 3.0, 1.0]) / np.exp([0.0, 3.0, 1.0]).sum()
    assert [one.probability for one in found] == pytest.approx([shares[1], shares[2]])
    assert [one.logit for one in found] == [3.0, 1.0]
    assert most_likely(torch.tensor([1.0]), None, n=5)[0].name == "0"


@pytest.mark.parametrize(
    ("kind", "side", "tokens", "n_register"),
    [("vit", 64, "all", 0), ("vit-reg4", 56, "all", 4), ("vit-reg4", 56, "patches", 0)],
)
def test_class_and_register_tokens_have_codes_where_the_dictionary_reads_them(
    kind: str, side: int, tokens: str, n_register: int
) -> None:
    model, reading = tiny_model(kind), ExtractionSpec(model=kind, layer=tiny_model(kind).layers[0])
    n_class = int(tokens == "all")
    n_prefix, window = n_class + n_register, model.window(side, side)
    geometry = model.geometry(reading.layer, window)
    found = model.activations(tiny_images(1, height=side, width=side), reading.layer)
    patches, prefix = found.patches[0], found.prefix[0]
    torch.manual_seed(0)
    dictionary = make_dictionary(TopKSpec(n_concepts=K, n_active=3, tokens=Tokens(tokens)), geometry.width).eval()
    study = Study(
        photo=PhotoFacts(sha256="0" * 64, width=side, height=side),
        dictionary_digest="0" * 64,
        stream=0,
        reading=reading,
        model=model,
        dictionary=dictionary,
        window=window,
        look=PhotoLook(side, side, patches, prefix, None),
        grid=geometry.grid,
        seen=window.seen(side, side),
        tokens=patches.flatten(0, 1).to(DTYPES[reading.dtype]).float(),
    )
    [codes] = encode_studies([study], n_classes=0)
    assert (codes.facts.n_class, codes.facts.n_register) == (n_class, n_register)
    assert len(codes.prefix_indices) == len(codes.prefix_values) == n_prefix
    for place in range(n_prefix):
        dense = dictionary.encode(prefix[place : place + 1].to(DTYPES[reading.dtype]).float()).dense()[0]
        for concept, value in zip(codes.prefix_indices[place], codes.prefix_values[place], strict=True):
            assert value == pytest.approx(max(float(dense[concept]), 0.0), rel=1e-6)
        assert int((codes.prefix_values[place] > 0).sum()) == int((dense > 0).sum())
    encoded = Encoded(study.photo, (codes,))
    again = read_encoded(unpack(pack_encoded(encoded))).streams[0]
    np.testing.assert_array_equal(again.prefix_values, codes.prefix_values)
