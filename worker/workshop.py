"""From photos to atlases: finds or builds each artifact and keeps the catalog in step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.artifacts import Artifact, Artifacts, check_writable, open_artifacts
from store.catalog.collections import get_collection, save_collection
from store.catalog.comparisons import save_comparison
from store.catalog.dictionaries import get_single_dictionary
from store.catalog.session import Catalog
from store.catalog.wanted import WantedNotes, recording
from store.collection import Collection
from store.errors import Damaged, InvalidInput, NotFound
from store.methods import AnyDictionarySpec, load_dictionary_spec
from store.settings import Settings
from store.specs import AlignmentSpec, AtlasSpec, CollectionSpec, ExtractionSpec
from store.universal import UniversalSpec
from store.vocabulary import Kind
from worker.jobs.requests import activations_inputs, dictionary_inputs
from worker.recording import Records
from worker.reporting import Reporter, Tell
from worker.weights import weights_of

if TYPE_CHECKING:
    from worker.activations import ActivationStore
    from worker.sharing import Parts


@dataclass(frozen=True)
class Built:
    """An artifact and whether it was there before."""

    artifact: Artifact
    reused: bool


@dataclass(frozen=True)
class Wanted:
    """A dictionary to train, and what it will be called."""

    slug: str
    title: str
    spec: AnyDictionarySpec


@dataclass(frozen=True)
class WantedUniversal:
    """A dictionary of several models to train, and what it will be called."""

    slug: str
    title: str
    spec: UniversalSpec


class Workshop:
    """All jobs over one store; heavy libraries are imported only by the job that needs them."""

    def __init__(
        self,
        settings: Settings,
        reporter: Reporter,
        *,
        device: str | None = None,
        rebuild: bool = False,
        artifacts: Artifacts | None = None,
        catalog: Catalog | None = None,
        parts: "Parts | None" = None,
    ) -> None:
        check_writable(settings.store)
        self.catalog = catalog or Catalog(settings.catalog_url)
        self.artifacts = artifacts or open_artifacts(settings, notes=WantedNotes(self.catalog))
        self.artifacts.check()
        self._reporter, self._device, self._rebuild = reporter, device, rebuild
        self._parts = parts
        self._records = Records(self.artifacts, self.catalog)

    def ingest(self, folder: Path, spec: CollectionSpec) -> Built:
        """A folder becomes a collection."""
        from worker.jobs.ingest import ingest

        with self._reporter.job(f"ingest {spec.slug}") as tell:
            built = self._fresh(Kind.COLLECTION, lambda: ingest(folder, spec, self.artifacts, on_progress=tell))
        collection = Collection(built.artifact)
        with recording(built.artifact, self.artifacts, self.catalog) as session:
            save_collection(
                session,
                spec.slug,
                title=spec.title,
                digest=built.artifact.digest,
                folder=folder,
                n_images=len(collection.images),
            )
        return built

    def collection(self, slug: str) -> tuple[Collection, Path]:
        """A collection by name, and the folder of its photos."""
        with self.catalog.session() as session:
            row = get_collection(session, slug)
        folder = Path(row.folder or ".")
        return Collection(self.artifacts.get(Kind.COLLECTION, row.digest)), folder

    def extract(self, slug: str, spec: ExtractionSpec, *, weights: Path | None = None) -> Built:
        """A collection and a model become activations. The spec must name its layer."""
        collection, folder = self.collection(slug)

        def build() -> Artifact:
            found = self.artifacts.find(Kind.ACTIVATIONS, spec, inputs=activations_inputs(collection.artifact))
            return found or self._extract(spec, collection, folder, weights=weights, tell=tell)

        def check(found: Artifact) -> None:
            found.verify()
            self._open(found, [weights] if weights else [], tell=tell)

        with self._reporter.job(f"extract {spec.model} {spec.layer}") as tell:
            return self._fresh(Kind.ACTIVATIONS, build, check=check)

    def is_extracted(self, slug: str, spec: ExtractionSpec) -> bool:
        """Whether these activations of a collection are there."""
        with self.catalog.session() as session:
            collection = self.artifacts.get(Kind.COLLECTION, get_collection(session, slug).digest)
        return self.artifacts.find(Kind.ACTIVATIONS, spec, inputs=activations_inputs(collection)) is not None

    def _extract(
        self,
        spec: ExtractionSpec,
        collection: Collection,
        folder: Path,
        *,
        weights: Path | None,
        tell: Tell,
    ) -> Artifact:
        from worker.device import pick_device
        from worker.extraction import Extraction
        from worker.jobs.extract import extract
        from worker.models.registry import load_model

        tell(0, 1, "loading the model")
        device = pick_device(self._device)
        model = load_model(spec.model, weights_file=weights, device=device)
        self._records.model(spec.model)
        task = Extraction(spec, model, collection, folder, device)
        return extract(task, self.artifacts, parts=self._parts, on_progress=tell)

    def help_extract(self, slug: str, spec: ExtractionSpec, parts: "Parts", *, weights: Path | None = None) -> int:
        """Make some of the shards of an extraction that another worker runs; returns how many."""
        from worker.device import pick_device
        from worker.extraction import Extraction
        from worker.models.registry import load_model
        from worker.sharing import help_out

        collection, folder = self.collection(slug)
        device = pick_device(self._device)
        task = Extraction(spec, load_model(spec.model, weights_file=weights, device=device), collection, folder, device)
        shared = self.artifacts.shared_draft(Kind.ACTIVATIONS, spec, inputs=activations_inputs(collection.artifact))
        return help_out(task, parts, shared, self.artifacts.root)

    def train(self, wanted: Sequence[Wanted], *, activations: Artifact, weights: Path | None = None) -> list[Built]:
        """Activations become dictionaries, recorded under their slugs; those that can share a pass do.

        ``weights`` is the file that the activations were made with, for metrics that need the model's head.
        """
        from worker.training.team import first_alone

        specs = [one.spec for one in wanted]
        name = wanted[0].slug if len(wanted) == 1 else f"{len(wanted)} dictionaries"
        with self._reporter.job(f"train {name}") as tell:
            missing = [spec for spec in specs if self._find_dictionary(spec, activations) is None]
            if missing:
                self._train(activations, missing, weights=weights, tell=tell)
            built = []
            for spec in specs:
                again = partial(self._dictionary, activations, spec, weights=weights, tell=tell)
                built.append(self._fresh(Kind.DICTIONARY, again, new=spec in missing))
        with first_alone():
            for one, found in zip(wanted, built, strict=True):
                self._records.dictionary(one.slug, one.title, activations=activations, artifact=found.artifact)
        return built

    def universal(self, wanted: WantedUniversal, *, streams: Sequence[Artifact], weights: Sequence[Path] = ()) -> Built:
        """Activations of several models become one dictionary, recorded under its slug.

        Raises ``InvalidInput`` for streams that cannot be paired.
        """
        from worker.joining import join

        with self._reporter.job(f"train {wanted.slug}") as tell:
            read = partial(self._open, weights=weights, tell=tell)
            build = partial(join, wanted.spec, streams, self.artifacts, read, device=self._device, on_progress=tell)
            built = self._fresh(Kind.UNIVERSAL, build)
        self._records.universal(wanted.slug, wanted.title, streams=streams, artifact=built.artifact)
        return built

    def _find_dictionary(self, spec: AnyDictionarySpec, activations: Artifact) -> Artifact | None:
        return self.artifacts.find(Kind.DICTIONARY, spec, inputs=dictionary_inputs(activations))

    def _dictionary(
        self, activations: Artifact, spec: AnyDictionarySpec, *, weights: Path | None, tell: Tell
    ) -> Artifact:
        found = self._find_dictionary(spec, activations)
        return found or self._train(activations, [spec], weights=weights, tell=tell)[0]

    def _train(
        self, activations: Artifact, specs: Sequence[AnyDictionarySpec], *, weights: Path | None, tell: Tell
    ) -> list[Artifact]:
        from worker.device import pick_device
        from worker.jobs.train import train_dictionaries
        from worker.models.registry import find_head

        tell(0, 1, "reading the activations")
        extraction = ExtractionSpec.model_validate(activations.manifest.spec)
        return train_dictionaries(
            specs,
            self._open(activations, [weights] if weights else [], tell=tell),
            collection=self._collection_of(activations),
            artifacts=self.artifacts,
            device=pick_device(self._device),
            on_progress=tell,
            head=find_head(extraction, weights_file=weights),
        )

    def _open(self, activations: Artifact, weights: Sequence[Path], *, tell: Tell) -> "ActivationStore":
        """Activations to be read; those that are not stored by the model, whose weights file is among ``weights``."""
        from worker.activations import ActivationStore

        spec = ExtractionSpec.model_validate(activations.manifest.spec)
        if spec.stored:
            return ActivationStore(activations)
        from worker.device import pick_device
        from worker.extraction import Extraction, open_live
        from worker.models.registry import load_model

        device = pick_device(self._device)
        model = load_model(spec.model, weights_file=weights_of(spec, weights), device=device)
        collection = self._collection_of(activations)
        _, folder = self.collection(collection.spec["slug"])
        return open_live(activations, Extraction(spec, model, collection, folder, device), on_progress=tell)

    def _collection_of(self, activations: Artifact) -> Collection:
        return Collection(self.artifacts.get(Kind.COLLECTION, activations.manifest.inputs["collection"]))

    def stability(
        self, slugs: Sequence[str], *, weights: Sequence[Path] = ()
    ) -> dict[tuple[str, str], dict[str, float]]:
        """Dictionaries that differ in their seeds are compared pair by pair; what is found is kept in the catalog."""
        from worker.jobs.stability import measure_stability
        from worker.jobs.train import judging_stream

        with self.catalog.session() as session:
            rows = [get_single_dictionary(session, slug) for slug in dict.fromkeys(slugs)]
        dictionaries = [self.artifacts.get(Kind.DICTIONARY, row.digest) for row in rows]
        activations = self.artifacts.get(Kind.ACTIVATIONS, dictionaries[0].manifest.inputs["activations"])
        tokens = load_dictionary_spec(dictionaries[0].manifest.spec).tokens
        with self._reporter.job("stability") as tell:
            read = self._open(activations, weights, tell=tell)
            held_out = judging_stream(read, self._collection_of(activations), tokens=tokens)
            found = measure_stability(dictionaries, held_out, on_progress=tell)
        with self.catalog.session() as session:
            for (one, other), values in found.items():
                save_comparison(session, one, other, values=values)
        names = {artifact.digest: row.slug for artifact, row in zip(dictionaries, rows, strict=True)}
        return {(names[one], names[other]): values for (one, other), values in found.items()}

    def monosemanticity(self, slug: str, *, by: str | None = None, weights: Sequence[Path] = ()) -> dict[str, Any]:
        """A dictionary is judged by another model's view of the same images, whose activations the store has."""
        from worker.jobs.monosemanticity import measure_monosemanticity

        with self.catalog.session() as session:
            row = get_single_dictionary(session, slug)
        dictionary = self.artifacts.get(Kind.DICTIONARY, row.digest)
        activations = self.artifacts.get(Kind.ACTIVATIONS, dictionary.manifest.inputs["activations"])
        judge = self._other_eyes(activations, by=by)
        with self._reporter.job(f"monosemanticity {slug}") as tell:
            values = measure_monosemanticity(
                dictionary,
                self._open(activations, weights, tell=tell),
                by=self._open(judge, weights, tell=tell),
                collection=self._collection_of(activations),
            )
        with self.catalog.session() as session:
            save_comparison(session, dictionary.digest, judge.digest, values=values)
        return {"dictionary": slug, "by": judge.manifest.spec["model"], **values}

    def _other_eyes(self, activations: Artifact, *, by: str | None) -> Artifact:
        """Activations of the same collection by another model, or by the one that is named."""
        same = [a for a in self.artifacts.list(Kind.ACTIVATIONS) if a.manifest.inputs == activations.manifest.inputs]
        same.sort(key=lambda a: bool(a.manifest.spec.get("stored", True)))  # of one model, those that are stored count
        models = {a.manifest.spec["model"]: a for a in same}
        known = sorted(models.keys() - {activations.manifest.spec["model"]})
        if by is None and not known:
            raise InvalidInput("No other model has been extracted on this collection; run `conceptoscope extract`.")
        name = known[0] if by is None else by
        if name not in models:
            raise NotFound("model with activations of this collection", name, known=known)
        return self.artifacts.get(Kind.ACTIVATIONS, models[name].digest)

    def atlas(self, slug: str, spec: AtlasSpec, *, weights: Sequence[Path] = ()) -> Built:
        """A dictionary becomes an atlas, and shows it from then on."""
        from worker.showing import find_shown

        shown = find_shown(slug, self.artifacts, self.catalog, weights=weights)
        with self._reporter.job(f"index {slug}") as tell:
            read = partial(self._open, weights=weights, tell=tell)
            built = self._fresh(Kind.ATLAS, lambda: shown.index(spec, self.artifacts, read, on_progress=tell))
        self._records.atlas(slug, dictionary=shown.dictionary, atlas=built.artifact)
        return built

    def align(self, first: str, second: str, spec: AlignmentSpec, *, weights: Sequence[Path] = ()) -> Built:
        """Two dictionaries of one collection become an alignment, which shows them side by side from then on."""
        from worker.aligning import find_pair

        pair = find_pair((first, second), self.artifacts, self.catalog)
        with self._reporter.job(f"align {first} {second}") as tell:
            read = partial(self._open, weights=weights, tell=tell)
            built = self._fresh(Kind.ALIGNMENT, lambda: pair.align(spec, read, on_progress=tell))
        pair.record(built.artifact)
        return built

    def _fresh(
        self,
        kind: Kind,
        build: Callable[[], Artifact],
        *,
        new: bool = False,
        check: Callable[[Artifact], None] = Artifact.verify,
    ) -> Built:
        """Find or build. On a rebuild what was found is checked, and when damaged set aside and built again."""
        known = {artifact.digest for artifact in self.artifacts.list(kind)}
        artifact = build()
        if new or artifact.digest not in known:
            return Built(artifact, reused=False)
        if not self._rebuild:
            return Built(artifact, reused=True)
        try:
            check(artifact)
        except Damaged as fault:
            self._reporter.say(f"{fault.args[0].split('. ')[0]}: building it again.")
            self.artifacts.set_aside(artifact)
            return Built(build(), reused=False)
        return Built(artifact, reused=True)
