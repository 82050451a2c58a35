"""Small real stores: drawn photos, codes computed from them, every table of the atlas filled and consistent."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw

from store.artifacts import Artifact, Artifacts
from store.catalog.collections import save_collection
from store.catalog.dictionaries import DictionaryFacts, save_dictionary, switch_atlas
from store.catalog.models import save_model
from store.catalog.session import Catalog
from store.collection import FILE as COLLECTION_FILE
from store.collection import make_writer
from store.methods import AnyDictionarySpec, load_dictionary_spec
from store.settings import Settings
from store.specs import AtlasSpec, CollectionSpec, digest_of
from store.universal import UniversalSpec
from store.vocabulary import Kind
from tests.atlas_tables import AtlasPlan, write_atlas
from tests.stream_tables import is_held_out, sparse_codes, split_codes

CLASSES = ("disc", "square", "stripes", "dots")
SIZES = ((307, 173), (240, 240), (200, 300), (307, 173))


@dataclass(frozen=True)
class Photo:
    """A drawn photo with its public id and class."""

    id: str
    picture: Image.Image
    class_name: str | None


@dataclass(frozen=True)
class Shown:
    """A dictionary of the synthetic store: its slug, model, size and grid."""

    slug: str
    model: str
    method: str
    n_concepts: int
    rows: int
    cols: int
    metrics: Mapping[str, float] | None = None
    """What was measured of it; when None, some numbers that fit its codes."""
    streams: tuple[str, ...] = ()
    """``model:layer`` of each stream of a universal dictionary, whose ``model`` is their names with a hyphen."""


SHOWN = (
    Shown("tiny-topk", "tinynet", "topk", 48, 6, 6),
    Shown("tiny-archetypal", "tinynet", "archetypal", 30, 6, 6),
    Shown("wide-topk", "widenet", "topk", 24, 5, 8),
)
UNIVERSAL = Shown(
    "three-nets",
    "tinynet-widenet-deepnet",
    "universal",
    36,
    5,
    6,
    streams=("tinynet:stage4", "widenet:stage4", "deepnet:blocks.3"),
)
"""Three streams: concepts 0, 3, 6, ... are seen by all alike, 1, 4, 7, ... by one, the others less by one."""


def make_store(
    root: Path, *, n_images: int = 40, shown: tuple[Shown, ...] = SHOWN, with_classes: bool = True, seed: int = 0
) -> Settings:
    """A store with one collection, and an atlas for each dictionary of ``shown``; returns its settings."""
    settings = Settings(store=root)
    photos = draw_photos(n_images, seed=seed, with_classes=with_classes)
    artifacts, catalog = Artifacts(root), Catalog(settings.catalog_url)
    spec = CollectionSpec(slug="shapes", title="Drawn shapes")
    collection = make_collection(artifacts, photos, spec=spec)
    for number, one in enumerate(shown):
        atlas, metrics = _make_atlas(artifacts, photos, one, collection=collection, seed=seed + number)
        _record(catalog, one, atlas=atlas, collection=collection, n_images=n_images, metrics=metrics)
    catalog.close()
    return settings


def draw_photos(n: int, *, seed: int, with_classes: bool) -> list[Photo]:
    """Photos of four kinds of shapes in random colours and places."""
    rng = np.random.default_rng(seed)
    return [_draw_photo(index, rng, with_classes=with_classes) for index in range(n)]


def _draw_photo(index: int, rng: np.random.Generator, *, with_classes: bool) -> Photo:
    width, height = SIZES[index % len(SIZES)]
    kind = CLASSES[index % len(CLASSES)]
    ground, ink = (tuple(int(v) for v in rng.integers(0, 256, 3)) for _ in range(2))
    picture = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(picture)
    x, y, side = int(rng.integers(10, width // 2)), int(rng.integers(10, height // 2)), int(rng.integers(40, 90))
    if kind == "disc":
        draw.ellipse((x, y, x + side, y + side), fill=ink)
    elif kind == "square":
        draw.rectangle((x, y, x + side, y + side), fill=ink)
    elif kind == "stripes":
        for left in range(0, width, 24):
            draw.rectangle((left, 0, left + 10, height), fill=ink)
    else:
        for left in range(10, width, 40):
            draw.ellipse((left, y, left + 18, y + 18), fill=ink)
    return Photo(digest_of({"photo": index})[:16], picture, kind if with_classes else None)


def as_webp(picture: Image.Image) -> bytes:
    """A picture as WebP."""
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=70, method=0)
    return buffer.getvalue()


def make_collection(artifacts: Artifacts, photos: list[Photo], *, spec: CollectionSpec) -> Artifact:
    """A collection of drawn photos."""
    inputs = {"photos": digest_of([photo.id for photo in photos])}
    with artifacts.draft(Kind.COLLECTION, spec, inputs=inputs) as draft:
        with make_writer(draft.path / COLLECTION_FILE) as writer:
            writer.append("image", image_columns(photos))
            writer.append("duplicate", {"source": ["twin.png"], "image": [0], "kind": ["exact"], "distance": [0]})
            writer.append("damaged", {"source": ["broken.jpg"], "reason": ["The file is cut short."]})
        return artifacts.publish(draft)


def image_columns(photos: list[Photo]) -> dict[str, Any]:
    """Columns of the collection's images."""
    return {
        "image": list(range(len(photos))),
        "id": [photo.id for photo in photos],
        "source": [f"{photo.class_name or 'photo'}/{number:03}.png" for number, photo in enumerate(photos)],
        "sha256": [photo.id * 4 for photo in photos],
        "width": [photo.picture.width for photo in photos],
        "height": [photo.picture.height for photo in photos],
        "class": [photo.class_name for photo in photos],
        "split": ["held_out" if is_held_out(number) else "train" for number in range(len(photos))],
        "dhash": list(range(len(photos))),
        "thumbnail": [as_webp(photo.picture) for photo in photos],
        "thumbnail_width": [photo.picture.width for photo in photos],
        "thumbnail_height": [photo.picture.height for photo in photos],
    }


def patch_features(photos: list[Photo], *, rows: int, cols: int) -> Float[np.ndarray, "n h w 8"]:
    """Mean colour, contrast, place and a constant, of each patch: what the synthetic model sees."""
    fine = [photo.picture.resize((cols * 4, rows * 4), Image.Resampling.BOX) for photo in photos]
    pixels = np.stack([np.asarray(picture, dtype=np.float64) for picture in fine]) / 255
    blocks = pixels.reshape(len(photos), rows, 4, cols, 4, 3)
    row, col = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, cols), indexing="ij")
    place = np.broadcast_to(np.stack([row, col], axis=-1), (len(photos), rows, cols, 2))
    contrast = blocks.std(axis=(2, 4)).mean(axis=-1, keepdims=True) * 4
    dark = 1 - blocks.mean(axis=(2, 4)).mean(axis=-1, keepdims=True)
    return np.concatenate([blocks.mean(axis=(2, 4)) - 0.5, contrast, dark, place, np.ones_like(dark)], axis=-1)


def make_atoms(n_concepts: int, *, seed: int) -> Float[np.ndarray, "K 8"]:
    """Directions in feature space: mostly rare colours and textures, some dead, dense, placed or repeated."""
    rng = np.random.default_rng(seed)
    atoms = rng.normal(size=(n_concepts, 8))
    atoms[:, 5:7] *= 0.1
    atoms[:, 7] = -rng.uniform(0.2, 1.2, n_concepts)
    atoms[3] = 0  # dead
    atoms[7] = -np.eye(8)[7]  # dead
    atoms[5] = [0.3, 0.2, 0.1, 0.4, 0.2, 0, 0, 0.4]  # dense
    atoms[9] = [0, 0, 0, 0, 0, 3, 3, -3.5]  # a corner, whatever the photo shows
    atoms[11] = atoms[10] * 0.97  # a duplicate
    atoms[12:16] = -atoms[16:20]  # antipodal
    return atoms


def _make_atlas(
    artifacts: Artifacts, photos: list[Photo], shown: Shown, *, collection: Artifact, seed: int
) -> tuple[Artifact, dict[str, float]]:
    features = patch_features(photos, rows=shown.rows, cols=shown.cols)
    atoms = make_atoms(shown.n_concepts, seed=seed + len(shown.slug))
    pre_codes = np.einsum("nhwd,kd->nhwk", features, atoms)
    codes = np.maximum(pre_codes, 0)
    streams = split_codes(sparse_codes(pre_codes), shown.streams, seed=seed)
    if streams:
        codes = np.mean([stream.codes for stream in streams], axis=0)
    metrics = {
        "r2": 0.71,
        "r2_random_atoms": 0.11,
        "r2_data_atoms": 0.34,
        "l0": float((codes > 0).sum(-1).mean()),
        "dead_share_all": float((codes.max(axis=(0, 1, 2)) == 0).mean()),
        "dead_share_held_out": float((codes[3::7].max(axis=(0, 1, 2)) == 0).mean()),
        "dense_share": float(((codes > 0).mean(axis=(0, 1, 2)) > 0.1).mean()),
    }
    metrics = metrics if shown.metrics is None else dict(shown.metrics)
    facts = _facts(shown, metrics) | {"density_histogram": _density_histogram(codes[3::7])}
    pictures = [photo.picture for photo in photos]
    plan = AtlasPlan(codes, atoms, image_columns(photos), pictures, facts, streams)
    inputs = {"dictionary": dictionary_digest(shown), "collection": collection.digest}
    with artifacts.draft(Kind.ATLAS, AtlasSpec(n_examples=9, seed=seed), inputs=inputs) as draft:
        write_atlas(draft.path, plan)
        return artifacts.publish(draft), metrics


def _density_histogram(codes: Float[np.ndarray, "n h w K"]) -> dict[str, Any]:
    """Concepts by density, as the worker counts them: the silent ones apart, four bins per decade."""
    density = (codes > 0).mean(axis=(0, 1, 2))
    edges = np.geomspace(1e-6, 1, 25)
    counts = np.histogram(density[density > 0], edges)[0]
    return {"dead": int((density == 0).sum()), "edges": edges.tolist(), "counts": counts.tolist()}


def dictionary_digest(shown: Shown) -> str:
    """The digest that stands for a trained dictionary."""
    return digest_of({"dictionary": shown.slug})


def make_spec(shown: Shown) -> AnyDictionarySpec | UniversalSpec:
    """The spec that stands for how it was trained."""
    if shown.streams:
        return UniversalSpec(n_concepts=shown.n_concepts, n_active=8)
    return load_dictionary_spec({"method": shown.method, "n_concepts": shown.n_concepts, "n_active": 8})


def _facts(shown: Shown, metrics: dict[str, float]) -> dict[str, Any]:
    epochs = [
        {
            "epoch": n,
            "loss": 1 / (n + 1),
            "r2_train": 1 - 0.6 / (n + 1),
            "r2_held_out": 0.95 - 0.6 / (n + 1),
            "lr": 1e-3,
        }
        for n in range(8)
    ]
    return {
        "model": shown.model,
        "layer": "stage4",
        "collection": "shapes",
        "dictionary": shown.slug,
        "spec": make_spec(shown).as_json(),
        "metrics": metrics,
        "history": epochs,
        **({"streams": list(shown.streams)} if shown.streams else {}),
    }


def _record(
    catalog: Catalog, shown: Shown, *, atlas: Artifact, collection: Artifact, n_images: int, metrics: dict[str, float]
) -> None:
    with catalog.session() as session:
        facts = {"family": "drawn", "n_parameters": 1234, "license": "MIT"}
        model = save_model(session, shown.model, title=shown.model.title(), facts=facts)
        images = save_collection(
            session, "shapes", title="Drawn shapes", digest=collection.digest, folder=None, n_images=n_images
        )
        row = DictionaryFacts(
            slug=shown.slug,
            title=f"{shown.model.title()} {shown.method}, {shown.n_concepts} concepts",
            model=model,
            collection=images,
            layer="stage4",
            method=shown.method,
            digest=dictionary_digest(shown),
            n_concepts=shown.n_concepts,
            spec=make_spec(shown).as_json(),
            metrics=metrics,
        )
        switch_atlas(session, save_dictionary(session, row), digest=atlas.digest, headline=metrics)
