"""The monosemanticity job: whether a concept's images are alike in the eyes of another model."""

from store.artifacts import Artifact
from store.collection import Collection
from store.errors import InvalidInput
from store.vocabulary import Split
from worker.activations import ActivationStore
from worker.dictionaries.files import load_dictionary
from worker.metrics.images import StoredImages, image_embeddings, pool_images
from worker.metrics.labels import monosemanticity_scores


def measure_monosemanticity(
    dictionary: Artifact, activations: ActivationStore, *, by: ActivationStore, collection: Collection
) -> dict[str, float]:
    """The mean over concepts on held-out images, with the mean tokens of another model as embeddings, and its null.

    Raises ``InvalidInput`` when the embeddings come from the model that the dictionary reads.
    """
    if by.model == activations.model:
        raise InvalidInput(
            f"Monosemanticity needs the eyes of another model, and {by.model} is the one that the dictionary reads; "
            "extract another model's activations of the same collection."
        )
    read = load_dictionary(dictionary.folder())
    held_out = StoredImages(activations, tuple(collection.split_images(Split.HELD_OUT)), read.spec.tokens)
    everything = StoredImages(by, tuple(range(by.n_images)))
    return monosemanticity_scores(pool_images(read, held_out), image_embeddings(everything, n_images=by.n_images))
