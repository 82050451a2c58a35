"""From photos to a universal dictionary: extracts what is missing, then trains, or finds what has been built."""

from collections.abc import Sequence

from store.specs import ExtractionSpec
from store.universal import UniversalSpec
from store.vocabulary import Kind
from worker.workshop import Built, Workshop


class JointWorkshop(Workshop):
    """The workshop with the job that reads several activations at once.

    Its result is an artifact of its own kind; the catalog of dictionaries, and so the pages, do not know of it.
    """

    def universal(self, slug: str, streams: Sequence[ExtractionSpec], spec: UniversalSpec) -> Built:
        """Activations of several models over a collection become one dictionary.

        Raises ``InvalidInput`` for streams that cannot be paired.
        """
        from worker.device import pick_device
        from worker.jobs.universal import build_universal
        from worker.universal.pairing import check_names

        check_names([f"{stream.model}:{stream.layer}" for stream in streams])
        artifacts = [self.extract(slug, stream).artifact for stream in streams]
        collection, _ = self.collection(slug)
        with self._reporter.job("train universal") as tell:
            return self._fresh(
                Kind.UNIVERSAL,
                lambda: build_universal(
                    spec,
                    [self._open(one, [], tell=tell) for one in artifacts],
                    collection=collection,
                    artifacts=self.artifacts,
                    device=pick_device(self._device),
                    on_progress=tell,
                ),
            )
