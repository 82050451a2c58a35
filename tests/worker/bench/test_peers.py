"""Both sides of the comparison with the peer: ours in every run, the peer's where its package may be installed."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.worker.dictionaries.planted import COMMON, SPECS, planted_streams
from worker.bench import our_side
from worker.bench.environment import peer_environment
from worker.bench.peers import PeersOptions, centred_r2, measure
from worker.metrics import reconstruction
from worker.progress import silent
from worker.training.loop import train

SMALL = PeersOptions(**COMMON | {"lr": None}, n_candidates=64, peer_lrs=(1e-2,), tries=2, threads=1)


def test_our_side_writes_what_the_dictionary_of_its_spec_says(tmp_path: Path) -> None:
    stream, held_out = planted_streams()
    save_file({"train": stream.tokens, "held_out": held_out.tokens}, tmp_path / "tokens.safetensors")
    spec = SPECS["topk"].model_copy(update={"epochs": 2})
    names = {"tokens": "tokens.safetensors", "out": "out.safetensors", "answer": "answer.json"}
    request = {name: str(tmp_path / file) for name, file in names.items()} | {"threads": 1, "spec": spec.as_json()}
    (tmp_path / "request.json").write_text(json.dumps(request))

    our_side.main(tmp_path / "request.json")

    made, told = load_file(tmp_path / "out.safetensors"), json.loads((tmp_path / "answer.json").read_text())
    dictionary = train(spec, stream).dictionary
    codes = dictionary.encode(held_out.tokens)
    torch.testing.assert_close(made["output"], dictionary.decode(codes))
    assert torch.equal(made["fired"], (codes.dense() > 0).sum(dim=0))
    assert told["seconds"] > 0
    expected = reconstruction.centred_r2(dictionary, held_out)
    got = centred_r2(held_out.tokens, made["output"], mean=stream.mean.double())
    assert got == pytest.approx(expected, abs=1e-5)


@pytest.mark.packages
def test_every_kind_of_the_peer_trains_and_is_compared(tmp_path: Path) -> None:
    python = peer_environment(tmp_path)
    assert peer_environment(tmp_path) == python
    outcome = measure(SMALL, *planted_streams(), folder=tmp_path, python=python, on_progress=silent)
    assert outcome.failures == []
    rows = {row["method"]: row for row in outcome.tables[0].rows}
    for method in ("topk", "batchtopk", "matching-pursuit"):
        assert rows[method]["peer_r2"] > 0.5, method
        assert rows[method]["peer_l0"] == pytest.approx(rows[method]["l0"], rel=0.4), method
        assert rows[method]["tokens_per_s"] > 0
        assert rows[method]["peer_tokens_per_s"] > 0
    searched = rows["relu"]["peer_runs"]
    assert len({run["setting"] for run in searched}) == len(searched)
    kinds = {bar.what for bar in outcome.bars}
    assert "R² difference, topk" in kinds
    assert "R² difference, best of ours to best of theirs" in kinds
