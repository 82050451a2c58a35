"""The benchmark of universal dictionaries on planted streams, with small sizes."""

from tests.worker.universal.planted import WIDTHS, planted_streams
from worker.bench.report import markdown
from worker.bench.universal import PairedTokens, UniversalOptions, contenders, measure
from worker.progress import silent

OPTIONS = UniversalOptions(n_concepts=64, n_active=4, epochs=2, published_lr=(0.003,), variants=False)


def test_ours_stands_beside_the_published_procedure_and_its_references() -> None:
    train, held_out = planted_streams(2000)
    photos = PairedTokens(("one", "other"), WIDTHS, train, held_out)
    outcome = measure(photos, options=OPTIONS, on_progress=silent)
    assert not outcome.failures
    assert [row["name"] for row in outcome.tables[0].rows] == ["ours", "published, lr 0.003"]
    assert {row["of"] for row in outcome.tables[1].rows} >= {"linear map", "ours", "independent dictionaries"}
    assert [bar.what for bar in outcome.bars] == [
        "R² across models, ours less published, lr 0.003",
        "R² within models, ours less independent",
    ]
    assert outcome.bars[0].measured > 0
    facts = {"processor": "p", "cores": 1, "threads": 1, "memory_gib": 1, "accelerator": None}
    versions = {"python": "3", "torch": "2", "conceptoscope": "0"}
    result = outcome.as_json() | {"benchmark": "universal", "title": "U", "about": "a", "changed": {}, "seconds": 1.0}
    assert "| ours |" in markdown(result | {"made_at": "2026-01-01T00:00", "machine": facts | versions})


def test_variants_differ_from_ours_and_the_published_ones_have_no_help_for_dead_concepts() -> None:
    specs = contenders(UniversalOptions())
    assert len({spec.digest for spec in specs.values()}) == len(specs)
    published = [spec for spec in specs.values() if spec.procedure == "published"]
    assert [spec.lr for spec in published] == [3e-4, 3e-3, 1e-2]
    assert {spec.aux_weight for spec in published} == {0.0}
