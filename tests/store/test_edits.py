"""Edits that cannot be read or made say so once and clearly."""

import pytest

from store.edits import (
    MAX_EDITS,
    BadEdit,
    Edit,
    Edits,
    Operation,
    make_edits,
    parse_edits,
    parse_patches,
    write_patches,
)


def test_a_link_is_read_as_it_says() -> None:
    edits = parse_edits("12_ablate~7_scale_0.5_0-3.17~3_clamp_2.5")
    assert [(e.concept, e.operation, e.amount, e.patches) for e in edits.edits] == [
        (3, Operation.CLAMP, 2.5, None),
        (7, Operation.SCALE, 0.5, (0, 1, 2, 3, 17)),
        (12, Operation.ABLATE, None, None),
    ]
    assert edits.text == "3_clamp_2.5~7_scale_0.5_0-3.17~12_ablate"
    assert edits.concepts == (3, 7, 12)
    assert parse_edits("") == Edits()
    assert Edits().text == ""


def test_scaling_to_nothing_is_an_ablation() -> None:
    assert parse_edits("4_scale_0") == parse_edits("4_ablate") == parse_edits("4_scale_0.0")
    assert make_edits([{"concept": 4, "operation": "scale", "amount": 0}]).text == "4_ablate"


def test_a_factor_may_be_below_nothing() -> None:
    assert parse_edits("4_scale_-1.5_0").edits[0].amount == -1.5
    assert parse_edits("4_scale_-1.5_0").text == "4_scale_-1.5_0"
    assert parse_edits("4_scale_-0") == parse_edits("4_ablate")
    assert parse_edits("4_clamp_-0").text == "4_clamp_0"


def test_one_concept_may_be_changed_differently_on_different_patches() -> None:
    assert parse_edits("4_scale_2_5-6~4_ablate_0.1").text == "4_ablate_0-1~4_scale_2_5-6"
    assert parse_edits("4_ablate_5~7_ablate~4_ablate_0.1") == parse_edits("7_ablate~4_ablate_0.1.5")


def test_the_same_edits_of_other_concepts() -> None:
    edits = parse_edits("12_ablate~7_scale_0.5_0-3")
    assert edits.on({12: 1, 7: 30}).text == "1_ablate~30_scale_0.5_0-3"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "'x' cannot be read"),
        ("~", "'' cannot be read"),
        ("12", "cannot be read: write concept_ablate"),
        ("12_erase", "for example 12_ablate"),
        ("-3_ablate", "cannot be read"),
        ("12_scale", "cannot be read"),
        ("12_scale_--1", "cannot be read"),
        ("12_clamp_-1", "from 0 to 1000000, not -1"),
        ("12_scale_nan", "cannot be read"),
        ("12_scale_101", "from -100 to 100, not 101"),
        ("12_clamp_1e7", "from 0 to 1000000, not 10000000"),
        ("12_clamp_1e400", "not inf"),
        ("12_ablate_3_4", "cannot be read"),
        ("12_ablate_", "cannot be read"),
        ("12_ablate_5-2", "'5-2' is no run of patches"),
        ("12_ablate_0-99999999", "none above 65535"),
        ("12_ablate~12_scale_2_0", "concept 12 is changed twice"),
        ("1_ablate_3~1_ablate_0-5", "concept 1 is changed twice"),
        ("1_ablate~" * 65 + "2_ablate", f"at most {MAX_EDITS}"),
    ],
)
def test_bad_texts(text: str, said: str) -> None:
    with pytest.raises(BadEdit) as found:
        parse_edits(text)
    assert said in str(found.value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"concept": -1}, "concept: Input should be greater than or equal to 0"),
        ({"concept": 1, "operation": "erase"}, "operation: Input should be 'scale', 'ablate' or 'clamp'"),
        ({"concept": 1, "amount": 2.0}, "ablate takes no amount, not 2"),
        ({"concept": 1, "operation": "scale"}, "not none"),
        ({"concept": 1, "operation": "clamp", "amount": float("nan")}, "not nan"),
        ({"concept": 1, "patches": []}, "names no patch"),
        ({"concept": 1, "patches": [-1]}, "numbered from 0"),
    ],
)
def test_bad_values(values: dict[str, object], said: str) -> None:
    with pytest.raises(BadEdit) as found:
        make_edits([values])
    assert said in str(found.value)


def test_what_the_dictionary_or_the_grid_does_not_have() -> None:
    Edits(edits=(Edit(concept=9, patches=(3,)),)).check(n_concepts=10, n_patches=4)
    with pytest.raises(BadEdit, match="no concept 10; this dictionary has the concepts 0 to 9"):
        parse_edits("10_ablate").check(n_concepts=10, n_patches=4)
    with pytest.raises(BadEdit, match="no patch 4; this photo has the patches 0 to 3"):
        parse_edits("1_ablate_0.4").check(n_concepts=10, n_patches=4)


def test_patches_alone_are_written_as_in_edits() -> None:
    assert parse_patches("0-3.17") == (0, 1, 2, 3, 17)
    assert parse_patches("") == ()
    assert write_patches([17, 3, 0, 1, 2, 2]) == "0-3.17"
    with pytest.raises(BadEdit):
        parse_patches("3-x")
