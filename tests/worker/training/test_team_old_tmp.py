"""Two processes that train one dictionary together, over gloo, as torchrun starts them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.worker.dictionaries.planted import SPECS, planted_streams
from worker.training.loop import train

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import json, sys
import torch
from torch import distributed
from tests.worker.dictionaries.planted import SPECS, planted_streams
from worker.training.loop import train

distributed.init_process_group("gloo")
stream, held_out = planted_streams()
trained = train(SPECS[sys.argv[1]].model_copy(update={"epochs": 2}), stream, held_out=held_out)
if distributed.get_rank() == 0:
    print(json.dumps([record.as_json() for record in trained.history]))
distributed.destroy_process_group()
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", ["topk", "archetypal"])
def test_two_processes_learn_what_one_learns(method: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TORCH_DISTRIBUTED_DEBUG": "OFF"}
    done = subprocess.run(
        [*command, str(program), method], capture_output=True, text=True, env=environment, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    together = json.loads(done.stdout.strip().splitlines()[-1])
    stream, held_out = planted_streams()
    alone = train(SPECS[method].model_copy(update={"epochs": 2}), stream, held_out=held_out)
    for one, other in zip(alone.history, together, strict=True):
        for key, value in one.as_json().items():
            assert other[key] == pytest.approx(value, abs=1e-4), key
