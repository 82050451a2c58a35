"""Tables of the atlas about the classes that the model predicts; empty where its head is not exact."""

from store.duck import Column, Table

HEAD_CLASS = Table(
    "head_class",
    "class that the model predicts for at least two images, where only a mean and a linear map follow the layer",
    ("output",),
    (
        Column("output", "INTEGER", "index from 0", "place among the model's outputs"),
        Column("name", "VARCHAR", "name or NULL", "the model's word for it"),
        Column("n_images", "INTEGER", "images", "images for which the model names it first; means are over these"),
        Column("logit", "DOUBLE", "logit", "mean of its logit: bias + residual + all concepts' importance"),
        Column("bias", "DOUBLE", "logit", "what the head says of no concept: of the dictionary's origin"),
        Column("residual", "DOUBLE", "logit", "mean contribution of what the dictionary does not reconstruct"),
        Column("n_concepts", "INTEGER", "concepts", "concepts that fire on any of the images"),
        Column("probability", "DOUBLE", "[0, 1]", "its mean probability"),
        Column("n_curve", "INTEGER", "images", "images over which its curves go, and the next three columns"),
        Column("whole", "DOUBLE", "[0, 1]", "its probability on them as they are"),
        Column("through", "DOUBLE", "[0, 1]", "its probability on their reconstructions, the error left out"),
        Column("remainder", "DOUBLE", "[0, 1]", "its probability without any concept, the error kept"),
    ),
)

HEAD_CONCEPT = Table(
    "head_concept",
    "concept that matters for a predicted class: (output, rank)",
    ("output", "rank"),
    (
        Column("output", "INTEGER", "index", "the class"),
        Column(
            "rank", "INTEGER", "from 0", "order by contrast, from what speaks most for it to what speaks against it"
        ),
        Column("concept", "INTEGER", "index", "the concept; the 64 with the largest contrast by size are kept"),
        Column("importance", "DOUBLE", "logit", "mean contribution to the class's logit"),
        Column("standard_error", "DOUBLE", "logit", "standard error of that mean"),
        Column("contrast", "DOUBLE", "logit", "mean contribution to the logit less the mean logit of all classes"),
        Column("leading", "INTEGER", "images", "images on which it contributes more than any other concept"),
    ),
)

HEAD_CURVE = Table(
    "head_curve",
    "step of a predicted class's curve: (output, walk, ordering, step)",
    ("output", "walk", "ordering", "step"),
    (
        Column("output", "INTEGER", "index", "the class"),
        Column("walk", "VARCHAR", "deletion, insertion", "whether concepts are taken away or put back"),
        Column("ordering", "VARCHAR", "most, least, random", "by contrast, the other way round, or drawn (mean of 8)"),
        Column("step", "INTEGER", "from 0", "number of the step"),
        Column("taken", "INTEGER", "concepts", "concepts taken away, or put back, so far"),
        Column("probability", "DOUBLE", "[0, 1]", "mean probability of the class"),
        Column("standard_error", "DOUBLE", "[0, 1] or NULL", "over images"),
        Column("area", "DOUBLE", "[0, 1]", "under the whole curve, over the share of concepts"),
        Column("area_spread", "DOUBLE", "[0, 1]", "standard deviation of the area over draws; 0 when nothing is drawn"),
    ),
)

HEAD_IMAGE = Table(
    "head_image",
    "image kept of a predicted class, one of those that its curves go over: (output, rank)",
    ("output", "rank"),
    (
        Column("output", "INTEGER", "index", "the class"),
        Column("rank", "INTEGER", "from 0", "order by probability, largest first"),
        Column("image", "INTEGER", "index", "the image; all of the class up to 32, else those of the smallest hashes"),
        Column("logit", "DOUBLE", "logit", "the class's logit on it"),
        Column("probability", "DOUBLE", "[0, 1]", "the class's probability on it"),
    ),
)

HEAD_GROUP = Table(
    "head_group",
    "class of the collection among the images of a predicted class: (output, class)",
    ("output", "class"),
    (
        Column("output", "INTEGER", "index", "the predicted class"),
        Column("class", "VARCHAR", "name", "the collection's class"),
        Column("n_images", "INTEGER", "images", "images of both"),
    ),
)
