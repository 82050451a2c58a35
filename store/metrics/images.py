"""Numbers that come from images: their labels, their likeness, and what the model predicts for them."""

from store.metrics.definition import Metric, beside

_HEAD = "Only where nothing but mean pooling and a linear map follows the layer."

LABELS = (
    Metric(
        "probe_map",
        "Probe mAP",
        "How well single concepts find classes: for each class the concept whose mean code over the image has the "
        "highest average precision on training images, scored by its average precision on held-out images; mean over "
        "the classes that both splits have. Images with equal codes count as one step.",
        better="higher",
        null="probe_map_permuted",
    ),
    Metric(
        "probe_map_permuted",
        "Probe mAP, permuted labels",
        "Null of Probe mAP: the same after labels were permuted among the images of each split; mean of five draws.",
    ),
    Metric(
        "monosemanticity",
        "MonoSemanticity",
        "How alike the images are on which a concept fires: the mean cosine of the embeddings of two held-out images, "
        "each pair weighted by the product of the concept's mean codes on them; mean over concepts that fire on at "
        "least two. Embeddings are those of another model.",
        low=-1.0,
        better="higher",
        null="monosemanticity_permuted",
    ),
    Metric(
        "monosemanticity_permuted",
        "MonoSemanticity, permuted codes",
        "Null of MonoSemanticity: its exact mean over all ways to permute a concept's codes over the images, which is "
        "the mean cosine of two held-out images.",
        low=-1.0,
    ),
)

PREDICTIONS = (
    *beside(
        Metric(
            "plausibility",
            "Plausibility",
            "Whether the directions the model itself decides by are among the atoms: mean over classes of the largest "
            "cosine of an atom with the class's row of the model's head, less the mean row (which adds the same to "
            f"all classes). It rises with the number of concepts by chance. {_HEAD}",
            low=-1.0,
            better="higher",
            null="plausibility_data_atoms",
        ),
        "random_atoms",
        "data_atoms",
    ),
    *beside(
        Metric(
            "plausibility_uncentred",
            "Plausibility, uncentred",
            "Plausibility as published: with the rows of the model's head as they are, what they have in common "
            f"included. {_HEAD}",
            low=-1.0,
            better="higher",
            null="plausibility_uncentred_data_atoms",
        ),
        "random_atoms",
        "data_atoms",
    ),
    *beside(
        Metric(
            "cross_entropy_kept",
            "Cross-entropy kept",
            "Share of the model's prediction that survives when every patch is replaced by its reconstruction: "
            "(H₀ − H) / (H₀ − H*), with H the cross-entropy of the prediction with that of the model as it is, H₀ when "
            "every patch is the mean vector, H* when nothing is replaced. Over held-out images, through pooling and "
            f"head. {_HEAD}",
            low=None,
            better="higher",
        ),
        "data_atoms",
    ),
    *beside(
        Metric(
            "top1_agreement",
            "Top-1 agreement",
            "Share of held-out images for which the model predicts the same class when every patch is replaced by its "
            f"reconstruction. {_HEAD}",
            better="higher",
        ),
        "data_atoms",
    ),
)
