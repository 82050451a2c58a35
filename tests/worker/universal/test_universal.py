"""Universal dictionaries: what they find in planted streams, and what holds for codes, atoms and files."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from store.errors import Damaged, NewerFormat, NotFound
from store.presets import DEMO_UNIVERSAL
from store.universal import UniversalSpec
from tests.worker.universal.planted import N_SHARED, SPEC, WIDTH, WIDTHS, planted, planted_streams, trained
from worker.metrics.reconstruction import centred_r2
from worker.training import loop
from worker.training.checkpoint import Checkpoints
from worker.training.records import TrainingProgress
from worker.universal.crossing import cross_r2, diagonal, off_diagonal
from worker.universal.dictionary import UniversalDictionary
from worker.universal.files import StreamFacts, UniversalFacts, load_universal, save_universal
from worker.universal.firing import count_firing, thresholds
from worker.universal.pairing import OneOf
from worker.universal.stream import stream_dictionary
from worker.universal.training import TrainedUniversal, make_universal, train_universal

KINDS = [
    {},
    {"choice": "batchtopk"},
    {"choice": "shared"},
    {"spread": "dimension", "cross_weight": 0.5},
    {"procedure": "sampled"},
    {"relaxation": 0.7, "n_candidates": 150, "n_mixed": 8},
    {"procedure": "published", "lr": 0.003},
]
KIND = pytest.mark.parametrize("changes", KINDS, ids=lambda changes: "-".join(map(str, changes.values())) or "all")


def briefly(**changes: object) -> TrainedUniversal:
    return trained(planted_streams(2000)[0], epochs=2, **changes)


WEIGHTS = ("cross_weight", "agreement", "encoder_decay", "together")
SHIPPED = {name: getattr(DEMO_UNIVERSAL, name) for name in WEIGHTS}


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, SHIPPED], ids=["plain", "shipped"])
def test_planted_shared_and_private_concepts_are_told_apart(changes: dict[str, object]) -> None:
    """Of shared concepts 95 % are found, atom for atom in both streams, as concepts of both; of private ones, one's."""
    stream, held_out = planted_streams()
    universal = trained(stream, **changes).dictionary
    firing = count_firing(universal, held_out, above=thresholds(universal, stream))
    true = planted(1, seed=0).atoms
    cosines = [atoms @ stream_dictionary(universal, i).atoms.t() for i, atoms in enumerate(true)]
    both = torch.minimum(cosines[0][:N_SHARED], cosines[1][:N_SHARED]).max(dim=1)
    shared = (both.values > 0.9) & firing.in_all[both.indices]
    assert shared.double().mean() >= 0.95
    own = [cosine[N_SHARED:].max(dim=1) for cosine in cosines]
    private = torch.cat([(best.values > 0.9) & firing.one_stream[best.indices] for best in own])
    assert private.double().mean() >= 0.95
    assert firing.jaccard[both.indices].mean() > 0.7


@pytest.mark.slow
def test_codes_of_either_stream_reconstruct_both() -> None:
    stream, held_out = planted_streams()
    ours = cross_r2(trained(stream).dictionary, held_out)
    published = cross_r2(trained(stream, procedure="published", lr=0.003).dictionary, held_out)
    assert diagonal(ours.r2) > 0.9
    assert off_diagonal(ours.r2) > off_diagonal(published.r2) + 0.05
    assert off_diagonal(ours.r2_permuted) < 0


@KIND
def test_a_stream_is_a_dictionary_of_its_own_activations(changes: dict[str, object]) -> None:
    """The view's codes and outputs are those of the universal dictionary, in the unit of the stream."""
    universal = briefly(**changes).dictionary
    x = planted(200, seed=3).tokens
    for number, part in enumerate(universal.parts):
        view = stream_dictionary(universal, number)
        torch.testing.assert_close(view.atoms.norm(dim=1), torch.ones(view.n_concepts))
        codes, common = view.encode(x[:, part].contiguous()), universal.stream_codes(number, x[:, part].contiguous())
        torch.testing.assert_close(codes.dense(), common.dense() * universal.gains(number), rtol=1e-3, atol=1e-4)
        expected = universal.decode_common(common)[:, part]
        torch.testing.assert_close(view.decode(codes), expected, rtol=1e-3, atol=1e-3)
        assert (codes.values >= 0).all()
        if changes.get("choice") != "batchtopk":
            assert (codes.dense() > 0).sum(dim=1).max() <= SPEC["n_active"]


def test_the_matrix_is_that_of_a_slow_twin() -> None:
    universal = briefly().dictionary
    held_out = planted_streams(2000)[1]
    found = cross_r2(universal, held_out, batch_tokens=300).r2
    for i, source in enumerate(universal.parts):
        for j, target in enumerate(universal.parts):
            error = variance = 0.0
            codes = universal.stream_codes(i, held_out.tokens[:, source].contiguous()).dense()
            table = universal.decoders[j].detach() * universal.scale[target]
            for x, c in zip(held_out.tokens[:, target], codes, strict=True):
                error += float((x - universal.mean[target] - c @ table).double().square().sum())
                variance += float((x - universal.mean[target]).double().square().sum())
            assert float(found[i, j]) == pytest.approx(1 - error / variance, abs=1e-4)
    views = [stream_dictionary(universal, i) for i in range(2)]
    own = [centred_r2(view, OneOf(held_out, part)) for view, part in zip(views, universal.parts, strict=True)]
    assert own == pytest.approx(found.diagonal().tolist(), abs=1e-4)


def test_joint_atoms_have_norm_one_and_streams_equal_variance() -> None:
    stream = planted_streams(2000)[0]
    stream.tokens[:, :WIDTH] *= 50
    wide = type(stream)(stream.tokens)
    universal = train_universal(UniversalSpec(**SPEC | {"epochs": 1}), wide, widths=WIDTHS).dictionary
    torch.testing.assert_close(universal.standard_atoms.norm(dim=1), torch.ones(universal.n_concepts))
    u = universal.standardize(wide.tokens)
    power = [float(u[:, part].square().sum(dim=1).mean()) for part in universal.parts]
    assert power == pytest.approx([WIDTH, WIDTH], rel=1e-3)


@KIND
def test_an_interrupted_run_goes_on_bit_for_bit(
    changes: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_CHECKPOINT_S", -1.0)
    stream, held_out = planted_streams(2000)
    spec = UniversalSpec(**SPEC | {"epochs": 2} | changes)
    whole = train_universal(spec, stream, widths=WIDTHS, held_out=held_out)
    seen = 0

    def stop(state: TrainingProgress) -> None:
        nonlocal seen
        seen += state.phase == "train"
        if seen > 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "_REPORT_S", -1.0)
    with pytest.raises(KeyboardInterrupt):
        train_universal(spec, stream, widths=WIDTHS, checkpoints=Checkpoints([tmp_path]), on_progress=stop)
    assert list(tmp_path.iterdir())
    again = train_universal(spec, stream, widths=WIDTHS, held_out=held_out, checkpoints=Checkpoints([tmp_path]))
    states = whole.dictionary.state_dict(), again.dictionary.state_dict()
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())


def facts_of(universal: UniversalDictionary) -> UniversalFacts:
    streams = tuple(StreamFacts(model=f"m{i}", layer="l", width=w, activations="a") for i, w in enumerate(WIDTHS))
    return UniversalFacts(format=1, spec=universal.spec, streams=streams, grid_rows=2, grid_cols=3)


@KIND
def test_a_saved_dictionary_gives_the_same_codes(changes: dict[str, object], tmp_path: Path) -> None:
    universal = briefly(**changes).dictionary
    save_universal(universal, facts_of(universal), tmp_path)
    loaded, facts = load_universal(tmp_path)
    assert facts == facts_of(universal)
    x = planted(100, seed=3).tokens
    for number, part in enumerate(universal.parts):
        codes = [one.stream_codes(number, x[:, part].contiguous()).dense() for one in (universal, loaded)]
        assert torch.equal(*codes)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    universal = briefly().dictionary
    save_universal(universal, facts_of(universal), tmp_path)
    description = tmp_path / "universal.json"
    text = description.read_text()
    description.write_text(text.replace('"format":1', '"format":2'))
    with pytest.raises(NewerFormat, match="format 2"):
        load_universal(tmp_path)
    description.write_text("{")
    with pytest.raises(Damaged, match="train the dictionary again"):
        load_universal(tmp_path)
    description.write_text(text)
    (tmp_path / "weights.safetensors").write_bytes(b"no")
    with pytest.raises(Damaged, match="train it again"):
        load_universal(tmp_path)
    (tmp_path / "weights.safetensors").unlink()
    with pytest.raises(NotFound):
        load_universal(tmp_path)


def test_the_published_procedure_moves_one_stream_at_a_step() -> None:
    stream = planted_streams(2000)[0]
    spec = UniversalSpec(**SPEC | {"procedure": "published"})
    universal = make_universal(spec, WIDTHS)
    universal.fit_standard(stream.mean, stream.std)
    inputs = universal.standardize(stream.tokens[:200])
    universal.start_from(inputs, generator=torch.Generator().manual_seed(0), on_iteration=lambda: None)
    moment = loop_moment(3)
    universal.learn(inputs, universal.make_atoms(), moment=moment).loss.backward()
    (source,) = universal.sources(moment)
    for number in range(2):
        graded = [universal.encoders[number].grad, universal.decoders[number].grad]
        assert [gradient is not None for gradient in graded] == [number == source] * 2
    assert universal.scheduled(1.0) == 0.5
    assert functional.normalize(universal.decoders[0], dim=1).allclose(universal.decoders[0], atol=1e-6)
    assert {universal.sources(loop_moment(step))[0] for step in range(20)} == {0, 1}


def loop_moment(step: int):  # type: ignore[no-untyped-def]
    from worker.dictionaries.learned import Moment

    return Moment(step, 0.0)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"tokens": "all"}, "use patches"),
        ({"whiten": True}, "leave them"),
        ({"n_mutual": 2}, "leave them"),
        ({"procedure": "published", "choice": "batchtopk"}, "chooses by topk"),
        ({"n_active": 500}, "lower n_active"),
        ({"relaxation": 0.5, "procedure": "published"}, "free atoms"),
        ({"relaxation": 0.5, "n_candidates": 8, "n_mixed": 9}, "raise n_candidates"),
    ],
)
def test_specs_that_make_no_sense(changes: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        UniversalSpec(**SPEC | changes)
