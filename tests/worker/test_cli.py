"""The command line as a person uses it, on a small real collection, mistakes included.

What makes the collection's artifacts, starts a server or ends by a signal runs in real processes; the rest runs the
same ``main`` here, which spares every command the import of torch.
"""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import save_file
from typer.testing import CliRunner

from store.alignment.reader import Alignment
from store.artifacts import Artifacts
from store.atlas.reader import Atlas
from store.duck import DuckFile, DuckWriter, Schema
from store.errors import NewerFormat
from store.vocabulary import Band, Kind
from tests.working import draw_photos
from worker.cli import app, main
from worker.models import registry
from worker.models.base import VisionModel
from worker.models.torchvision_cpu import import_timm

pytestmark = pytest.mark.slow

MODEL = "timm/test_resnet"
SMALL = ["--n-concepts", "24", "--n-active", "4", "--epochs", "2"]


def run(*arguments: str, store: Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "worker.cli", *arguments, "--store", str(store)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.returncode == expect, done.stderr
    assert "Traceback" not in done.stderr
    return done


def here(*arguments: str, store: Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
    """The same in this process."""
    command = [*arguments, "--store", str(store)]
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["conceptoscope", *command])
        with pytest.raises(SystemExit) as end:
            main()
    assert (end.value.code or 0) == expect, err.getvalue()
    return subprocess.CompletedProcess(command, expect, out.getvalue(), err.getvalue())


def answer(*arguments: str, store: Path) -> Any:
    return json.loads(run(*arguments, "--json", store=store).stdout)


def answer_here(*arguments: str, store: Path) -> Any:
    return json.loads(here(*arguments, "--json", store=store).stdout)


class Studio:
    """Photos, weights and a store that went once through the whole pipeline."""

    def __init__(self, folder: Path) -> None:
        self.photos, self.store, self.weights = folder / "photos", folder / "store", folder / "weights.safetensors"
        draw_photos(self.photos, n=48)
        (self.photos / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no photo")
        net = import_timm().create_model("test_resnet", pretrained=False)
        save_file({k: v.contiguous() for k, v in net.state_dict().items()}, self.weights)
        self.ingested = answer("ingest", str(self.photos), "--slug", "drawn", "--held-out", "0.25", store=self.store)
        self.trained = answer(*self.train_arguments, store=self.store)
        self.atlas = answer("atlas", "small", "--n-examples", "9", store=self.store)

    @property
    def train_arguments(self) -> list[str]:
        model = ["--model", MODEL, "--weights", str(self.weights), "--size", "96x128", "--fit", "cover"]
        return ["train", "drawn", *model, *SMALL, "--slug", "small", "--device", "cpu"]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(tmp_path_factory.mktemp("studio"))


def test_ingest_lists_what_it_skipped(studio: Studio) -> None:
    assert studio.ingested["n_images"] == 48
    assert [row["source"] for row in studio.ingested["damaged"]] == ["broken.jpg"]


def test_the_atlas_shows_the_real_codes(studio: Studio) -> None:
    atlas = Atlas(Artifacts(studio.store).get(Kind.ATLAS, studio.atlas["digest"]))
    assert atlas.n_concepts == 24
    assert atlas.meta["collection"]["slug"] == "drawn"
    assert {row["class"] for row in atlas.classes} == {"a", "b"}
    alive = int(np.argmax(atlas.columns["density"]))
    examples = atlas.examples(alive, Band.TOP)
    assert examples[0]["value"] == pytest.approx(atlas.columns["max"][alive])
    heat, scale = atlas.heat(alive, Band.TOP, rank=0)
    assert heat.max() == 255
    assert heat[examples[0]["row"], examples[0]["col"]] == 255
    concepts, values = atlas.patch_codes(examples[0]["id"])
    at = concepts[examples[0]["row"], examples[0]["col"]] == alive
    assert values[examples[0]["row"], examples[0]["col"]][at][0] == pytest.approx(scale, rel=2e-3)
    atlas.close()


def test_a_second_run_finds_everything(studio: Studio) -> None:
    again = answer_here(*studio.train_arguments, store=studio.store)
    assert again["reused"] is True
    assert again["digest"] == studio.trained["digest"]
    assert answer_here("atlas", "small", "--n-examples", "9", store=studio.store)["reused"] is True


@pytest.mark.slow
def test_the_same_spec_gives_the_same_dictionary_in_another_store(studio: Studio, tmp_path: Path) -> None:
    run("ingest", str(studio.photos), "--slug", "drawn", "--held-out", "0.25", store=tmp_path)
    assert answer(*studio.train_arguments, store=tmp_path)["digest"] == studio.trained["digest"]
    assert answer("atlas", "small", "--n-examples", "9", store=tmp_path)["digest"] == studio.atlas["digest"]


def test_ls_names_what_is_there(studio: Studio) -> None:
    listed = answer_here("ls", store=studio.store)
    assert [row["slug"] for row in listed["collections"]] == ["drawn"]
    assert [row["slug"] for row in listed["dictionaries"]] == ["small"]
    assert {row["kind"] for row in listed["artifacts"]} == {"collection", "activations", "dictionary", "atlas"}
    assert "small" in here("ls", store=studio.store).stdout


@pytest.mark.slow
def test_a_damaged_artifact_is_named_and_rebuilt_on_request(studio: Studio, tmp_path: Path) -> None:
    run("ingest", str(studio.photos), "--slug", "drawn", "--held-out", "0.25", store=tmp_path)
    built = answer(*studio.train_arguments, store=tmp_path)
    weights = tmp_path / "dictionary" / built["digest"] / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-5] ^= 1
    weights.write_bytes(content)
    told = run("atlas", "small", store=tmp_path, expect=2).stderr
    assert "weights.safetensors is damaged (sha256" in told
    assert "--rebuild" in told
    again = answer(*studio.train_arguments, "--rebuild", store=tmp_path)
    assert (again["digest"], again["reused"]) == (built["digest"], False)
    run("atlas", "small", store=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ingest", "no-such-folder"], "no-such-folder"),
        (["train", "nothing"], "No collection named 'nothing'"),
        (["train", "drawn", "--model", "efficientnet-lite9"], "efficientnet-lite0"),
        (["train", "drawn", "--model", "timm/resnet51"], "resnet50"),
        (["train", "drawn", "--layer", "blocks.99"], "blocks.6"),
        (["train", "drawn", "--preset", "topk-smal"], "topk-small"),
        (["train", "drawn", "--n-active", "999"], "n_active (999) is above n_concepts"),
        (["train", "drawn", "--size", "big"], "HEIGHTxWIDTH"),
        (["atlas", "smal"], "small"),
        (["ingest", ".", "--classes", "moon"], "folder"),
    ],
)
def test_mistakes_end_with_one_clear_line(studio: Studio, arguments: list[str], told: str) -> None:
    lines = here(*arguments, store=studio.store, expect=2).stderr.strip().splitlines()
    assert told in lines[-1]
    assert lines[-1].startswith("conceptoscope: ")


@pytest.mark.slow
def test_weights_that_no_hub_gives_are_asked_for(studio: Studio) -> None:
    told = run("train", "drawn", "--model", "timm/resnet18", "--layer", "layer4", store=studio.store, expect=2).stderr
    assert "--weights" in told.strip().splitlines()[-1]
    assert told.strip().splitlines()[-1].startswith("conceptoscope: ")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "No photos in" in here("ingest", str(tmp_path / "empty"), store=tmp_path / "store", expect=2).stderr


def test_an_atlas_of_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "newer.duckdb"
    DuckWriter(path, Schema("atlas", 999, ())).__exit__()
    with pytest.raises(NewerFormat, match="schema 999, this version reads up to 1: upgrade"):
        DuckFile(path, Schema("atlas", 1, ()))


@pytest.mark.slow
def test_an_interrupted_training_leaves_nothing_half_and_goes_on(studio: Studio, tmp_path: Path) -> None:
    run("ingest", str(studio.photos), "--slug", "drawn", "--held-out", "0.25", store=tmp_path)
    long = [*studio.train_arguments, "--store", str(tmp_path)]
    long[long.index("--epochs") + 1] = "10000"
    long += ["--set", "batch_tokens=32"]  # far longer than anybody waits
    command = [sys.executable, "-m", "worker.cli", *long]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    for line in process.stderr:
        if "epoch" in line:
            break
    told = ""
    for _ in range(5):  # Python may lose an interrupt that comes while it cleans up: a person would press again
        process.send_signal(signal.SIGINT)
        try:
            _, told = process.communicate(timeout=5)
            break
        except subprocess.TimeoutExpired:
            continue
    assert process.returncode == 130
    assert "run the same command again" in told
    artifacts = Artifacts(tmp_path)
    assert artifacts.list(Kind.DICTIONARY) == []
    assert len(artifacts.list(Kind.ACTIVATIONS)) == 1
    assert answer(*studio.train_arguments, store=tmp_path)["digest"] == studio.trained["digest"]


def test_a_port_in_use_is_told(studio: Studio) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = run("web", "--port", str(port), store=studio.store, expect=2).stderr
    assert str(port) in told
    assert "--port" in told


@pytest.mark.slow
def test_doctor_finds_nothing_bad_here_and_names_damage(studio: Studio, tmp_path: Path) -> None:
    findings = answer("doctor", "--verify", store=studio.store)
    assert {f["state"] for f in findings if not f["what"].startswith("weights")} <= {"good", "warn"}
    (tmp_path / "collection" / ("0" * 64)).mkdir(parents=True)
    (tmp_path / "collection" / ("0" * 64) / "manifest.json").write_text("{")
    told = run("doctor", "--verify", store=tmp_path, expect=1).stdout
    assert "bad   collection 000000000000" in told


@pytest.mark.parametrize("command", [command.name for command in app.registered_commands])
def test_every_command_has_help(command: str) -> None:
    done = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    assert ("--store" in done.stdout) == (command not in {"presets", "secret"})


def test_metrics_and_stability_of_two_seeds(studio: Studio) -> None:
    answer_here(*studio.train_arguments, "--slug", "other-seed", "--seed", "3", store=studio.store)
    (pair,) = answer_here("stability", "small", "other-seed", store=studio.store)
    assert 0 < pair["stability"] <= 1
    rows = {row["dictionary"]: row for row in answer_here("metrics", store=studio.store)}
    assert rows["small"]["stability"] == rows["other-seed"]["stability"] == pytest.approx(pair["stability"])
    assert rows["small"]["r2"] is not None
    found = {row["metric"]: row for row in answer_here("metrics", "small", store=studio.store)}
    assert found["r2"]["null"] is not None
    assert "held-out" in found["r2"]["definition"]
    assert found["stability"]["value"] == pytest.approx(pair["stability"])
    told = here("metrics", "--layer", "final", store=studio.store).stdout
    assert "other-seed" in told
    assert "presets" not in told
    assert "topk-small" in CliRunner().invoke(app, ["presets"], env={"COLUMNS": "200"}).stdout
    assert "at least two" in here("stability", "small", store=studio.store, expect=2).stderr
    answer_here(*studio.train_arguments, "--slug", "bare", "--set", "aux_weight=0", store=studio.store)
    assert "differ in aux_weight" in here("stability", "small", "bare", store=studio.store, expect=2).stderr
    assert "Known: final" in here("metrics", "--layer", "finl", store=studio.store, expect=2).stderr


def test_two_dictionaries_are_aligned_and_bad_pairs_told(studio: Studio) -> None:
    answer_here(*studio.train_arguments, "--slug", "again", "--seed", "4", store=studio.store)
    found = answer_here("align", "small", "again", store=studio.store)
    assert (found["kind"], found["reused"]) == ("alignment", False)
    assert found["n_matched"] <= found["n_pairs"] <= 24
    assert all(
        sum(side[name] for name in ("matched", "split", "merge", "unmatched", "silent")) == 24
        for side in found["sides"]
    )
    again = answer_here("align", "again", "small", store=studio.store)
    assert (again["digest"], again["reused"]) == (found["digest"], True)
    (listed,) = (row for row in answer_here("ls", store=studio.store)["alignments"] if "again" in row.values())
    assert {listed["first"], listed["second"]} == {"small", "again"}
    assert listed["n_matched"] == found["n_matched"]
    told = here("align", "small", "again", store=studio.store).stdout
    assert f"n_matched: {found['n_matched']}" in told
    assert "unmatched" in told
    told = here("align", "small", "small", store=studio.store, expect=2).stderr
    assert "the same dictionary" in told
    assert "No dictionary named 'nothing'" in here("align", "small", "nothing", store=studio.store, expect=2).stderr
    queued = answer_here("align", "small", "again", "--detach", store=studio.store)
    assert (queued["kind"], queued["title"]) == ("align", "Align small and again")
    run("jobs", "cancel", str(queued["id"]), store=studio.store)


def test_the_version_is_the_packages() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout.strip() == version("conceptoscope")


def test_monosemanticity_needs_another_model(studio: Studio) -> None:
    assert "No other model" in here("monosemanticity", "small", store=studio.store, expect=2).stderr
    assert "No model with" in here("monosemanticity", "small", "--by", "x", store=studio.store, expect=2).stderr
    same = here("monosemanticity", "small", "--by", MODEL, store=studio.store, expect=2).stderr
    assert "needs the eyes of another model" in same


def test_metrics_of_the_models_own_head_are_there(studio: Studio) -> None:
    found = {row["metric"]: row for row in answer_here("metrics", "small", store=studio.store)}
    assert {"plausibility", "cross_entropy_kept", "probe_map"} <= set(found)
    assert found["plausibility"]["null"] is not None


@pytest.mark.slow
@pytest.mark.parametrize("source", [[], ["--live"]], ids=["stored", "live"])
def test_torchrun_trains_one_dictionary_with_two_processes(studio: Studio, source: list[str]) -> None:
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "worker.cli"]
    command = [*torchrun, *studio.train_arguments, *source, "--slug", "together", "--seed", "7", "--json"]
    command += ["--store", str(studio.store)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["slug"] == "together"
    assert not json.loads(done.stdout)["reused"]


def test_a_sweep_trains_every_combination_on_one_pass(studio: Studio) -> None:
    kept = [part for part in studio.train_arguments if part not in (*SMALL, "--slug", "small")]
    sweep = ["--n-concepts", "16", "--n-concepts", "20", "--n-active", "2", "--epochs", "1"]
    sweep += ["--set", "aux_weight=0,0.1"]
    found = answer_here(*kept, *sweep, store=studio.store)
    assert len({row["digest"] for row in found}) == 4
    start = "timm-test-resnet-final-topk"
    slugs = {f"{start}-k{k}-aux-weight{w}" for k in (16, 20) for w in ("0-0", "0-1")}
    assert {row["slug"] for row in found} == slugs
    assert slugs <= {row["slug"] for row in answer_here("ls", store=studio.store)["dictionaries"]}


def test_live_activations_of_changed_weights_are_refused_and_made_again_on_request(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(*given: Any, **more: Any) -> VisionModel:
        model = load(*given, **more)
        model.weights_sha256 = "f" * 64
        return model

    here("ingest", str(studio.photos), "--slug", "drawn", "--held-out", "0.25", store=tmp_path)
    source = [*studio.train_arguments[1:8], "--live", "--device", "cpu"]
    first = answer_here("extract", *source, store=tmp_path)
    load = registry.load_model
    monkeypatch.setattr(registry, "load_model", changed)
    told = here("train", *source, *SMALL, store=tmp_path, expect=2).stderr
    assert re.search("weights_sha256 .* but timm/test_resnet has f{64} now.*--live --rebuild", told)
    second = answer_here("extract", *source, "--rebuild", store=tmp_path)
    assert not second["reused"]
    assert second["digest"] != first["digest"]


def test_live_activations_train_the_same_dictionary_and_are_never_stored(studio: Studio) -> None:
    def asked(*arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        return here(*arguments, "--device", "cpu", "--json", store=studio.store, expect=expect)

    before = {artifact.digest for artifact in Artifacts(studio.store).list(Kind.ACTIVATIONS)}
    weights = ["--weights", str(studio.weights)]
    built = json.loads(asked(*studio.train_arguments, "--live", "--slug", "live").stdout)
    of_both = [studio.store / "dictionary" / found["digest"] for found in (built, studio.trained)]
    for name in ("weights.safetensors", "metrics.json", "history.json"):
        assert (of_both[0] / name).read_bytes() == (of_both[1] / name).read_bytes(), name
    kept = {one.digest: set(one.manifest.files) for one in Artifacts(studio.store).list(Kind.ACTIVATIONS)}
    described = {"geometry.json", "statistics.safetensors"}
    assert described in kept.values()  # an earlier test may have asked for the same
    assert all(files == described for digest, files in kept.items() if digest not in before)
    other = str(studio.photos / "a" / "000.png")
    for arguments, told in (
        (["atlas", "live"], r"test_resnet at final are not stored.*sha256.*--weights"),
        (["atlas", "live", "--weights", other], r"sha256 \w{12}, given: .*000\.png \(\w{12}\)"),
        (["atlas", "live", "--weights", "none"], r"'none' does not exist; check --weights"),
        (["stability", "live", "small", *weights], r"same seeds"),
        (["monosemanticity", "live", "--by", MODEL, *weights], r"eyes of another model"),
    ):
        assert re.search(told, asked(*arguments, expect=2).stderr), arguments
    shown = [
        Atlas(Artifacts(studio.store).get(Kind.ATLAS, found["digest"]))
        for found in (json.loads(asked("atlas", "live", "--n-examples", "9", *weights).stdout), studio.atlas)
    ]
    assert all(
        repr(values.tolist()) == repr(shown[1].columns[name].tolist()) for name, values in shown[0].columns.items()
    )
    assert "--weights" in asked("align", "live", "small", expect=2).stderr
    aligned = json.loads(asked("align", "live", "small", *weights).stdout)
    assert aligned["correlation"] == pytest.approx(1, abs=1e-4)
    assert aligned["n_matched"] == aligned["n_mutual"] == aligned["n_pairs"] > 0
    pairs = Alignment(Artifacts(studio.store).get(Kind.ALIGNMENT, aligned["digest"])).pairs
    assert pairs["a"].tolist() == pairs["b"].tolist()
    assert pairs["cosine"] == pytest.approx(1, abs=1e-5)
    again = json.loads(asked(*studio.train_arguments, "--live", "--slug", "live", "--rebuild").stdout)
    assert (again["digest"], again["reused"]) == (built["digest"], True)
