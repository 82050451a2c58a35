"""Our half of ``peers``: the same request and answer as ``peer_side``, by one of our methods."""

import json
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from store.methods import load_dictionary_spec
from worker.bench.peer_side import memory_mib
from worker.dictionaries.tokens import MemoryTokens
from worker.training.loop import train


def main(request_file: Path) -> None:
    """Train by the spec, reconstruct the held-out tokens, write the result."""
    request = json.loads(request_file.read_text())
    torch.set_num_threads(request["threads"])
    tokens = load_file(request["tokens"])
    stream = MemoryTokens(tokens["train"])
    spec = load_dictionary_spec(request["spec"])
    before = memory_mib(reset=True)
    started, busy = time.perf_counter(), time.process_time()
    dictionary = train(spec, stream).dictionary
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - busy
    peak = memory_mib()
    outputs = []
    fired = torch.zeros(dictionary.n_concepts, dtype=torch.int64)
    for part in torch.split(tokens["held_out"], 4096):
        codes = dictionary.encode(part)
        outputs.append(dictionary.decode(codes))
        fired += torch.bincount(codes.indices[codes.values > 0], minlength=dictionary.n_concepts)
    save_file({"output": torch.cat(outputs), "fired": fired}, request["out"])
    answer = {"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mib": peak - before if peak and before else None}
    Path(request["answer"]).write_text(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
