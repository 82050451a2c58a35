"""Extraction against the bare forward pass of the same timm model in the same run: images a second, and their ratio.

    python benchmarks/extraction.py PHOTOS [--model tf_efficientnet_lite0] [--px 320] [--images 64] [--device cuda]

Bare: the same timm network on normalised tensors that lie in memory in the order it likes best, in batches as large as
the extraction's. Extraction: photos read, checked, decoded, fitted, passed to the last stage, checked, cast, summed up,
written and published. Both alternate, so that whatever else the machine does meets both; the ratio is the median over
rounds. Weights are random.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import torch

from store.artifacts import Artifacts
from store.collection import Collection
from store.specs import ClassRule, CollectionSpec, ExtractionSpec
from store.vocabulary import Fit
from worker.extraction import _BATCH, Extraction
from worker.images.decode import decode
from worker.images.fit import fit
from worker.images.listing import list_photos
from worker.images.normalise import normalise
from worker.jobs.extract import extract
from worker.jobs.ingest import ingest
from worker.models.timm_family import TimmModel
from worker.models.torchvision_cpu import import_timm


def make_collection(photos: Path, folder: Path, *, n_images: int, store: Artifacts) -> Collection:
    """A collection of the first photos only."""
    for name, _, _ in list_photos(photos).files[:n_images]:
        (folder / name.replace("/", "-")).symlink_to((photos / name).resolve())
    spec = CollectionSpec(slug="bench", title="Benchmark", classes=ClassRule(by="none"))
    return Collection(ingest(folder, spec, store))


def bare_rate(model: TimmModel, batches: list[torch.Tensor]) -> float:
    """Images a second of the whole timm model."""
    start = time.perf_counter()
    with torch.inference_mode():
        for batch in batches:
            model.logits(batch)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
    return sum(map(len, batches)) / (time.perf_counter() - start)


def extract_rate(
    model: TimmModel, collection: Collection, folder: Path, *, spec: ExtractionSpec, device: torch.device
) -> float:
    """Images a second from files to a published artifact, in a fresh store."""
    with tempfile.TemporaryDirectory() as root:
        start = time.perf_counter()
        extract(Extraction(spec, model, collection, folder, device), Artifacts(Path(root)))
        return len(collection.images) / (time.perf_counter() - start)


def load_batches(
    model: TimmModel, collection: Collection, folder: Path, *, spec: ExtractionSpec, device: torch.device
) -> list[torch.Tensor]:
    """The collection as normalised tensors."""
    window = model.window(spec.height_px, spec.width_px, fit=spec.fit)
    own = model.preprocessing
    pixels = [torch.tensor(fit(decode(folder / row.source), window, own.interpolation)) for row in collection.images]
    images = normalise(torch.stack(pixels), mean=own.mean, std=own.std)
    return list(images.to(device).split(_BATCH[device.type]))


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="?", default=Path(".setup/demo-photos"))
    parser.add_argument("--model", default="tf_efficientnet_lite0")
    parser.add_argument("--px", type=int, default=320)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    device = torch.device(given.device)
    torch.manual_seed(0)
    model = TimmModel(given.model, import_timm().create_model(given.model, pretrained=False), device=device)
    spec = ExtractionSpec(
        model=model.name, layer=model.layers[-1], height_px=given.px, width_px=given.px, fit=Fit.COVER
    )
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "photos"
        folder.mkdir()
        collection = make_collection(given.photos, folder, n_images=given.images, store=Artifacts(Path(root) / "store"))
        batches = load_batches(model, collection, folder, spec=spec, device=device)
        bare_rate(model, batches[:2])
        rates = [
            (bare_rate(model, batches), extract_rate(model, collection, folder, spec=spec, device=device))
            for _ in range(given.rounds)
        ]
    result = {
        "model": given.model,
        "px": given.px,
        "n_images": len(collection.images),
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0],
        "bare_images_per_s": [round(bare, 2) for bare, _ in rates],
        "extract_images_per_s": [round(extracted, 2) for _, extracted in rates],
        "ratio": round(statistics.median(extracted / bare for bare, extracted in rates), 3),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
