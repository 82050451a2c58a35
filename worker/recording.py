"""What was built becomes a row of the catalog: models, dictionaries, and the atlases that they show."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from store.artifacts import Artifact, Artifacts
from store.catalog.collections import get_collection
from store.catalog.dictionaries import DictionaryFacts, get_dictionary, save_dictionary, switch_atlas
from store.catalog.models import save_joint_model, save_model
from store.catalog.session import Catalog
from store.catalog.wanted import recording
from store.collection import Collection
from store.methods import load_dictionary_spec
from store.naming import joint_layer, model_slug, model_title
from store.specs import ExtractionSpec
from store.universal import UniversalSpec
from store.vocabulary import Kind

HEADLINE: Final = ("r2", "l0", "dead_share_held_out", "dense_share")


@dataclass(frozen=True)
class Records:
    """The catalog, as jobs write it; each transaction makes sure that what it refers to is there."""

    artifacts: Artifacts
    catalog: Catalog

    def model(self, name: str) -> None:
        """A model has been used."""
        with self.catalog.session() as session:
            save_model(session, model_slug(name), title=model_title(name), facts={"name": name})

    def dictionary(self, slug: str, title: str, *, activations: Artifact, artifact: Artifact) -> None:
        """A slug means this dictionary of one model from now on."""
        extraction, spec = _extraction(activations), load_dictionary_spec(artifact.manifest.spec)
        collection = self._collection_of(artifact)
        with recording(artifact, self.artifacts, self.catalog) as session:
            name = extraction.model
            facts = DictionaryFacts(
                slug=slug,
                title=title,
                model=save_model(session, model_slug(name), title=model_title(name), facts={"name": name}),
                collection=get_collection(session, collection),
                layer=extraction.layer,
                method=spec.method,
                digest=artifact.digest,
                n_concepts=spec.n_concepts,
                spec=spec.as_json(),
                metrics=_metrics(artifact),
            )
            save_dictionary(session, facts)

    def universal(self, slug: str, title: str, *, streams: Sequence[Artifact], artifact: Artifact) -> None:
        """A slug means this dictionary of several models from now on."""
        extractions, spec = list(map(_extraction, streams)), UniversalSpec.model_validate(artifact.manifest.spec)
        collection = self._collection_of(artifact)
        with recording(artifact, self.artifacts, self.catalog) as session:
            facts = DictionaryFacts(
                slug=slug,
                title=title,
                model=save_joint_model(session, extractions),
                collection=get_collection(session, collection),
                layer=joint_layer(extractions),
                method=spec.method,
                digest=artifact.digest,
                n_concepts=spec.n_concepts,
                spec=spec.as_json(),
                metrics=_metrics(artifact),
            )
            save_dictionary(session, facts)

    def atlas(self, slug: str, *, dictionary: Artifact, atlas: Artifact) -> None:
        """The dictionary shows this atlas from now on."""
        metrics = _metrics(dictionary)
        headline: dict[str, Any] = {key: metrics[key] for key in HEADLINE if key in metrics}
        with recording(atlas, self.artifacts, self.catalog) as session:
            switch_atlas(session, get_dictionary(session, slug), digest=atlas.digest, headline=headline)

    def _collection_of(self, dictionary: Artifact) -> str:
        """The slug, looked up before a transaction is open: finding an artifact is one of its own."""
        digest = dictionary.manifest.inputs["collection"]
        return str(Collection(self.artifacts.get(Kind.COLLECTION, digest)).spec["slug"])


def _extraction(activations: Artifact) -> ExtractionSpec:
    return ExtractionSpec.model_validate(activations.manifest.spec)


def _metrics(dictionary: Artifact) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(dictionary.file("metrics.json").read_text())
    return found
