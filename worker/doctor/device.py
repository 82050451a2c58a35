"""The device that computes. A program of its own, so that PyTorch is loaded beside the rest and may break alone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from worker.doctor.finding import Finding

if TYPE_CHECKING:
    import torch

_DRIVER: Final = Path("/dev/nvidiactl")
_PACKAGES: Final = "pip install 'conceptoscope[worker]' (not needed to browse)"


class DeviceCheck:
    """Begins to look at once; ``finding`` waits for what was found."""

    def __init__(self, command: tuple[str, ...] = (sys.executable, "-m", "worker.doctor.device")) -> None:
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603

    def finding(self, *, within_s: float = 60.0) -> Finding:
        """What was found; one bad finding when PyTorch broke or hangs."""
        try:
            told, said = self._process.communicate(timeout=within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            return Finding("device", "bad", f"torch has not started within {within_s:g} s", "Look at the GPU's driver.")
        if self._process.returncode:
            last = (said.strip().splitlines() or [f"exit code {self._process.returncode}"])[-1]
            return Finding("device", "bad", f"torch cannot be used: {last}", _PACKAGES)
        return Finding(**json.loads(told))


def look_at_device(*, driver: Path = _DRIVER) -> Finding:
    """The device that work runs on when none is named."""
    try:
        import torch

        from worker.device import pick_device
    except ImportError as fault:
        return Finding("device", "bad", f"torch cannot be imported: {fault}", _PACKAGES)
    device = pick_device(None)
    if device.type == "cpu" and driver.exists():
        return Finding(
            "device",
            "warn",
            f"cpu, though this machine has an NVIDIA driver: torch {torch.__version__} cannot use it",
            "Install a CUDA build of torch that fits the driver; nvidia-smi shows which CUDA it can do.",
        )
    return Finding("device", "good", _described(device))


def _described(device: "torch.device") -> str:
    import torch

    if device.type != "cuda":
        return f"{device} (torch {torch.__version__})"
    free, total = torch.cuda.mem_get_info(0)
    name = torch.cuda.get_device_name(0)
    more = torch.cuda.device_count() - 1
    return f"cuda: {name}, {free / 2**30:.0f} of {total / 2**30:.0f} GiB free" + (f", and {more} more" if more else "")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(look_at_device().as_json()))
