"""A small store whose dictionaries can encode photos, and real encoder processes over a store."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.encoder import Encoder
from store.artifacts import Artifact
from store.collection import Collection
from store.encoding.contract import EncoderState
from store.encoding.refusals import EncoderUnavailable
from store.methods import MatryoshkaSpec, TopKSpec
from store.settings import Settings
from store.specs import AtlasSpec
from store.universal import UniversalSpec
from tests.services.ports import free_ports
from tests.working import Inputs
from worker.reporting import Reporter
from worker.workshop import Wanted, WantedUniversal, Workshop

SECRET = "a secret of the tests alone"


@dataclass(frozen=True)
class Studio:
    """A store with drawn photos, one small network read at two layers, two dictionaries and a universal one."""

    settings: Settings
    inputs: Inputs
    collection: Collection
    dictionaries: tuple[Artifact, ...]
    atlas: Artifact
    universal: Artifact
    universal_atlas: Artifact

    @property
    def digest(self) -> str:
        """The dictionary that has an atlas."""
        return self.dictionaries[0].digest

    def photo(self, place: int) -> bytes:
        """The file of an image of the collection."""
        return (self.inputs.photos / self.collection.images[place].source).read_bytes()


def make_studio(folder: Path, *, n_images: int = 12) -> Studio:
    """Everything by the real jobs, in a few seconds."""
    inputs = Inputs.draw(folder / "inputs", n=n_images)
    settings = Settings(store=folder / "store")
    workshop = Workshop(settings, Reporter(), device="cpu")
    ingest = inputs.ingest()
    workshop.ingest(ingest.folder, ingest.collection)
    last, earlier = inputs.extraction(), inputs.extraction().model_copy(update={"layer": "layer3"})
    activations = workshop.extract("drawn", last, weights=inputs.weights).artifact
    others = workshop.extract("drawn", earlier, weights=inputs.weights).artifact
    wanted = [
        Wanted("small", "Small", TopKSpec(n_concepts=24, n_active=4, epochs=2, batch_tokens=64)),
        Wanted("other", "Other", MatryoshkaSpec(n_concepts=24, n_active=4, epochs=2, batch_tokens=64)),
    ]
    trained = workshop.train(wanted, activations=activations, weights=inputs.weights)
    atlas = workshop.atlas("small", AtlasSpec(n_examples=9)).artifact
    spec = UniversalSpec(n_concepts=16, n_active=3, epochs=2, batch_tokens=32, references=False)
    joined = WantedUniversal("joined", "Joined", spec)
    universal = workshop.universal(joined, streams=[activations, others]).artifact
    universal_atlas = workshop.atlas("joined", AtlasSpec(n_examples=9)).artifact
    collection, _ = workshop.collection("drawn")
    return Studio(
        settings, inputs, collection, tuple(one.artifact for one in trained), atlas, universal, universal_atlas
    )


@contextlib.contextmanager
def encoding(
    store: Path,
    *,
    weights: Sequence[Path] = (),
    wait: bool = True,
    secret: str = SECRET,
    threads: int | None = 1,
    device: str = "cpu",
    log: Path | None = None,
    **changes: object,
) -> "Iterator[Running]":
    """An encoder process over a store, and settings that lead to it; killed at the end if it still lives.

    What it says goes into the file ``log``, or without one into a pipe, which holds no more than a few lines.
    """
    [port] = free_ports(1)
    given = {"encoder_port": port, "encoder_secret": secret, **changes}
    environment = os.environ | {"HF_HUB_OFFLINE": "1"} | ({"OMP_NUM_THREADS": str(threads)} if threads else {})
    environment |= {f"CONCEPTOSCOPE_{name.upper()}": str(value) for name, value in given.items()}
    options = [word for file in weights for word in ("--weights", str(file))]
    command = [sys.executable, "-m", "worker.cli", "encoder", "--device", device, "--store", str(store), *options]
    said = contextlib.nullcontext(subprocess.PIPE) if log is None else log.open("a")
    with said as stderr:
        process = subprocess.Popen(command, env=environment, stderr=stderr, text=True)
    running = Running(Settings(store=store, **given), process)  # type: ignore[arg-type]
    try:
        if wait:
            running.wait()
        yield running
    finally:
        process.kill()
        process.communicate()


@dataclass(frozen=True)
class Running:
    """A living encoder."""

    settings: Settings
    process: "subprocess.Popen[str]"

    def wait(self, *, seconds: float = 90) -> EncoderState:
        """Until it answers and has loaded what pages show."""
        deadline = time.monotonic() + seconds
        encoder, held = Encoder(self.settings), 0
        while True:
            assert self.process.poll() is None, "the encoder ended by itself"
            assert time.monotonic() < deadline, "the encoder did not answer"
            with contextlib.suppress(EncoderUnavailable):
                state = encoder.look()
                if state.held and len(state.held) == held:
                    return state
                held = len(state.held)
            time.sleep(0.2)
