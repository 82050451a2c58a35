"""Specs: frozen values that say what a job is. Equal specs have equal digests."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from store.vocabulary import Fit


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces, so that equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest_of(value: Any) -> str:
    """SHA-256 of the canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


class Spec(BaseModel):
    """Base of all specs: frozen, closed, with a digest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _truth_is_no_number(cls, values: object) -> object:
        for name, value in values.items() if isinstance(values, Mapping) else ():
            kind = cls.model_fields[name].annotation if name in cls.model_fields else None
            if isinstance(value, bool) and kind in (int, float):
                raise ValueError(f"{name} is a number, not true or false")
            if type(value) in (int, float) and kind is bool:
                raise ValueError(f"{name} is true or false, not a number")
        return values

    def as_json(self) -> dict[str, Any]:
        """The spec as plain JSON values."""
        return self.model_dump(mode="json")

    @property
    def digest(self) -> str:
        """SHA-256 of the spec's canonical JSON."""
        return digest_of(self.as_json())


class ClassRule(Spec):
    """How a photo's class is found: its folder, a CSV of ``file,class``, or the first characters of its name."""

    by: Literal["folder", "csv", "prefix", "none"] = "folder"
    csv: str | None = Field(None, description="CSV file with the columns file and class, for by=csv")
    prefix: int = Field(1, ge=1, le=32, description="characters of the file name, for by=prefix")
    names: tuple[tuple[str, str], ...] = Field((), description="pairs of a class key and the name people read")


class CollectionSpec(Spec):
    """A folder of photos, as a collection."""

    slug: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    title: str = Field(min_length=1, max_length=120)
    classes: ClassRule = ClassRule()
    held_out: float = Field(0.15, ge=0.0, le=0.9, description="share of images that only judge")
    thumbnail_px: int = Field(224, ge=64, le=1024, description="short side of a thumbnail; never enlarged")
    max_pixels: int = Field(64_000_000, ge=1, description="photos with more pixels are refused before decoding")
    max_bytes: int = Field(64 * 2**20, ge=1, description="larger files are refused before reading")
    seed: int = 0


class ExtractionSpec(Spec):
    """Activations of one model at one layer over a collection."""

    model: str = Field(description="registry name of the model, for example efficientnet-lite0 or timm/resnet50")
    weights_sha256: str | None = Field(None, description="digest of a local weights file, when one was given")
    layer: str
    height_px: int | None = Field(None, ge=16, le=4096, description="input height; the model's own when empty")
    width_px: int | None = Field(None, ge=16, le=4096, description="input width; the model's own when empty")
    fit: Fit = Fit.CROP
    dtype: Literal["bfloat16", "float16"] = "bfloat16"
    images_per_shard: int = Field(64, ge=1, le=65536)
    stored: bool = Field(True, description="whether tokens are kept on disk; if not they are made anew when read")

    @model_serializer(mode="wrap")
    def _without_the_usual(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Stored activations are named as before the choice was there, so that stores keep what they have."""
        values: dict[str, Any] = plain(self)
        return {name: value for name, value in values.items() if name != "stored" or not value}


class AtlasSpec(Spec):
    """How much evidence an atlas keeps. Memory while indexing is O(concepts x examples)."""

    n_examples: int = Field(16, ge=9, le=256, description="examples per band")
    n_reservoir: int = Field(128, ge=16, le=4096, description="sampled firing images per concept, for the bands")
    n_pool: int = Field(2048, ge=16, le=65536, description="sampled images for random and near-miss bands")
    n_neighbors: int = Field(20, ge=1, le=200)
    image_top: int = Field(32, ge=1, le=256, description="concepts kept per image")
    patch_top: int = Field(8, ge=1, le=64, description="concepts kept per patch")
    crop_px: int = Field(96, ge=32, le=256)
    seed: int = 0


class AlignmentSpec(Spec):
    """How the concepts of two dictionaries are brought together, and how much evidence is kept."""

    n_candidates: int = Field(10, ge=1, le=100, description="concepts of the other side kept per concept")
    n_top: int = Field(64, ge=20, le=1024, description="strongest images per concept in which shared ones are sought")
    n_shared: int = Field(4, ge=1, le=16, description="images kept per pair")
    level: float = Field(0.95, gt=0.0, lt=1.0, description="percentile of the null from which a pair is matched")
    codes_at_once: int = Field(
        32_000_000, ge=1000, description="codes of either side in memory, within whose images the null permutes"
    )
    seed: int = 0
