"""The peer's half of ``peers``; runs as a script in an environment that has overcomplete 0.3.0 and our torch.

It imports nothing of ours, so that the peer's environment needs nothing of ours. The request is a JSON file; the answer
goes to a JSON file beside what was reconstructed.
"""

import itertools
import json
import math
import sys
import time
import types
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

_PENALTY_RISE = 0.5  # share of the steps after which the sparsity penalty is whole
_THRESHOLD_LR = 20.0  # learning rate of JumpReLU's thresholds, relative to the weights'
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def main(request_file: Path) -> None:
    """Train on standardised tokens, reconstruct the held-out ones, write the result."""
    request = json.loads(request_file.read_text())
    torch.set_num_threads(request["threads"])
    torch.manual_seed(request["seed"])
    tokens = load_file(request["tokens"])
    train, held_out = tokens["train"], tokens["held_out"]
    mean = train.double().mean(dim=0).float()
    scale = (train - mean).square().mean().sqrt()
    inputs = (train - mean) / scale
    sae = import_sae()
    points = tokens["points"]
    before = memory_mib(reset=True)
    started, busy = time.perf_counter(), time.process_time()
    model = make_model(sae, request, width=train.shape[1], points=points)
    train_model(sae, model, inputs, request)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - busy
    peak = memory_mib()
    reconstruct(model, (held_out - mean) / scale, mean=mean, scale=scale, out=Path(request["out"]))
    answer = {"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mib": peak - before if peak and before else None}
    Path(request["answer"]).write_text(json.dumps(answer))


def import_sae() -> Any:
    """``overcomplete.sae`` alone: the package's first file wants plotting and vision packages, which play no part."""
    spec = find_spec("overcomplete")
    assert spec is not None
    assert spec.origin is not None
    package = types.ModuleType("overcomplete")
    package.__path__ = [str(Path(spec.origin).parent)]
    sys.modules["overcomplete"] = package
    return __import__("overcomplete.sae", fromlist=["sae"])


def make_model(sae: Any, request: dict[str, Any], *, width: int, points: torch.Tensor) -> Any:
    """The peer's class of a kind, with its defaults for whatever is not asked."""
    n_concepts, n_active = request["n_concepts"], round(request["n_active"])
    match request["kind"]:
        case "relu":
            return sae.SAE(width, nb_concepts=n_concepts)
        case "topk":
            return sae.TopKSAE(width, nb_concepts=n_concepts, top_k=n_active)
        case "batchtopk":  # its top_k counts the codes of the whole batch
            n_codes = round(request["n_active"] * request["batch_tokens"])
            return sae.BatchTopKSAE(width, nb_concepts=n_concepts, top_k=n_codes)
        case "jumprelu":
            return sae.JumpSAE(width, nb_concepts=n_concepts, bandwidth=request["bandwidth"])
        case "matching-pursuit":
            return sae.MpSAE(width, nb_concepts=n_concepts, k=n_active)
        case "ra-topk":
            return sae.RATopKSAE(width, nb_concepts=n_concepts, points=points, top_k=n_active)
    raise ValueError(request["kind"])


def criterion_of(sae: Any, model: Any, request: dict[str, Any], *, n_steps: int) -> Callable[..., torch.Tensor]:
    """Mean squared error; the sparsity penalty of kinds that have one; the documented push on silent concepts.

    The penalty rises over the first half of the steps: with the whole of it at once the peer did far worse.
    """
    kind = request["kind"]
    rises = itertools.count(1)

    def criterion(x: Any, x_hat: Any, pre_codes: Any, codes: Any, _: Any) -> torch.Tensor:
        penalty = request["penalty"] * min(1.0, next(rises) / (_PENALTY_RISE * n_steps))
        loss: torch.Tensor = (x - x_hat).square().mean()
        if kind != "matching-pursuit":  # its pre-codes are residuals
            silent = ((codes > 0).sum(dim=0) == 0).float().detach()
            loss = loss - 1e-3 * (pre_codes * silent).mean()
        if kind == "relu":
            loss = loss + penalty * codes.sum(dim=1).mean()
        if kind == "jumprelu":
            thresholds = torch.exp(model.thresholds)
            open_ = sae.heaviside(torch.relu(pre_codes), thresholds, model.kernel_fn, model.bandwidth)
            loss = loss + penalty * open_.sum(dim=1).mean()
        return loss

    return criterion


def train_model(sae: Any, model: Any, inputs: torch.Tensor, request: dict[str, Any]) -> None:
    """The peer's own trainer with Adam and the schedule of ours."""
    optimizer = torch.optim.Adam(parameter_groups(model, lr=request["lr"]))
    n_steps = -(-len(inputs) // request["batch_tokens"]) * request["epochs"]
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: factor(step / n_steps))
    batches = Batches(inputs, request["batch_tokens"])
    criterion = criterion_of(sae, model, request, n_steps=n_steps)
    sae.train_sae(model, batches, criterion, optimizer, scheduler=scheduler, nb_epochs=request["epochs"], monitoring=0)


def parameter_groups(model: Any, *, lr: float) -> list[dict[str, Any]]:
    """Thresholds are logarithms: at the rate of the weights they would hardly move within so few steps."""
    thresholds = [value for name, value in model.named_parameters() if name == "thresholds"]
    others = [value for name, value in model.named_parameters() if name != "thresholds"]
    return [{"params": others, "lr": lr}, *({"params": [one], "lr": _THRESHOLD_LR * lr} for one in thresholds)]


@torch.no_grad()
def reconstruct(model: Any, inputs: torch.Tensor, *, mean: torch.Tensor, scale: torch.Tensor, out: Path) -> None:
    """Write what becomes of standardised tokens, in raw units, and how often each concept fired."""
    model.eval()
    outputs, fired = [], 0
    for part in torch.split(inputs, 4096):
        _, codes = model.encode(part)
        outputs.append(model.decode(codes) * scale + mean)
        fired = fired + (codes != 0).sum(dim=0)
    save_file({"output": torch.cat(outputs), "fired": torch.as_tensor(fired)}, out)


def factor(done: float, warmup: float = 0.05) -> float:
    """The schedule of our own trainer, so that both have the same."""
    if done < warmup:
        return max(done / warmup, 1e-3)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min((done - warmup) / (1 - warmup), 1.0)))


def memory_mib(*, reset: bool = False) -> float | None:
    """Largest resident memory of this process since it was last reset; None where the system does not tell."""
    if not _STATUS.exists() or not _CLEAR.exists():
        return None
    if reset:
        _CLEAR.write_text("5")
    return int(_STATUS.read_text().partition("VmHWM:")[2].split()[0]) / 1024


class Batches:
    """Shuffled batches out of memory, without loader overhead, as our own stream gives them."""

    def __init__(self, tokens: torch.Tensor, batch_tokens: int) -> None:
        self.tokens, self.batch_tokens = tokens, batch_tokens

    def __iter__(self) -> Iterator[torch.Tensor]:
        for rows in torch.split(torch.randperm(len(self.tokens)), self.batch_tokens):
            yield self.tokens[rows]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
