"""Any timm model as a VisionModel: transformers with class and register tokens, hierarchical transformers, CNNs."""

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from store.errors import InvalidInput, NotFound, Unavailable
from store.grid import Grid, Window
from store.vocabulary import Fit
from worker.models.base import Activations, BentHead, Geometry, LinearHead, Look, Preprocessing, VisionModel
from worker.models.continuing import Rest
from worker.models.hub import hub_within_reach
from worker.models.loading import State, file_sha256, load_strictly, read_state
from worker.models.reading import (
    UNFIT,
    bent_stage,
    is_flat_transformer,
    layer_names,
    linear_tail,
    patch_size,
    prefix_counts,
    read_grid,
    read_layer,
    read_through,
)
from worker.models.torchvision_cpu import import_timm

log = logging.getLogger(__name__)

PREFIX = "timm/"


class TimmModel(VisionModel):
    """A timm network in evaluation mode. ``resize`` may give another network of the same weights for an input size."""

    def __init__(
        self,
        name: str,
        net: Any,
        *,
        preprocessing: Preprocessing | None = None,
        class_names: tuple[str, ...] | None = None,
        weights_sha256: str | None = None,
        resize: Callable[[nn.Module, tuple[int, int]], nn.Module] | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        self.name = name
        self.layers = layer_names(net)
        self.default_layer = self.layers[-1]
        self.preprocessing = preprocessing or own_preprocessing(net)
        self.weights_sha256 = weights_sha256
        self.class_names = class_names
        self._resize = resize
        self._one_at_a_time = Lock()  # reading hangs a hook in the network
        self._tried: set[tuple[int, int]] = set()
        self._geometries: dict[tuple[str, int, int], Geometry] = {}
        self._rests: dict[tuple[str, tuple[int, int]], Rest] = {}
        self._bent: dict[str, BentHead | None] = {}
        # Convolutions run faster on interleaved channels (1.5 to 3 times on two cores); transformers do not gain.
        self._format = torch.contiguous_format if is_flat_transformer(net) else torch.channels_last
        self._net: Any = net.eval().requires_grad_(False).to(device=device, memory_format=self._format)
        tail = linear_tail(self._net, width=int(getattr(net, "num_features", 0)))
        self._head = None if tail is None else LinearHead(tail.weight, _bias(tail), class_names)

    def window(self, height_px: int | None = None, width_px: int | None = None, *, fit: Fit = Fit.CROP) -> Window:
        """The input window of a size; InvalidInput names the nearest sizes that can be used."""
        height, width = self.own_or_given(height_px, width_px)
        self._check_multiple(height, width)
        self._try_out(height, width)
        return Window(height, width, fit=fit, crop_ratio=self.preprocessing.crop_ratio)

    def geometry(self, layer: str, window: Window) -> Geometry:
        """Shape of one image's activations, found by sending a black image through once per layer and size."""
        key = (self.check_layer(layer), window.height_px, window.width_px)
        if key not in self._geometries:
            self._geometries[key] = self._measured(layer, window)
        return self._geometries[key]

    @torch.inference_mode()
    def activations(self, images: Float[Tensor, "b 3 H W"], layer: str) -> Activations:
        """Activations at a layer; the forward pass stops there."""
        self.check_layer(layer)
        size = self._size(images)
        with self._one_at_a_time:
            return read_grid(self._net_for(size), self._moved(images), layer)

    @torch.inference_mode()
    def logits(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b c"] | None:
        """The network's own output; None for a network without a head."""
        if not getattr(self._net, "num_classes", 0):
            return None
        with self._one_at_a_time:
            logits: Tensor = self._net_for(self._size(images))(self._moved(images))
        return logits

    @torch.inference_mode()
    def look(self, images: Float[Tensor, "b 3 H W"], layers: Sequence[str]) -> Look:
        """Activations at some layers and the logits, by one pass through the network."""
        for layer in layers:
            self.check_layer(layer)
        size = self._size(images)
        with self._one_at_a_time:
            net = self._net_for(size)
            found, features = read_through(net, self._moved(images), layers)
            return Look(found, net.forward_head(features) if getattr(net, "num_classes", 0) else None)

    @property
    def n_bytes(self) -> int:
        """Bytes of parameters and buffers."""
        tensors = (*self._net.parameters(), *self._net.buffers())
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    def logits_after(self, activations: Activations, layer: str, window: Window) -> Float[Tensor, "b c"] | None:
        """The rest of the network after a layer; the network's own output for what the layer says."""
        self.check_layer(layer)
        if not getattr(self._net, "num_classes", 0):
            return None
        size = window.height_px, window.width_px
        with self._one_at_a_time:
            if (layer, size) not in self._rests:
                self._rests[layer, size] = Rest(self._net_for(size), layer=layer, size_px=size)
            return self._rests[layer, size].logits(activations)

    def linear_head(self, layer: str) -> LinearHead | None:
        """The head after the last layer, where it is mean pooling and a linear map."""
        return self._head if self.check_layer(layer) == self.layers[-1] else None

    def bent_head(self, layer: str) -> BentHead | None:
        """The rest after the stage before the last layer, where it is one bend and a linear head; tried out once."""
        if self.check_layer(layer) not in self._bent:
            self._bent[layer] = self._find_bent(layer)
        return self._bent[layer]

    @torch.no_grad()
    def _find_bent(self, layer: str) -> BentHead | None:
        stage = bent_stage(self._net)
        if stage is None or self._head is None or layer != self.layers[-2]:
            return None
        weight, bias, top = stage
        found, window = BentHead(weight, bias, top, self._head), self.window()
        geometry = self.geometry(layer, window)
        generator, grid = torch.Generator().manual_seed(0), geometry.grid
        patches = 3 * torch.randn(2, grid.rows, grid.cols, geometry.width, generator=generator).to(weight)
        own = self.logits_after(Activations(patches, patches.new_zeros(2, 0, geometry.width)), layer, window)
        same = own is not None and torch.allclose(found.logits(patches), own, rtol=1e-3, atol=1e-3)
        return found if same else None

    def _size(self, images: Float[Tensor, "b 3 H W"]) -> tuple[int, int]:
        """Height and width of the images, if they can be used."""
        height, width = int(images.shape[-2]), int(images.shape[-1])
        self._check_multiple(height, width)
        return height, width

    def _moved(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b 3 H W"]:
        """The images where and as the network computes."""
        first = next(self._net.parameters())
        return images.to(device=first.device, dtype=first.dtype, memory_format=self._format)

    def _net_for(self, size: tuple[int, int]) -> Any:
        return self._net if self._resize is None else self._resize(self._net, size)

    def _check_multiple(self, height: int, width: int) -> None:
        patch = patch_size(self._net)
        if patch is None or (height % patch[0] == 0 and width % patch[1] == 0 and height > 0 and width > 0):
            return
        near = " or ".join(f"{h}x{w}" for h, w in zip(_near(height, patch[0]), _near(width, patch[1]), strict=True))
        raise InvalidInput(
            f"{self.name} cannot take {height}x{width} pixels (height x width): its patches are {patch[0]}x{patch[1]}. "
            f"Use {near}."
        )

    def _try_out(self, height: int, width: int) -> None:
        """Send a black image of a size through, once; InvalidInput if the network fails on it."""
        if (height, width) in self._tried:
            return
        try:
            with torch.inference_mode(), self._one_at_a_time:
                read_layer(
                    self._net_for((height, width)), self._moved(torch.zeros(1, 3, height, width)), self.layers[-1]
                )
        except UNFIT as error:
            own = self.preprocessing
            raise InvalidInput(
                f"{self.name} cannot take {height}x{width} pixels (height x width): {str(error).rstrip('.')}. "
                f"Its own size is {own.height_px}x{own.width_px}."
            ) from error
        self._tried.add((height, width))

    def _measured(self, layer: str, window: Window) -> Geometry:
        self._check_multiple(window.height_px, window.width_px)
        self._try_out(window.height_px, window.width_px)
        found = self.activations(torch.zeros(1, 3, window.height_px, window.width_px), layer)
        _, rows, cols, width = found.patches.shape
        n_class, n_register = prefix_counts(self._net) if found.prefix.shape[1] else (0, 0)
        return Geometry(Grid(rows, cols), width, n_class=n_class, n_register=n_register)


def _near(length: int, patch: int) -> tuple[int, int]:
    """The nearest usable lengths below and above."""
    below = max(length // patch, 1) * patch
    return below, max(-(-length // patch), 1) * patch


def _bias(linear: nn.Linear) -> Tensor:
    return linear.weight.new_zeros(linear.out_features) if linear.bias is None else linear.bias


def own_preprocessing(net: Any) -> Preprocessing:
    """What timm's data config of the network says; the size is the one it was built for."""
    config = import_timm().data.resolve_model_data_config(net)
    size = getattr(getattr(net, "patch_embed", None), "img_size", None) or config["input_size"][-2:]
    mean, std = (tuple(float(value) for value in config[key]) for key in ("mean", "std"))
    return Preprocessing(
        mean=mean,  # type: ignore[arg-type]
        std=std,  # type: ignore[arg-type]
        interpolation=str(config["interpolation"]),
        crop_ratio=float(config["crop_pct"]),
        height_px=int(size[0]),
        width_px=int(size[1]),
    )


def build_net(name: str, **settings: Any) -> Any:
    """A timm network that takes any input size where timm can make it so."""
    timm = import_timm()
    try:
        return timm.create_model(name, dynamic_img_size=True, **settings)
    except TypeError:  # a CNN, which takes any size anyway, or a transformer that cannot change its size
        return timm.create_model(name, **settings)


def load_timm(name: str, *, weights_file: Path | None = None, device: str | torch.device = "cpu") -> TimmModel:
    """The model ``timm/<name>`` with pretrained weights, from a file or from timm's hub.

    Raises NotFound for an unknown name, Unavailable when the hub can't be reached, InvalidInput or Damaged for a file
    that doesn't fit.
    """
    timm = import_timm()
    inner = name.removeprefix(PREFIX)
    if not timm.is_model(inner):
        raise NotFound("timm model", inner, known=timm.list_models())
    if weights_file is not None:
        net = _from_file(inner, weights_file)
        return TimmModel(
            name, net, weights_sha256=file_sha256(weights_file), class_names=imagenet_names(net), device=device
        )
    net = _from_hub(inner)
    return TimmModel(name, net, class_names=imagenet_names(net), device=device)


def _from_hub(inner: str) -> Any:
    timm = import_timm()
    remedy = f"Give a weights file: --weights FILE (safetensors or a torch state dict of timm's {inner})."
    config = timm.get_pretrained_cfg(inner)
    if config is None or not config.has_weights:
        raise Unavailable(f"timm has no pretrained weights for '{inner}'. {remedy}")
    try:
        with hub_within_reach():
            return build_net(inner, pretrained=True)
    except (OSError, RuntimeError) as error:
        raise Unavailable(f"The weights of 'timm/{inner}' cannot be fetched from timm's hub. {remedy}") from error


def _from_file(inner: str, path: Path) -> Any:
    """The head has as many classes as the file's; none if the file has no head."""
    timm = import_timm()
    state = read_state(path)
    config = timm.get_pretrained_cfg(inner)
    head = state.get(f"{config.classifier}.weight") if config is not None else None
    net = build_net(inner, pretrained=False, num_classes=0 if head is None else len(head))
    load_strictly(net, _in_timm_names(net, state), source=f"'{path.name}'")
    return net


def _in_timm_names(net: nn.Module, state: State) -> State:
    """The weights as timm names them: its own model files translate the layouts of the original authors."""
    translate = getattr(sys.modules[type(net).__module__], "checkpoint_filter_fn", None)
    if translate is None or state.keys() == net.state_dict().keys():
        return state
    try:
        translated = translate(dict(state), net)
    except Exception as error:  # it was made for other files; the strict loader will name what is wrong
        log.debug("timm could not translate the weights: %s", error)
        return state
    return translated if isinstance(translated, dict) else state


def imagenet_names(net: Any) -> tuple[str, ...] | None:
    """The names of the 1000 ImageNet classes, if the network has so many outputs."""
    if getattr(net, "num_classes", 0) != 1000:
        return None
    info = import_timm().data.ImageNetInfo()
    return tuple(info.index_to_description(index).split(",")[0] for index in range(1000))
