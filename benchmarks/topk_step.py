"""Training steps of our TopK dictionary against those of overcomplete 0.3.0, at a size where speed matters.

    python -m benchmarks.topk_step [--width 384 --n-concepts 6144 --n-active 16 --batch-tokens 4096 --threads 2]

Each side lives in a process of its own and trains by its own public function (``train``; ``train_sae``) on the same
synthetic sparse tokens. An epoch is a round: its batches begin when the other side has had its turn, so that both meet
the same machine. A round's time is from the first batch asked for to the end of the last step. Memory is the largest
resident set since before the model was made, less what was resident then. The start of ours (atoms at tokens) and the
first round of both are not timed. Ours has the spec's defaults, the peer the settings of ``conceptoscope bench peers``.
Prints one JSON object.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from worker.bench.peer_side import criterion_of, import_sae, memory_mib

HERE = Path(__file__).resolve().parent
N_TRUE = 4096  # atoms that the synthetic tokens are made of
BAR = {"speed_ratio": 4.5, "memory_ratio": 0.65}


def main() -> None:
    """Let both sides take turns and print the comparison; with ``--side``, be one of them."""
    options = parsed()
    if options.side:
        {"ours": run_ours, "peer": run_peer}[options.side](options)
        return
    from worker.bench.environment import peer_environment  # noqa: PLC0415 the peer's process cannot import it

    options.work.mkdir(parents=True, exist_ok=True)
    sides = {"ours": Side("ours", sys.executable), "peer": Side("peer", str(peer_environment(options.work)))}
    rounds = [{name: side.round() for name, side in sides.items()} for _ in range(options.rounds + 1)][1:]
    ends = {name: side.end() for name, side in sides.items()}
    n_tokens = options.steps * options.batch_tokens
    print(json.dumps({"request": request_of(options), **compared(rounds, ends, n_tokens=n_tokens)}, indent=1))


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sizes = {"width": 384, "n_concepts": 6144, "n_active": 16, "batch_tokens": 4096, "threads": 2}
    for name, value in {**sizes, "steps": 4, "rounds": 5, "seed": 0}.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--work", type=Path, default=HERE.parent / ".bench")
    parser.add_argument("--side", choices=("ours", "peer"), help=argparse.SUPPRESS)
    return parser.parse_args()


def request_of(options: argparse.Namespace) -> dict[str, Any]:
    """What was asked for, without paths."""
    return {name: value for name, value in vars(options).items() if name not in ("work", "side")}


def compared(
    rounds: list[dict[str, dict[str, float]]], ends: dict[str, dict[str, float]], *, n_tokens: int
) -> dict[str, Any]:
    """Tokens a second, their ratio in each round, memory, and whether the bar is met."""
    sides = {
        name: {
            "tokens_per_second": n_tokens / median(one[name]["seconds"] for one in rounds),
            "step_ms": 1e3 * median(one[name]["step_seconds"] for one in rounds),
            "step_cpu_ms": 1e3 * median(one[name]["step_cpu_seconds"] for one in rounds),
            **end,
        }
        for name, end in ends.items()
    }
    ratios = [one["peer"]["seconds"] / one["ours"]["seconds"] for one in rounds]
    memory = ends["ours"]["peak_mib"] / ends["peer"]["peak_mib"]
    return {
        **sides,
        "speed_ratios": [round(ratio, 3) for ratio in ratios],
        "speed_ratio": median(ratios),
        "cpu_time_ratio": sides["peer"]["step_cpu_ms"] / sides["ours"]["step_cpu_ms"],
        "memory_ratio": memory,
        "bar": BAR,
        "bar_met": median(ratios) >= BAR["speed_ratio"] and memory <= BAR["memory_ratio"],
    }


class Side:
    """A process that trains for one round whenever it is told to."""

    def __init__(self, name: str, python: str) -> None:
        command = [python, "-m", "benchmarks.topk_step", "--side", name, *sys.argv[1:]]
        self.process = subprocess.Popen(
            command, cwd=HERE.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def round(self) -> dict[str, float]:
        """Let it train for one round, and wait."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self._told()

    def end(self) -> dict[str, float]:
        """What it tells at its end."""
        told = self._told()
        self.process.wait()
        return told

    def _told(self) -> dict[str, float]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"A side ended with code {self.process.wait()}.")
        told: dict[str, float] = json.loads(line)
        return told


def rounds_of(batches: Iterable[Tensor], *, n_steps: int) -> Iterator[Tensor]:
    """The batches of one round: they begin when a line arrives, and times are told when the last is learned from."""
    if not sys.stdin.readline():
        raise SystemExit("The other process is gone.")
    started, busy = time.perf_counter(), time.process_time()
    yield from batches
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - busy
    tell(seconds=seconds, step_seconds=seconds / n_steps, step_cpu_seconds=cpu_seconds / n_steps)


def tell(**values: float) -> None:
    """One line to the process that waits for it."""
    print(json.dumps(values), flush=True, file=sys.__stdout__)


def above(before: float | None) -> float:
    """Peak of the resident memory above what it was; not a number where the system does not tell."""
    peak = memory_mib()
    return math.nan if peak is None or before is None else peak - before


def synthetic(options: argparse.Namespace) -> Tensor:
    """``n_active`` of 4,096 random unit atoms at each token, with codes from 0.25 to 1.25; one round's tokens."""
    generator = torch.Generator().manual_seed(options.seed)
    atoms = functional.normalize(torch.randn(N_TRUE, options.width, generator=generator), dim=1)
    shape = (options.steps * options.batch_tokens, options.n_active)
    chosen = torch.randint(N_TRUE, shape, generator=generator)
    codes = torch.rand(shape, generator=generator) + 0.25
    return functional.embedding_bag(chosen, atoms, per_sample_weights=codes, mode="sum")


def run_ours(options: argparse.Namespace) -> None:
    """Our half: ``train``, an epoch being a round."""
    from store.methods import TopKSpec  # noqa: PLC0415 the peer's environment lacks what this needs
    from worker.dictionaries.tokens import MemoryTokens  # noqa: PLC0415
    from worker.training.loop import train  # noqa: PLC0415

    class Gated(MemoryTokens):
        """Waits before each epoch; the first pass, a sample for the start, is free."""

        started = False

        def batches(self, batch_tokens: int, *, seed: int, epoch: int) -> Iterator[Tensor]:
            batches = super().batches(batch_tokens, seed=seed, epoch=epoch)
            if self.started:
                return rounds_of(batches, n_steps=options.steps)
            self.started = True
            return batches

    torch.set_num_threads(options.threads)
    stream = Gated(synthetic(options))
    names = ("n_concepts", "n_active", "batch_tokens", "lr", "seed")
    spec = TopKSpec(**{name: getattr(options, name) for name in names}, epochs=options.rounds + 1, start="tokens")
    before = memory_mib(reset=True)
    history = train(spec, stream).history
    tell(peak_mib=above(before), r2_train=history[-1].r2_train, dead_share=history[-1].dead_share_epoch)


def run_peer(options: argparse.Namespace) -> None:
    """The peer's half: ``train_sae``, an epoch being a round."""

    class Gated:
        """Waits before each epoch."""

        def __iter__(self) -> Iterator[Tensor]:
            rows = torch.split(torch.randperm(len(inputs)), options.batch_tokens)
            return rounds_of((inputs[part] for part in rows), n_steps=options.steps)

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    tokens = synthetic(options)
    sae = import_sae()
    inputs = (tokens - tokens.mean(dim=0)) / tokens.std()
    before = memory_mib(reset=True)
    model = sae.TopKSAE(options.width, nb_concepts=options.n_concepts, top_k=options.n_active)
    optimizer = torch.optim.Adam(model.parameters(), lr=options.lr)
    with redirect_stdout(sys.stderr):  # it prints each epoch's result
        criterion = criterion_of(sae, model, {"kind": "topk", "penalty": 0.0}, n_steps=1)
        sae.train_sae(model, Gated(), criterion, optimizer, nb_epochs=options.rounds + 1, monitoring=0)
    tell(peak_mib=above(before))


if __name__ == "__main__":
    main()
