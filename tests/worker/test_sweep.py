"""Many specs from a few options of the command line."""

import pytest
from pydantic import ValidationError

from store.errors import InvalidInput, NotFound
from store.methods import ArchetypalSpec, TopKSpec
from worker.cli.sweep import combined, named, parse_change


def test_every_combination_is_made_in_the_order_given() -> None:
    specs = combined([TopKSpec(), ArchetypalSpec()], {"n_active": [2, 4], "seed": [0, 1], "epochs": []})
    found = [(spec.method, spec.n_active, spec.seed, spec.epochs) for spec in specs]
    assert found == [(m, a, s, 15) for m in ("topk", "archetypal") for a in (2, 4) for s in (0, 1)]


def test_names_say_what_differs_and_nothing_else() -> None:
    assert named([TopKSpec()], start="m", with_method=True) == [("m-topk", "topk")]
    assert named([TopKSpec()], start="mine", with_method=False) == [("mine", "topk")]
    sweep = combined([TopKSpec()], {"n_concepts": [64, 128], "lr": [0.01]})
    assert [slug for slug, _ in named(sweep, start="m", with_method=True)] == ["m-topk-k64", "m-topk-k128"]
    both = named([TopKSpec(), ArchetypalSpec()], start="m", with_method=True)
    assert [slug for slug, _ in both] == ["m-topk", "m-archetypal"]
    rates = named(combined([TopKSpec()], {"lr": [0.01, 0.002]}), start="m", with_method=False)
    assert rates == [("m-lr0-01", "topk, lr 0.01"), ("m-lr0-002", "topk, lr 0.002")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lr=0.01", ("lr", [0.01])),
        ("start=random", ("start", ["random"])),
        ("whiten=true,false", ("whiten", [True, False])),
        ("n_levels=2,3", ("n_levels", [2, 3])),
    ],
)
def test_changes_are_json_or_words(text: str, expected: tuple[str, list[object]]) -> None:
    assert parse_change(text) == expected


@pytest.mark.parametrize("text", ["lr", "=3", "lr="])
def test_a_change_needs_field_and_value(text: str) -> None:
    with pytest.raises(InvalidInput, match="FIELD=VALUE"):
        parse_change(text)


def test_mistakes_are_named() -> None:
    with pytest.raises(NotFound, match="n_mixd.*n_mixed"):
        combined([ArchetypalSpec()], {"n_mixd": [3]})
    with pytest.raises(NotFound, match="method"):
        combined([TopKSpec()], {"method": ["nmf"]})
    with pytest.raises(ValidationError, match="n_active"):
        combined([TopKSpec()], {"n_active": [0]})
    with pytest.raises(InvalidInput, match="are the same"):
        named([TopKSpec(), TopKSpec()], start="m", with_method=True)
