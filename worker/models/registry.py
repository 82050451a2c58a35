"""The models by name. Importing this module imports neither torch nor timm; loading a model does."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from store.errors import NotFound

if TYPE_CHECKING:
    import torch

    from store.specs import ExtractionSpec
    from worker.models.base import LinearHead, VisionModel

    Loader = Callable[..., VisionModel]

TIMM = "timm/"


def _efficientnet_lite(size: int) -> "Loader":
    def load(*, weights_file: Path | None, device: "str | torch.device") -> "VisionModel":
        from worker.models.efficientnet_lite import load_efficientnet_lite

        return load_efficientnet_lite(size, weights_file=weights_file, device=device)

    return load


def _mobilenet_v2(*, weights_file: Path | None, device: "str | torch.device") -> "VisionModel":
    from worker.models.mobilenet_v2 import load_mobilenet_v2

    return load_mobilenet_v2(weights_file=weights_file, device=device)


def _saliency_vit(*, weights_file: Path | None, device: "str | torch.device") -> "VisionModel":
    from worker.models.saliency_vit import load_saliency_vit

    return load_saliency_vit(weights_file=weights_file, device=device)


BUNDLED: "Mapping[str, Loader]" = {
    "efficientnet-lite0": _efficientnet_lite(0),
    "efficientnet-lite1": _efficientnet_lite(1),
    "efficientnet-lite2": _efficientnet_lite(2),
    "mobilenet-v2": _mobilenet_v2,
    "saliency-vit-s14": _saliency_vit,
}


def model_names() -> tuple[str, ...]:
    """The bundled models. Any timm model can be loaded, too, as ``timm/<name>``."""
    return tuple(BUNDLED)


def load_model(name: str, *, weights_file: Path | None = None, device: "str | torch.device" = "cpu") -> "VisionModel":
    """A model with its weights, ready to be read.

    ``weights_file`` replaces where the weights come from: for ``timm/...`` a safetensors file or torch state dict, for
    a bundled model a copy of its package's file. Raises NotFound with near names, Unavailable when a package is missing
    or the hub out of reach, InvalidInput or Damaged for a file that doesn't fit.
    """
    if name in BUNDLED:
        return BUNDLED[name](weights_file=weights_file, device=device)
    if name.startswith(TIMM):
        from worker.models.timm_family import load_timm

        return load_timm(name, weights_file=weights_file, device=device)
    raise NotFound("model", name, known=BUNDLED, remedy="Any timm model can be used as timm/<name>.")


def find_head(extraction: "ExtractionSpec", *, weights_file: Path | None = None) -> "LinearHead | None":
    """What follows the layer, if that is exactly a mean over patches and a linear map.

    None, too, for a model whose weights would have to come from a hub: what is measured must not depend on whether it
    answers.
    """
    if weights_file is None and (extraction.weights_sha256 or extraction.model not in BUNDLED):
        return None
    return load_model(extraction.model, weights_file=weights_file).linear_head(extraction.layer)
