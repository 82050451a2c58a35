"""Specs: equal values have equal digests, wrong values are refused in words."""

import pytest
from pydantic import ValidationError

from store.errors import NotFound
from store.methods import ArchetypalSpec, TopKSpec, load_dictionary_spec
from store.presets import DEMO_DICTIONARIES, PRESETS, get_preset
from store.specs import AtlasSpec, canonical_json, digest_of


def test_digests_tell_specs_apart() -> None:
    assert TopKSpec().digest == TopKSpec().digest
    assert TopKSpec(seed=1).digest != TopKSpec().digest
    assert TopKSpec().digest != ArchetypalSpec().digest


def test_canonical_json_does_not_depend_on_the_order_of_keys() -> None:
    assert canonical_json({"b": 1, "a": [1.5, None]}) == '{"a":[1.5,null],"b":1}'
    assert digest_of({"b": 1, "a": 2}) == digest_of({"a": 2, "b": 1})
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json(float("nan"))


@pytest.mark.parametrize("spec", [TopKSpec(n_concepts=32), ArchetypalSpec(relaxation=0.5), TopKSpec(start="random")])
def test_specs_come_back_from_json(spec: TopKSpec | ArchetypalSpec) -> None:
    assert load_dictionary_spec(spec.as_json()) == spec


def test_impossible_specs_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"n_active \(20\) is above n_concepts \(10\); lower n_active"):
        TopKSpec(n_concepts=10, n_active=20)
    with pytest.raises(ValidationError, match="n_mixed"):
        ArchetypalSpec(n_candidates=8, n_mixed=9)
    with pytest.raises(ValidationError, match="Extra inputs"):
        AtlasSpec.model_validate({"n_exampels": 3})
    with pytest.raises(ValidationError, match="frozen"):
        AtlasSpec().seed = 2  # type: ignore[misc]


def test_presets_are_found_by_name_and_near_names_are_told() -> None:
    assert get_preset(PRESETS[0].name) is PRESETS[0]
    with pytest.raises(NotFound, match="topk-small"):
        get_preset("topk-smal")


def test_demo_slugs_differ() -> None:
    assert len({d.slug for d in DEMO_DICTIONARIES}) == len(DEMO_DICTIONARIES)
