"""The atlas file's public, versioned schema. ``docs/atlas.md`` repeats it and a test holds the two together."""

from typing import Final

from store.atlas.heads import HEAD_CLASS, HEAD_CONCEPT, HEAD_CURVE, HEAD_GROUP, HEAD_IMAGE
from store.atlas.universal import COFIRE, CROSS_R2, STREAM_CONCEPT
from store.duck import Column, Schema, Table
from store.duck import as_markdown as schema_as_markdown
from store.vocabulary import Layout

FILE = "atlas.duckdb"
VERSION = 5
OLDEST = 2
"""Tables and columns that were added since are read as empty from older files."""

META = Table(
    "meta",
    "fact about the atlas",
    ("key",),
    (
        Column(
            "key", "VARCHAR", "name", "collection, dictionary, spec, atlas_spec, extraction, metrics, history, streams"
        ),
        Column("value", "JSON", "JSON", "the fact"),
    ),
)

STREAM = Table(
    "stream",
    "stream: one model and layer, or with a universal dictionary 0 for all of them together and 1, 2, ... for each",
    ("stream",),
    (
        Column("stream", "INTEGER", "index from 0", "position of the stream"),
        Column("is_mean", "BOOLEAN", "true, false", "whether its codes are the mean of those of all other streams"),
        Column("model", "VARCHAR", "name", "registry name of the model; A + B of the mean"),
        Column("layer", "VARCHAR", "name", "layer at which it is read; A + B of the mean"),
        Column("width", "INTEGER", "dimensions", "width of an activation; the sum of the mean's"),
        Column("grid_rows", "INTEGER", "patches", "rows of the grid"),
        Column("grid_cols", "INTEGER", "patches", "columns of the grid"),
        Column("n_class", "INTEGER", "tokens", "class tokens, kept apart from patches"),
        Column("n_register", "INTEGER", "tokens", "register tokens, kept apart from patches"),
        Column("height_px", "INTEGER", "px or NULL", "height of the input window; NULL of the mean"),
        Column("width_px", "INTEGER", "px or NULL", "width of the input window; NULL of the mean"),
        Column("fit", "VARCHAR", "crop, cover, squash or NULL", "how a photo meets the window; NULL of the mean"),
        Column("crop_ratio", "DOUBLE", "(0, 1] or NULL", "kept share of the covering window when fit is crop"),
    ),
)

CONCEPT = Table(
    "concept",
    "concept",
    ("concept",),
    (
        Column("concept", "INTEGER", "index from 0", "index of the concept in its dictionary"),
        Column("density", "DOUBLE", "[0, 1]", "share of patches where its code is above zero"),
        Column("image_coverage", "DOUBLE", "[0, 1]", "share of images where it fires on any patch"),
        Column("n_images", "INTEGER", "images", "images in which it fires"),
        Column("max", "DOUBLE", "code", "its largest code in the collection"),
        Column("mean", "DOUBLE", "code", "mean code over all patches, zeros included"),
        Column("mean_active", "DOUBLE", "code", "mean code over the patches where it fires"),
        Column("energy", "DOUBLE", "squared activation", "squared length of mean code times atom"),
        Column("importance", "DOUBLE", "share of variance", "centred R2 that is lost when it alone is removed"),
        Column("top_class", "VARCHAR", "name or NULL", "class that holds most of its total code"),
        Column("purity", "DOUBLE", "[0, 1] or NULL", "share of its total code in the top class"),
        Column("position_entropy", "DOUBLE", "[0, 1]", "entropy of its mean map over the grid; 1 = anywhere alike"),
        Column("spatial_size", "DOUBLE", "(0, 1]", "mean share of patches that fire, over images in which it fires"),
        Column("q50", "DOUBLE", "code", "median of its image peaks, over images in which it fires"),
        Column("q75", "DOUBLE", "code", "0.75 quantile of the same"),
        Column("q95", "DOUBLE", "code", "0.95 quantile of the same"),
        Column("q99", "DOUBLE", "code", "0.99 quantile of the same"),
        Column("badges", "VARCHAR[]", "names", "its warnings; the evidence stands in badge"),
        Column("map_x", "USMALLINT", "0 to 65535", "place on the map by the direction of atoms"),
        Column("map_y", "USMALLINT", "0 to 65535", "place on the map by the direction of atoms, downwards"),
        Column(
            "firing_x", "USMALLINT", "0 to 65535 or NULL", "place on the map by firing; NULL = silent in the sample"
        ),
        Column(
            "firing_y", "USMALLINT", "0 to 65535 or NULL", "place on the map by firing; NULL = silent in the sample"
        ),
        Column("cluster", "INTEGER", "index", "spectral cluster of the graph of the nearest atoms"),
        Column("label_seed", "VARCHAR", "text or NULL", "first guess at a label, from classes only"),
        Column(
            "firing_entropy",
            "DOUBLE",
            "[0, 1] or NULL",
            "how evenly its firings spread over M streams, -(sum p log p) / log M with p the stream's share; "
            "0 = one stream alone, 1 = all alike",
        ),
        Column(
            "firing_jaccard",
            "DOUBLE",
            "[0, 1] or NULL",
            "patches at which it fires in all streams over patches at which it fires in any",
        ),
        Column(
            "stream_correlation",
            "DOUBLE",
            "[-1, 1] or NULL",
            "correlation over images of its mean codes in two streams, mean over all pairs of streams; "
            "a pair with a silent stream counts 0",
        ),
        Column(
            "stream_correlation_held_out",
            "DOUBLE",
            "[-1, 1] or NULL",
            "the same over held-out images alone; NULL where it fires on none of them",
        ),
        Column("main_stream", "VARCHAR", "model:layer or NULL", "stream with the largest share of its firings"),
    ),
)
STREAM_COLUMNS = (
    "firing_entropy",
    "firing_jaccard",
    "stream_correlation",
    "stream_correlation_held_out",
    "main_stream",
)
"""Columns of ``concept`` that have values in the atlas of a universal dictionary only."""

PLACES: Final = {Layout.ATOMS: ("map_x", "map_y"), Layout.FIRING: ("firing_x", "firing_y")}
"""The columns that hold the places of each layout of the map."""

EXAMPLE = Table(
    "example",
    "example of a concept: (concept, stream, band, rank)",
    ("concept", "stream", "band", "rank"),
    (
        Column("concept", "INTEGER", "index", "the concept"),
        Column("stream", "INTEGER", "index", "the stream"),
        Column("band", "VARCHAR", "see bands", "where on the concept's own scale it stands"),
        Column("rank", "INTEGER", "from 0", "order within the band, strongest first"),
        Column("image", "INTEGER", "index", "the image"),
        Column("row", "INTEGER", "from 0 or NULL", "row of the peak patch; NULL where the concept is silent"),
        Column("col", "INTEGER", "from 0 or NULL", "column of the peak patch; NULL where the concept is silent"),
        Column("value", "DOUBLE", "code", "code at the peak patch; 0 where the concept is silent"),
        Column(
            "percentile",
            "DOUBLE",
            "[0, 1] or NULL",
            "share of firing images whose peak is not above this one; NULL but for stream 0",
        ),
        Column(
            "likeness",
            "DOUBLE",
            "[-1, 1] or NULL",
            "near_miss of stream 0 only: cosine of mean activations to firing images",
        ),
        Column("heat", "BLOB", "uint8 [rows x cols]", "activation map, row by row, 255 = heat_scale"),
        Column("heat_scale", "DOUBLE", "code", "code that 255 stands for: the example's own peak"),
    ),
)

SPRITE = Table(
    "sprite",
    "3 x 3 picture of a concept's first nine examples, of stream 0 only: (concept, stream, band)",
    ("concept", "stream", "band"),
    (
        Column("concept", "INTEGER", "index", "the concept"),
        Column("stream", "INTEGER", "index", "the stream"),
        Column("band", "VARCHAR", "see bands", "which examples"),
        Column("n", "INTEGER", "0 to 9", "crops in the picture, row by row"),
        Column("crops", "BLOB", "WebP", "square crops around the peak patch"),
        Column("heat", "BLOB", "grey PNG", "the same crops' heat, 255 = the concept's max"),
    ),
)

IMAGE = Table(
    "image",
    "image used as evidence",
    ("image",),
    (
        Column("image", "INTEGER", "index from 0", "index in the collection"),
        Column("id", "VARCHAR", "16 hexadecimal digits", "public name of the image"),
        Column("source", "VARCHAR", "relative path", "file below the ingested folder"),
        Column("width", "INTEGER", "px", "width after EXIF orientation"),
        Column("height", "INTEGER", "px", "height after EXIF orientation"),
        Column("class", "VARCHAR", "name or NULL", "its class"),
        Column("split", "VARCHAR", "train, held_out", "whether the dictionary learned from it"),
        Column("thumbnail", "BLOB", "WebP", "thumbnail, never larger than the photo"),
        Column("thumbnail_width", "INTEGER", "px", "width of the thumbnail"),
        Column("thumbnail_height", "INTEGER", "px", "height of the thumbnail"),
    ),
)

IMAGE_CONCEPT = Table(
    "image_concept",
    "strongest concept of an image: (image, stream, rank)",
    ("image", "stream", "rank"),
    (
        Column("image", "INTEGER", "index", "the image"),
        Column("stream", "INTEGER", "index", "the stream"),
        Column("rank", "INTEGER", "from 0", "order by pooled code relative to the concept's max"),
        Column("concept", "INTEGER", "index", "the concept"),
        Column("pooled", "DOUBLE", "code", "mean code over the image's patches"),
        Column("peak", "DOUBLE", "code", "largest code on the image"),
        Column("row", "INTEGER", "from 0", "row of the peak patch"),
        Column("col", "INTEGER", "from 0", "column of the peak patch"),
    ),
)

PATCH_CODE = Table(
    "patch_code",
    "image used as evidence, with the strongest concepts of each of its patches: (image, stream)",
    ("image", "stream"),
    (
        Column("image", "INTEGER", "index", "the image"),
        Column("stream", "INTEGER", "index", "the stream"),
        Column("n_top", "INTEGER", "concepts", "concepts kept per patch, strongest first"),
        Column("concepts", "BLOB", "uint32 [rows x cols x n_top]", "little-endian concept indices"),
        Column("values", "BLOB", "float16 [rows x cols x n_top]", "little-endian codes; 0 = empty slot"),
    ),
)

HISTOGRAM = Table(
    "histogram",
    "histogram of a concept: (concept, stream, of)",
    ("concept", "stream", "of"),
    (
        Column("concept", "INTEGER", "index", "the concept"),
        Column("stream", "INTEGER", "index", "the stream"),
        Column("of", "VARCHAR", "patch, image_max", "codes of patches, or peaks of images"),
        Column("edges", "DOUBLE[]", "code", "n + 1 log-spaced edges"),
        Column("counts", "BIGINT[]", "count", "n counts between the edges"),
        Column("n_zero", "BIGINT", "count", "patches or images in which it is silent"),
    ),
)

POSITION = Table(
    "position",
    "mean activation map of a concept: (concept, stream)",
    ("concept", "stream"),
    (
        Column("concept", "INTEGER", "index", "the concept"),
        Column("stream", "INTEGER", "index", "the stream"),
        Column("heat", "BLOB", "uint8 [rows x cols]", "mean code at each place, 255 = scale"),
        Column("scale", "DOUBLE", "code", "code that 255 stands for"),
    ),
)

NEIGHBOR = Table(
    "neighbor",
    "neighbour of a concept: (concept, kind, rank)",
    ("concept", "kind", "rank"),
    (
        Column("concept", "INTEGER", "index", "the concept"),
        Column("kind", "VARCHAR", "decoder, coactivation, examples, antipodal", "in which way it is near"),
        Column("rank", "INTEGER", "from 0", "nearest first"),
        Column("other", "INTEGER", "index", "the neighbour"),
        Column(
            "value",
            "DOUBLE",
            "[-1, 1]",
            "decoder, antipodal: cosine of atoms; coactivation: cosine of codes over patches; "
            "examples: Jaccard index of the sets of strongest images",
        ),
    ),
)

CLASS = Table(
    "class",
    "class of the collection",
    ("class",),
    (
        Column("class", "VARCHAR", "name", "the class"),
        Column("n_images", "INTEGER", "images", "its images in the collection"),
    ),
)

CLASS_CONCEPT = Table(
    "class_concept",
    "concept's answer to a class: (concept, class)",
    ("concept", "class"),
    (
        Column("concept", "INTEGER", "index", "the concept"),
        Column("class", "VARCHAR", "name", "the class"),
        Column("share", "DOUBLE", "[0, 1]", "share of the concept's total code that falls on the class"),
        Column("lift", "DOUBLE", ">= 0", "mean pooled code in the class over that of all images"),
        Column("coverage", "DOUBLE", "[0, 1]", "share of the class's images in which it fires"),
        Column("mean", "DOUBLE", "code", "mean pooled code over the class's images"),
        Column("standard_error", "DOUBLE", "code or NULL", "standard error of that mean; NULL for a single image"),
        Column(
            "importance",
            "DOUBLE",
            "logit or NULL",
            "mean contribution to the logit of the model's class of the same name, where there is one and the head is "
            "exact",
        ),
    ),
)

BADGE = Table(
    "badge",
    "warning about a concept with its evidence: (concept, badge)",
    ("concept", "badge"),
    (
        Column("concept", "INTEGER", "index", "the concept"),
        Column("badge", "VARCHAR", "dead, dense, position-only, duplicate-of", "the warning"),
        Column("value", "DOUBLE", "see threshold", "the measured quantity"),
        Column("threshold", "DOUBLE", "same as value", "where the warning starts"),
        Column("other", "INTEGER", "index or NULL", "the other concept, for duplicate-of"),
        Column("reason", "VARCHAR", "text", "the evidence in words"),
    ),
)

SCHEMA = Schema(
    "atlas",
    VERSION,
    (
        META,
        STREAM,
        CONCEPT,
        EXAMPLE,
        SPRITE,
        IMAGE,
        IMAGE_CONCEPT,
        PATCH_CODE,
        HISTOGRAM,
        POSITION,
        NEIGHBOR,
        CLASS,
        CLASS_CONCEPT,
        HEAD_CLASS,
        HEAD_CONCEPT,
        HEAD_CURVE,
        HEAD_IMAGE,
        HEAD_GROUP,
        BADGE,
        STREAM_CONCEPT,
        COFIRE,
        CROSS_R2,
    ),
    again="index its dictionary again (conceptoscope atlas SLUG)",
    oldest=OLDEST,
)


def as_markdown() -> str:
    """The schema as it stands in ``docs/atlas.md``."""
    return schema_as_markdown(SCHEMA)
