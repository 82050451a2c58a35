"""Peers: our kinds of dictionary against the same kinds of overcomplete 0.3.0, on the same tokens in the same run."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import torch
from jaxtyping import Float, Float64
from pydantic import Field
from safetensors.torch import load_file, save_file
from torch import Tensor

from store.errors import Unavailable
from store.methods import MixtureSpec
from store.settings import Settings
from worker.bench.contenders import Contender, contenders
from worker.bench.environment import PEER, peer_environment
from worker.bench.meeting import nearest, r2_at, search
from worker.bench.results import Bar, Column, Outcome, Table, at_least
from worker.bench.sources import LearningOptions, load_tokens
from worker.bench.trials import Steps
from worker.dictionaries.kmeans import kmeans
from worker.dictionaries.registry import METHODS
from worker.dictionaries.tokens import MemoryTokens
from worker.progress import OnProgress

ABOUT = (
    "Each kind of ours against the same kind of overcomplete 0.3.0: each run in a process of its own, R² of both "
    "computed by the same lines about the mean vector of the training tokens. The peer gets centred and scaled inputs, "
    "our schedule and the best of several learning rates; where its number of codes is free, its penalty is searched "
    "until it has ours, and its R² interpolated between the two nearest runs. Ours has one learning rate for all."
)
ALLOWED_LESS: Final = 0.005

PEER_OF: Final[dict[str, str]] = {
    "relu": "relu",
    "topk": "topk",
    "batchtopk": "batchtopk",
    "jumprelu": "jumprelu",
    "matching-pursuit": "matching-pursuit",
    "archetypal-published": "ra-topk",
    "archetypal": "ra-topk",
}
"""Our methods and the peer's kinds; ours without one stand alone."""

_OURS_ALONE: Final = ("matryoshka",)
_SEARCHED: Final[dict[str, tuple[str, bool]]] = {
    "relu": ("penalty", False),
    "jumprelu": ("penalty", False),
    "batchtopk": ("n_active", True),
}
"""Kinds whose L0 is free: the setting that moves it, and whether L0 rises with it."""

_PEER_SCRIPT = Path(__file__).with_name("peer_side.py")


class PeersOptions(LearningOptions):
    """``lr`` is ours; sizes, epochs and batches are shared by both sides."""

    peer_lrs: tuple[float, ...] = Field((2e-3, 5e-3, 1e-2), min_length=1, description="learning rates of the peer")
    relu_penalty: float = Field(2e-2, gt=0, description="first L1 penalty of the peer's search")
    jump_penalty: float = Field(1e-2, gt=0, description="first L0 penalty of the peer's search")
    bandwidth: float = Field(0.1, gt=0, description="kernel width of the peer's JumpReLU")
    tries: int = Field(7, ge=1, description="runs of a search at most")
    threads: int = Field(2, ge=1)
    work: Path | None = Field(None, description="folder of the peer's environment; .bench in the store when empty")


@dataclass(frozen=True)
class Side:
    """What one run of one side gave."""

    r2: float
    l0: float
    dead_share: float
    tokens_per_s: float
    cpu_seconds: float
    peak_mib: float | None
    lr: float
    setting: float = 0.0
    """The penalty or the number of codes that a search tried."""


def run(options: PeersOptions, settings: Settings, on_progress: OnProgress) -> Outcome:
    """Both sides on the store's tokens."""
    photos = load_tokens(options, settings, on_progress)
    on_progress(0, 1, "making the peer's environment")
    work = (options.work or settings.store / ".bench").absolute()
    work.mkdir(parents=True, exist_ok=True)
    python = peer_environment(work)
    return measure(options, *photos.streams, folder=work, python=python, on_progress=on_progress)


def measure(
    options: PeersOptions,
    train: MemoryTokens,
    held_out: MemoryTokens,
    *,
    folder: Path,
    python: Path,
    on_progress: OnProgress,
) -> Outcome:
    """One row for each method of ours; the peer's runs of a kind are made once."""
    outcome = Outcome(seeds=[options.seed])
    chosen = _contenders(options, width=train.width)
    steps = Steps(on_progress, len(chosen))
    rows = []
    with TemporaryDirectory(dir=folder) as work:
        arena = Arena(options, train, held_out, work=Path(work), python=python, tell=steps.tell)
        for contender in chosen:
            with outcome.attempt(contender.name):
                outcome.keep_spec(contender.name, contender.spec)
                rows.append(_row(contender, arena))
            steps.end()
    shared = Shared.of(options, width=train.width)
    sizes = f"{shared.n_concepts} concepts, {shared.n_active} active"
    title = f"{sizes}, {shared.epochs} epochs of {train.n_tokens:,} tokens"
    outcome.tables.append(Table(title, _COLUMNS, rows, note=_note(rows)))
    outcome.bars += _bars(rows)
    return outcome


_COLUMNS = (
    Column("method", "ours"),
    Column("peer", "theirs"),
    Column("r2", "R² ours"),
    Column("peer_r2", "R² theirs"),
    Column("difference", "difference"),
    Column("l0", "L0 ours", 2),
    Column("peer_l0", "L0 theirs", 2),
    Column("dead_share", "dead ours", 1, percent=True),
    Column("peer_dead_share", "dead theirs", 1, percent=True),
    Column("tokens_per_s", "tokens/s ours", 0),
    Column("peer_tokens_per_s", "tokens/s theirs", 0),
    Column("speed", "ratio", 2),
    Column("peak_mib", "MiB ours", 0),
    Column("peer_peak_mib", "MiB theirs", 0),
    Column("peer_lr", "their best lr", 4),
)


def _contenders(options: PeersOptions, *, width: int) -> list[Contender]:
    methods = options.methods or [name for name in (*PEER_OF, *_OURS_ALONE) if name in METHODS]
    return contenders(options.fields | {"seed": options.seed}, width=width, only=methods, presets=True)


@dataclass(frozen=True)
class Shared:
    """What both sides have in common."""

    n_concepts: int
    n_active: int
    epochs: int
    batch_tokens: int
    n_candidates: int

    @classmethod
    def of(cls, options: PeersOptions, *, width: int) -> "Shared":
        """As our TopK and archetypal dictionaries have it."""
        topk, mixing = (
            one.spec for one in contenders(options.fields, width=width, only=["topk", "archetypal"], presets=True)
        )
        assert isinstance(mixing, MixtureSpec)
        return cls(topk.n_concepts, topk.n_active, topk.epochs, topk.batch_tokens, mixing.n_candidates)


class Arena:
    """The tokens of both sides in a file, and processes that train on them one after the other."""

    def __init__(
        self,
        options: PeersOptions,
        train: MemoryTokens,
        held_out: MemoryTokens,
        *,
        work: Path,
        python: Path,
        tell: Callable[[str], None],
    ) -> None:
        self.options, self.work, self.python, self.tell = options, work, python, tell
        self.held_out, self.mean = held_out.tokens, train.mean.double()
        self.shared = Shared.of(options, width=train.width)
        self.n_seen = train.n_tokens * self.shared.epochs
        self._tokens = work / "tokens.safetensors"
        points = _points(train, self.shared.n_candidates, seed=options.seed)
        save_file({"train": train.tokens, "held_out": held_out.tokens, "points": points}, self._tokens)
        self._of_kind: dict[str, tuple[float, list[list[Side]]]] = {}

    def ours(self, contender: Contender) -> Side:
        """One run of ours."""
        self.tell(contender.name)
        spec = contender.spec.as_json()
        return self._side([sys.executable, "-m", "worker.bench.our_side"], {"spec": spec}, lr=spec.get("lr", 0.0))

    def peer(self, kind: str, *, wanted: float) -> list[list[Side]]:
        """Runs of one kind of the peer: for each learning rate one, or those of a search for the wanted L0."""
        if kind not in self._of_kind:
            self._of_kind[kind] = wanted, [self._runs(kind, lr, wanted=wanted) for lr in self.options.peer_lrs]
        searched_for, runs = self._of_kind[kind]
        assert kind not in _SEARCHED or searched_for == wanted
        return runs

    def _runs(self, kind: str, lr: float, *, wanted: float) -> list[Side]:
        if kind not in _SEARCHED:
            return [self._theirs(kind, lr, n_active=float(self.shared.n_active), penalty=0.0)]
        setting, rising = _SEARCHED[kind]
        starts = {"relu": self.options.relu_penalty, "jumprelu": self.options.jump_penalty, "batchtopk": wanted}

        def attempt(value: float) -> Side:
            given = {"n_active": float(self.shared.n_active), "penalty": 0.0, setting: value}
            return self._theirs(kind, lr, n_active=given["n_active"], penalty=given["penalty"], setting=value)

        return search(attempt, wanted=wanted, start=starts[kind], rising=rising, tries=self.options.tries)

    def _theirs(self, kind: str, lr: float, *, n_active: float, penalty: float, setting: float = 0.0) -> Side:
        self.tell(f"{kind} of {PEER}, learning rate {lr:g}" + (f", setting {setting:.3g}" if setting else ""))
        request = asdict(self.shared) | {
            "kind": kind,
            "lr": lr,
            "n_active": n_active,
            "penalty": penalty,
            "bandwidth": self.options.bandwidth,
            "seed": self.options.seed,
        }
        return self._side([str(self.python), str(_PEER_SCRIPT)], request, lr=lr, setting=setting)

    def _side(self, command: list[str], request: dict[str, Any], *, lr: float, setting: float = 0.0) -> Side:
        """Run a process to its end and judge what it reconstructed."""
        files = {name: self.work / name for name in ("request.json", "answer.json", "output.safetensors")}
        paths = {"tokens": self._tokens, "answer": files["answer.json"], "out": files["output.safetensors"]}
        written = request | {name: str(path) for name, path in paths.items()} | {"threads": self.options.threads}
        files["request.json"].write_text(json.dumps(written))
        done = subprocess.run([*command, str(files["request.json"])], capture_output=True, text=True, check=False)  # noqa: S603 ours
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise Unavailable(f"A side ended with code {done.returncode}: {last}")
        told, made = json.loads(paths["answer"].read_text()), load_file(paths["out"])
        return Side(
            r2=centred_r2(self.held_out, made["output"], mean=self.mean),
            l0=float(made["fired"].sum()) / len(self.held_out),
            dead_share=float((made["fired"] == 0).double().mean()),
            tokens_per_s=self.n_seen / told["seconds"],
            cpu_seconds=told["cpu_seconds"],
            peak_mib=told["peak_mib"],
            lr=lr,
            setting=setting,
        )


def centred_r2(x: Float[Tensor, "n d"], output: Float[Tensor, "n d"], *, mean: Float64[Tensor, " d"]) -> float:
    """``1 - sum |x - x_hat|^2 / sum |x - mean|^2`` in float64."""
    return 1.0 - float((x.double() - output.double()).square().sum() / (x.double() - mean).square().sum())


def _points(train: MemoryTokens, n_candidates: int, *, seed: int) -> Float[Tensor, "c d"]:
    """k-means centroids of standardised tokens, for kinds that mix them; their time is not counted for the peer."""
    scale = train.std.double().square().mean().sqrt().float()
    generator = torch.Generator().manual_seed(seed)
    sample = train.tokens[torch.randperm(train.n_tokens, generator=generator)[: 16 * n_candidates]]
    return kmeans((sample - train.mean) / scale, min(n_candidates, len(sample)), generator=generator)


def _row(contender: Contender, arena: Arena) -> dict[str, Any]:
    ours = arena.ours(contender)
    names = ("r2", "l0", "dead_share", "tokens_per_s", "peak_mib", "cpu_seconds")
    row: dict[str, Any] = {"method": contender.name, **{name: getattr(ours, name) for name in names}}
    kind = PEER_OF.get(contender.method)
    if kind is None:
        return row
    of_lrs = arena.peer(kind, wanted=ours.l0)
    searched = kind in _SEARCHED
    worth = [r2_at(runs, ours.l0) if searched else runs[0].r2 for runs in of_lrs]
    best = max(range(len(worth)), key=worth.__getitem__)
    shown = nearest(of_lrs[best], ours.l0)
    return {
        **row,
        "peer": kind,
        **{f"peer_{name}": getattr(shown, name) for name in (*names, "lr")},
        "peer_r2": worth[best],
        "difference": ours.r2 - worth[best],
        "speed": ours.tokens_per_s / shown.tokens_per_s,
        "peer_runs": [asdict(run) for runs in of_lrs for run in runs],
    }


def _note(rows: Sequence[dict[str, Any]]) -> str:
    searched = [row["peer"] for row in rows if row.get("peer") in _SEARCHED]
    told = f"R² of their {', '.join(searched)} is interpolated to our L0; their other columns are of the nearest run. "
    return (told if searched else "") + "Memory is the peak above that before training, in a process of its own."


def _bars(rows: Sequence[dict[str, Any]]) -> list[Bar]:
    """Each autoencoder kind against its own, and the best of ours against the best of theirs."""
    paired = [row for row in rows if "peer" in row and row["method"] != "archetypal"]
    bars = [at_least(f"R² difference, {row['method']}", -ALLOWED_LESS, measured=row["difference"]) for row in paired]
    theirs = [row["peer_r2"] for row in rows if "peer_r2" in row]
    if theirs:
        difference = max(row["r2"] for row in rows) - max(theirs)
        bars.append(at_least("R² difference, best of ours to best of theirs", 0.0, measured=difference))
    return bars
