"""Which device computes."""

from typing import TYPE_CHECKING

from store.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    import torch

TYPES = ("cpu", "cuda", "mps")


def pick_device(name: str | None = None) -> "torch.device":
    """The named device (``cpu``, ``cuda``, ``cuda:1``, ``mps``); without a name the best that is here.

    Raises InvalidInput for a name that is none, Unavailable for a device that this machine or this torch lacks.
    """
    import torch

    if name is None or name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if _count(kind)))
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InvalidInput(f"No device is called '{name}'. Use one of cpu, cuda, cuda:N, mps or auto.") from error
    if device.type not in TYPES:
        raise InvalidInput(
            f"Device '{name}' is of a kind that is not supported. Use one of cpu, cuda, cuda:N, mps or auto."
        )
    n_devices = _count(device.type)
    if (device.index or 0) >= n_devices:
        raise Unavailable(
            f"Device '{name}' is not available: torch {torch.__version__} sees {n_devices} device(s) of type "
            f"{device.type} here. Use cpu, or install a torch build for your accelerator."
        )
    return device


def _count(kind: str) -> int:
    """How many devices of a kind torch can use."""
    import torch

    if kind == "cuda":
        return torch.cuda.device_count()
    return 1 if kind == "cpu" or torch.backends.mps.is_available() else 0
