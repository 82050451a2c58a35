"""One training step of a TopK dictionary on a GPU, beside the matrix products it cannot do without.

    python -m benchmarks.gpu_step [--width 768 --n-concepts 32768 --n-active 32 --batch-tokens 16384 --device cuda]

All parts take turns in one process, on the same synthetic tokens, for ``--rounds`` rounds of ``--steps`` steps:

* ``ours``: a step as the trainer makes it (``GradientLearner.take``: codes, losses, gradients, Adam, projection);
* ``dense``: the same model as plain torch writes it, by autograd through a dense ``[n K]`` code in bfloat16;
* ``encoder``: the product ``[n d] x [d K]`` in bfloat16 alone, which any exact choice of codes needs;
* ``six``: the six products of that size that a dense step consists of (two forward, four backward).

Prints one JSON object: median milliseconds, shares of the bounds, and memory. ``--profile`` adds where the time of
ours goes.
"""

import argparse
import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from store.methods import TopKSpec
from worker.dictionaries.learned import LearnedDictionary
from worker.dictionaries.registry import make_dictionary
from worker.training.learners import GradientLearner

N_TRUE = 8192
BAR = 0.60  # share of a step that the products take at least, were the rest free


def main() -> None:
    """Measure and print."""
    options = parsed()
    device = torch.device(options.device)
    tokens = synthetic(options, device)
    parts = {
        "ours": our_step(options, tokens),
        "dense": dense_step(options, tokens),
        "encoder": products(options, tokens, n_products=1),
        "six": products(options, tokens, n_products=6),
    }
    rounds = [
        {name: timed(step, options.steps, device) for name, step in parts.items()} for _ in range(options.rounds + 1)
    ]
    ms = {name: 1e3 * median(one[name] for one in rounds[1:]) for name in parts}
    found: dict[str, Any] = {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "torch": torch.__version__,
        "request": vars(options),
        "ms": ms,
        "tokens_per_second": options.batch_tokens / ms["ours"] * 1e3,
        "of_encoder_product": ms["encoder"] / ms["ours"],
        "of_dense_products": ms["six"] / ms["ours"],
        "dense_over_ours": ms["dense"] / ms["ours"],
        "bar": BAR,
        "peak_mib": peaks(parts, options.steps, device),
    }
    if options.profile:
        found["profile"] = profiled(parts["ours"], options.steps)
    print(json.dumps(found, indent=1))


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sizes = {"width": 768, "n_concepts": 32768, "n_active": 32, "batch_tokens": 16384}
    for name, value in {**sizes, "steps": 20, "rounds": 5}.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--profile", action="store_true")
    return parser.parse_args()


def synthetic(options: argparse.Namespace, device: torch.device) -> Tensor:
    """``n_active`` of 8,192 random unit atoms at each token, with codes from 0.25 to 1.25."""
    generator = torch.Generator().manual_seed(0)
    atoms = functional.normalize(torch.randn(N_TRUE, options.width, generator=generator), dim=1)
    shape = (options.batch_tokens, options.n_active)
    chosen = torch.randint(N_TRUE, shape, generator=generator)
    codes = torch.rand(shape, generator=generator) + 0.25
    return functional.embedding_bag(chosen, atoms, per_sample_weights=codes, mode="sum").to(device)


def our_step(options: argparse.Namespace, tokens: Tensor) -> Callable[[], None]:
    """A step as the trainer makes it, started at tokens."""
    spec = TopKSpec(
        n_concepts=options.n_concepts, n_active=options.n_active, batch_tokens=options.batch_tokens, start="tokens"
    )
    dictionary = make_dictionary(spec, options.width)
    assert isinstance(dictionary, LearnedDictionary)
    dictionary.fit_standard(tokens.mean(dim=0).cpu(), tokens.std(dim=0).cpu())
    dictionary.to(tokens.device)
    dictionary.start_from(
        dictionary.standardize(tokens).repeat(-(-options.n_concepts // len(tokens)), 1),
        generator=torch.Generator().manual_seed(0),
        on_iteration=lambda: None,
    )
    dictionary.train()
    learner = GradientLearner(dictionary, tokens_total=10**9, norm_limit=float("inf"))
    return lambda: learner.take(tokens)


def dense_step(options: argparse.Namespace, tokens: Tensor) -> Callable[[], None]:
    """What autograd makes of ``topk(relu(x W^T + b)) D``: dense codes, dense gradients."""
    device = tokens.device
    encoder = nn.Linear(options.width, options.n_concepts, device=device)
    decoder = nn.Parameter(encoder.weight.detach().clone())
    optimizer = torch.optim.Adam([*encoder.parameters(), decoder], fused=True)
    x = (tokens - tokens.mean(dim=0)) / tokens.std()

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            pre = encoder(x)
            values, indices = pre.topk(options.n_active, dim=1)
            codes = torch.zeros_like(pre).scatter(1, indices, values.relu())
            loss = (codes @ decoder - x).square().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([*encoder.parameters(), decoder], 1.0)
        optimizer.step()
        with torch.no_grad():
            decoder.copy_(functional.normalize(decoder, dim=1))

    return step


def products(options: argparse.Namespace, tokens: Tensor, *, n_products: int) -> Callable[[], None]:
    """So many products ``[n d] x [d K]`` in bfloat16."""
    weight = torch.randn(options.n_concepts, options.width, device=tokens.device, dtype=torch.bfloat16)
    x = tokens.bfloat16()
    room = torch.empty(len(x), options.n_concepts, device=tokens.device, dtype=torch.bfloat16)

    def step() -> None:
        for _ in range(n_products):
            torch.mm(x, weight.t(), out=room)

    return step


def timed(step: Callable[[], None], n_steps: int, device: torch.device) -> float:
    """Seconds of one step, as the mean of several in a row."""
    synchronize(device)
    started = time.perf_counter()
    for _ in range(n_steps):
        step()
    synchronize(device)
    return (time.perf_counter() - started) / n_steps


def peaks(parts: dict[str, Callable[[], None]], n_steps: int, device: torch.device) -> dict[str, float]:
    """Largest memory while a part runs, less what is held before; in MiB, on a GPU."""
    if device.type != "cuda":
        return {}
    found = {}
    for name in ("ours", "dense"):
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        timed(parts[name], min(n_steps, 3), device)
        found[name] = (torch.cuda.max_memory_allocated(device) - before) / 2**20
    return found


def synchronize(device: torch.device) -> None:
    """Wait for the GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def profiled(step: Callable[[], None], n_steps: int) -> list[dict[str, Any]]:
    """The kernels that take most of the GPU's time: microseconds and calls per step."""
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        for _ in range(n_steps):
            step()
        torch.cuda.synchronize()
    kernels = [one for one in profile.key_averages() if one.self_device_time_total > 0]
    kernels.sort(key=lambda one: -one.self_device_time_total)
    return [
        {"kernel": one.key[:90], "us": round(one.self_device_time_total / n_steps, 1), "calls": one.count / n_steps}
        for one in kernels[:30]
    ]


if __name__ == "__main__":
    main()
