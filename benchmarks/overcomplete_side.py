"""The peer's half of ``topk_against_overcomplete``, and what ``topk_step`` needs of the peer.

Runs in an environment that has overcomplete 0.3.0 and torch, and imports nothing of ours.
"""

import json
import math
import sys
import time
import types
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file


def import_sae() -> Any:
    """``overcomplete.sae`` alone: the package's first file wants plotting and vision packages, which play no part."""
    spec = find_spec("overcomplete")
    assert spec is not None
    assert spec.origin is not None
    package = types.ModuleType("overcomplete")
    package.__path__ = [str(Path(spec.origin).parent)]
    sys.modules["overcomplete"] = package
    return __import__("overcomplete.sae", fromlist=["sae"])


def criterion(x: Any, x_hat: Any, pre_codes: Any, codes: Any, _: Any) -> Any:
    """Mean squared error and the push on silent concepts that the package's documentation recommends."""
    is_dead = ((codes > 0).sum(dim=0) == 0).float().detach()
    return (x - x_hat).square().mean() - 1e-3 * (pre_codes * is_dead).mean()


def factor(done: float, warmup: float = 0.05) -> float:
    """The schedule of our own trainer, so that both have the same."""
    if done < warmup:
        return max(done / warmup, 1e-3)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup)))


def main() -> None:
    """Train on standardised tokens, reconstruct the held-out ones, write the result."""
    tokens_file, out, raw = sys.argv[1:4]
    request = json.loads(raw)
    torch.set_num_threads(request["threads"])
    torch.manual_seed(request["seed"])
    sae = import_sae()
    tokens = load_file(tokens_file)
    train, held_out = tokens["train"].float(), tokens["held_out"].float()
    mean = train.double().mean(dim=0).float() if request["centred"] else torch.zeros(train.shape[1])
    scale = (train - mean).square().mean().sqrt()
    inputs = (train - mean) / scale
    before = memory_mib(reset=True)
    model = sae.TopKSAE(train.shape[1], nb_concepts=request["n_concepts"], top_k=request["n_active"])
    optimizer = torch.optim.Adam(model.parameters(), lr=request["lr"])
    n_steps = -(-len(inputs) // request["batch_tokens"]) * request["epochs"]
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: factor(step / n_steps))
    batches = Batches(inputs, request["batch_tokens"])
    started, busy = time.perf_counter(), time.process_time()
    sae.train_sae(model, batches, criterion, optimizer, scheduler=scheduler, nb_epochs=request["epochs"], monitoring=0)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - busy
    peak = memory_mib()
    model.eval()
    outputs, fired = [], torch.zeros(request["n_concepts"], dtype=torch.int64)
    with torch.no_grad():
        for part in torch.split((held_out - mean) / scale, 4096):
            _, codes = model.encode(part)
            outputs.append(model.decode(codes) * scale + mean)
            fired += (codes > 0).sum(dim=0)
    save_file({"output": torch.cat(outputs), "fired": fired}, out)
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mib": peak - before}))


def memory_mib(*, reset: bool = False) -> float:
    """Largest resident memory of this process since it was last reset (Linux)."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


class Batches:
    """The same shuffled batches for every epoch's pass that our own trainer would draw, without loader overhead."""

    def __init__(self, tokens: torch.Tensor, batch_tokens: int) -> None:
        self.tokens, self.batch_tokens = tokens, batch_tokens

    def __iter__(self) -> Any:
        for rows in torch.split(torch.randperm(len(self.tokens)), self.batch_tokens):
            yield self.tokens[rows]


if __name__ == "__main__":
    main()
