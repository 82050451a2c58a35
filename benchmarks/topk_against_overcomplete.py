"""Our TopK dictionary against overcomplete 0.3.0's on the same tokens, concepts, active concepts, epochs and batch.

    python -m benchmarks.topk_against_overcomplete [--tokens demo|synthetic|FILE] [--n-concepts 384] ...

``demo``: the tokens of the demo's EfficientNet-Lite0 TopK dictionary, whose spec gives the defaults. FILE is a
.safetensors with the tensors ``train`` and ``held_out``, or a .npy (its last 15 % of rows are held out). ``synthetic``:
superposed sparse codes on a shared mean. Each side trains in a process of its own. The peer gets several
learning rates and its best counts, and, unless ``--raw`` is given, centred and scaled inputs, without which it falls
far behind. Held-out R2 of both is computed here by the same lines. Prints one JSON object.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from benchmarks.overcomplete_side import memory_mib
from benchmarks.tokens import demo_dictionary, demo_tokens
from store.methods import TopKSpec
from worker.bench.environment import peer_environment
from worker.dictionaries.tokens import MemoryTokens
from worker.training.loop import train

HERE = Path(__file__).resolve().parent
DEMO = "efficientnet-lite0-topk"
SPEC = demo_dictionary(DEMO).spec


def main() -> None:
    """Run both sides and print the comparison."""
    options = parsed()
    if options.ours:
        run_ours(json.loads(options.ours))
        return
    options.work.mkdir(parents=True, exist_ok=True)
    tokens_file = options.work / "tokens.safetensors"
    save_file(tokens_of(options), tokens_file)
    names = ("n_concepts", "n_active", "epochs", "batch_tokens", "seed", "threads")
    request = {"tokens": str(tokens_file), **{name: getattr(options, name) for name in names}}
    ours = side(
        [sys.executable, "-m", "benchmarks.topk_against_overcomplete", "--ours"],
        {**request, "lr": options.lr},
        work=options.work,
    )
    python = peer_environment(options.work)
    peers = [
        side(
            [str(python), str(HERE / "overcomplete_side.py")],
            {**request, "lr": lr, "centred": not options.raw},
            work=options.work,
        )
        for lr in options.peer_lr
    ]
    best = max(peers, key=lambda peer: peer["r2_held_out"])
    print(
        json.dumps(
            {"request": request, "ours": ours, "peer": best, "peer_runs": peers, **compared(ours, best)}, indent=1
        )
    )


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=Path, default=Path("demo"))
    parser.add_argument("--store", type=Path, default=HERE.parent / ".bench" / "demo-store")
    parser.add_argument("--work", type=Path, default=HERE.parent / ".bench")
    parser.add_argument("--lr", type=float, default=SPEC.lr)
    parser.add_argument("--peer-lr", type=float, nargs="+", default=[5e-4, 2e-3, 5e-3])
    parser.add_argument("--raw", action="store_true", help="give the peer activations as they are")
    parser.add_argument("--ours", help=argparse.SUPPRESS)
    for name in ("n_concepts", "n_active", "epochs", "batch_tokens"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(SPEC, name))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def compared(ours: dict[str, Any], peer: dict[str, Any]) -> dict[str, Any]:
    """Ratios, and whether the bar is met."""
    difference = ours["r2_held_out"] - peer["r2_held_out"]
    return {
        "r2_difference": difference,
        "speed_ratio": ours["tokens_per_second"] / peer["tokens_per_second"],
        "cpu_time_ratio": peer["cpu_seconds"] / ours["cpu_seconds"],
        "memory_ratio": peer["peak_mib"] / max(ours["peak_mib"], 1.0),
        "bar_met": difference >= -0.01 and ours["dead_share_held_out"] <= 0.05,
    }


def tokens_of(options: argparse.Namespace) -> dict[str, torch.Tensor]:
    """Train and held-out tokens from the file, or synthetic ones."""
    if str(options.tokens) == "demo":
        return demo_tokens(options.store, DEMO)
    if str(options.tokens) == "synthetic":
        return synthetic()
    if options.tokens.suffix == ".npy":
        whole = torch.from_numpy(np.load(options.tokens)).float()
        split = int(0.85 * len(whole))
        return {"train": whole[:split].contiguous(), "held_out": whole[split:].contiguous()}
    return {name: load_file(options.tokens)[name].float() for name in ("train", "held_out")}


def synthetic(n: int = 24_000, width: int = 256, n_true: int = 512) -> dict[str, torch.Tensor]:
    """Twelve of 512 unit atoms at each token, a mean as long as the tokens vary, and noise."""
    generator = torch.Generator().manual_seed(0)
    atoms = torch.nn.functional.normalize(torch.randn(n_true, width, generator=generator), dim=1)
    chosen = torch.rand(n, n_true, generator=generator).topk(12, dim=1).indices
    codes = torch.zeros(n, n_true).scatter_(1, chosen, torch.rand(n, 12, generator=generator) + 0.25)
    mean = torch.randn(width, generator=generator) / width**0.5 * 3
    whole = mean + codes @ atoms + 0.02 * torch.randn(n, width, generator=generator)
    return {"train": whole[:20_000].contiguous(), "held_out": whole[20_000:].contiguous()}


def side(command: list[str], request: dict[str, Any], *, work: Path) -> dict[str, Any]:
    """Train in a process of its own and judge what it reconstructed."""
    out = work / "output.safetensors"
    arguments = [json.dumps({**request, "out": str(out)})]
    if "--ours" not in command:
        arguments = [request["tokens"], str(out), *arguments]
    done = subprocess.run([*command, *arguments], check=True, capture_output=True, text=True)
    told = json.loads(done.stdout.strip().splitlines()[-1])
    tokens, made = load_file(request["tokens"]), load_file(out)
    n_tokens = len(tokens["train"]) * request["epochs"]
    return {
        "lr": request["lr"],
        "r2_held_out": centred_r2(tokens["held_out"], made["output"], mean=tokens["train"].double().mean(dim=0)),
        "dead_share_held_out": float((made["fired"] == 0).double().mean()),
        "tokens_per_second": n_tokens / told["seconds"],
        **told,
    }


def centred_r2(x: torch.Tensor, output: torch.Tensor, *, mean: torch.Tensor) -> float:
    """``1 - sum |x - x_hat|^2 / sum |x - mean|^2`` in float64."""
    return 1.0 - float((x.double() - output.double()).square().sum() / (x.double() - mean).square().sum())


def run_ours(request: dict[str, Any]) -> None:
    """Our half: train, reconstruct the held-out tokens, write the result."""
    torch.set_num_threads(request["threads"])
    tokens = load_file(request["tokens"])
    stream = MemoryTokens(tokens["train"])
    names = ("n_concepts", "n_active", "epochs", "batch_tokens", "lr", "seed")
    before = memory_mib(reset=True)
    started, busy = time.perf_counter(), time.process_time()
    dictionary = train(TopKSpec(**{name: request[name] for name in names}), stream).dictionary
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - busy
    peak = memory_mib()
    codes = [dictionary.encode(part) for part in torch.split(tokens["held_out"], 4096)]
    fired = sum((c.dense() > 0).sum(dim=0) for c in codes)
    assert isinstance(fired, torch.Tensor)
    save_file({"output": torch.cat([dictionary.decode(c) for c in codes]), "fired": fired}, request["out"])
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mib": peak - before}))


if __name__ == "__main__":
    main()
