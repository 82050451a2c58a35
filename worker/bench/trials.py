"""Training contenders one after the other, timed."""

import time
from dataclasses import dataclass

import torch

from worker.bench.contenders import Contender
from worker.dictionaries.base import TokenStream
from worker.dictionaries.registry import AnyDictionary
from worker.progress import OnProgress
from worker.training.loop import train
from worker.training.records import TrainingProgress


@dataclass(frozen=True)
class Trial:
    """One trained contender, on the CPU, and what its training took."""

    dictionary: AnyDictionary
    seconds: float
    cpu_seconds: float
    tokens_per_s: float


@dataclass
class Steps:
    """Progress over trainings: how many are done, which one runs, and how far it is."""

    on_progress: OnProgress
    total: int
    done: int = 0

    def tell(self, note: str) -> None:
        """Say what is going on."""
        self.on_progress(self.done, self.total, f"trainings: {note}")

    def end(self) -> None:
        """One more is done."""
        self.done += 1
        self.tell("next" if self.done < self.total else "done")


def run_trial(
    contender: Contender, stream: TokenStream, *, steps: Steps, device: torch.device | str = "cpu", note: str = ""
) -> Trial:
    """Train a contender alone. Raises what training and a refused spec raise."""
    spec = contender.spec
    name = f"{contender.name}{note}"
    steps.tell(name)

    def listen(state: TrainingProgress) -> None:
        steps.tell(f"{name}, epoch {state.epoch + 1} of {spec.epochs}")

    started, busy = time.perf_counter(), time.process_time()
    dictionary = train(spec, stream, on_progress=listen, device=device).dictionary
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - busy
    return Trial(dictionary.cpu(), seconds, cpu_seconds, stream.n_tokens * spec.epochs / max(seconds, 1e-9))
