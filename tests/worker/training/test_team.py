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
from pathlib import Path
import torch
from torch import distributed
from tests.worker.dictionaries.planted import SPECS, planted_streams
from worker.training import team
from worker.training.loop import train

with team.joined():
    stream, held_out = planted_streams()
    changes = {"epochs": 2, **json.loads(sys.argv[2])}
    trained = train(SPECS[sys.argv[1]].model_copy(update=changes), stream, held_out=held_out)
    for name, tensor in trained.dictionary.state_dict().items():
        total = tensor.double()
        distributed.all_reduce(total)
        assert torch.equal(total, 2 * tensor.double()), name
    if distributed.get_rank() == 0:
        print(json.dumps([record.as_json() for record in trained.history]))
threads = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
assert not [name for name in threads if "gloo" in name], threads  # one that outlives the interpreter aborts it
"""


def history_of_two(folder: Path, method: str, **changes: object) -> list[dict[str, float]]:
    """The records of two processes that train together; fails where their weights or buffers differ."""
    program = folder / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TORCH_DISTRIBUTED_DEBUG": "OFF"}
    done = subprocess.run(
        [*command, str(program), method, json.dumps(changes)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    history: list[dict[str, float]] = json.loads(done.stdout.strip().splitlines()[-1])
    return history


@pytest.mark.slow
@pytest.mark.parametrize("method", ["topk", "archetypal"])
def test_two_processes_learn_what_one_learns(method: str, tmp_path: Path) -> None:
    together = history_of_two(tmp_path, method)
    stream, held_out = planted_streams()
    alone = train(SPECS[method].model_copy(update={"epochs": 2}), stream, held_out=held_out)
    for one, other in zip(alone.history, together, strict=True):
        for key, value in one.as_json().items():
            assert other[key] == pytest.approx(value, abs=1e-4), key


@pytest.mark.slow
@pytest.mark.parametrize(("method", "n_groups"), [("relu", 0), ("batchtopk", 0), ("jumprelu", 0), ("topk", 2)])
def test_two_processes_stay_equal_where_state_is_adapted(method: str, n_groups: int, tmp_path: Path) -> None:
    """Weight of the penalty, threshold and biases move by what each process sees of a batch."""
    history = history_of_two(tmp_path, method, bias_groups=n_groups)
    assert history[-1]["l0"] == pytest.approx(SPECS[method].n_active, rel=0.3)
