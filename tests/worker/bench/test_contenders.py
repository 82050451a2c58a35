"""Who takes part, and how a failure is told."""

import pytest

from store.errors import NotFound
from store.presets import get_preset
from tests.worker.dictionaries.planted import planted_tokens
from worker.bench.contenders import VARIANTS, contenders, sizes_of
from worker.bench.results import Outcome
from worker.bench.trials import Steps, run_trial
from worker.dictionaries.registry import METHODS
from worker.dictionaries.tokens import MemoryTokens

FIELDS = {"n_concepts": 16, "n_active": 3, "epochs": 2, "batch_tokens": 128, "lr": 1e-2}


def test_every_registered_method_takes_part_and_has_a_spec() -> None:
    chosen = contenders(FIELDS, width=24)
    assert [one.name for one in chosen] == list(METHODS)
    for one in chosen:
        assert one.spec.method == one.name
        assert one.spec.n_concepts == 16
        assert one.spec.epochs == 2


def test_a_method_gets_only_the_fields_that_it_has() -> None:
    (pca,) = contenders({**FIELDS, "n_candidates": 99}, width=24, only=["pca"])
    assert not hasattr(pca.spec, "lr")
    assert not hasattr(pca.spec, "n_candidates")


def test_methods_with_a_shape_of_their_own_keep_it() -> None:
    kmeans, pca = contenders(FIELDS, width=4, only=["kmeans", "pca"])
    assert kmeans.spec.n_active == 1
    assert pca.spec.n_concepts == 8


def test_variants_differ_from_their_method_by_what_they_name() -> None:
    adapted = {"archetypal": {"relaxation": 0.7, "n_mixed": 8}}
    chosen = contenders(FIELDS, width=24, variants=list(VARIANTS), adapted=adapted)
    specs = {one.name: one.spec.as_json() for one in chosen}
    for name, (method, changes) in VARIANTS.items():
        if method not in METHODS:
            assert name not in specs
            continue
        differing = {key for key, value in specs[name].items() if value != specs[method][key]}
        assert differing == set(changes)
    assert specs["archetypal"]["relaxation"] == 0.7
    assert specs["archetypal-no-relaxation"]["relaxation"] == 0
    assert specs["archetypal-no-relaxation"]["n_mixed"] == 8


def test_shipped_presets_are_where_contenders_start_and_what_is_given_counts_more() -> None:
    topk, archetypal, relu = contenders(
        {"n_active": 5}, width=320, only=["topk", "archetypal", "relu"], presets=True, adapted={"relu": {"lr": 0.5}}
    )
    assert topk.spec == get_preset("topk-small").spec.model_copy(update={"n_active": 5})
    assert archetypal.spec == get_preset("archetypal-small").spec.model_copy(update={"n_active": 5})
    assert relu.spec.lr == 0.5
    assert relu.spec.epochs == topk.spec.epochs
    assert sizes_of([topk, archetypal]) == "384 concepts, 5 active"


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(NotFound, match="topk"):
        contenders(FIELDS, width=24, only=["topq"])


def test_a_failing_contender_is_told_and_the_others_go_on() -> None:
    stream = MemoryTokens(planted_tokens(300)[0])
    outcome = Outcome()
    notes: list[str] = []
    steps = Steps(lambda done, total, note: notes.append(f"{done}/{total} {note}"), 3)
    done = []
    for changes in ({"n_active": 99}, {"n_concepts": 4000}, {}):
        (contender,) = contenders({**FIELDS, **changes}, width=24, only=["topk"])
        with outcome.attempt(f"topk {changes}"):
            done.append(run_trial(contender, stream, steps=steps))
        steps.end()
    assert len(done) == 1
    assert done[0].tokens_per_s > 0
    assert [fault["name"] for fault in outcome.failures] == ["topk {'n_active': 99}", "topk {'n_concepts': 4000}"]
    assert "lower n_active" in outcome.failures[0]["error"]
    assert "only 300 tokens" in outcome.failures[1]["error"]
    assert notes[-1] == "3/3 trainings: done"
    assert any("trainings: topk, epoch 2 of 2" in note for note in notes)
