"""The atlas file's public, versioned schema. ``docs/atlas.md`` repeats it and a test holds the two together."""

from store.duck import Column, Schema, Table
from store.duck import as_markdown as schema_as_markdown

FILE = "atlas.duckdb"
VERSION = 1

META = Table(
    "meta",
    "fact about the atlas",
    ("key",),
    (
        Column("key", "VARCHAR", "name", "collection, dictionary, spec, atlas_spec, extraction, metrics, history"),
        Column("value", "JSON", "JSON", "the fact"),
    ),
)

STREAM = Table(
    "stream",
    "model and layer that the dictionary reads (one, unless it is universal)",
    ("stream",),
    (
        Column("stream", "INTEGER", "index from 0", "position of the stream"),
        Column("model", "VARCHAR", "name", "registry name of the model"),
        Column("layer", "VARCHAR", "name", "layer at which it is read"),
        Column("width", "INTEGER", "dimensions", "width of an activation"),
        Column("grid_rows", "INTEGER", "patches", "rows of the grid"),
        Column("grid_cols", "INTEGER", "patches", "columns of the grid"),
        Column("n_class", "INTEGER", "tokens", "class tokens, kept apart from patches"),
        Column("n_register", "INTEGER", "tokens", "register tokens, kept apart from patches"),
        Column("height_px", "INTEGER", "px", "height of the input window"),
        Column("width_px", "INTEGER", "px", "width of the input window"),
        Column("fit", "VARCHAR", "crop, cover, squash", "how a photo meets the window"),
        Column("crop_ratio", "DOUBLE", "(0, 1]", "kept share of the covering window when fit is crop"),
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
        Column("map_x", "USMALLINT", "0 to 65535", "place on the two-dimensional map"),
        Column("map_y", "USMALLINT", "0 to 65535", "place on the two-dimensional map"),
        Column("cluster", "INTEGER", "index", "cluster of atoms by direction"),
        Column("label_seed", "VARCHAR", "text or NULL", "first guess at a label, from classes only"),
    ),
)

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
        Column("percentile", "DOUBLE", "[0, 1]", "share of firing images whose peak is not above this one"),
        Column("likeness", "DOUBLE", "[-1, 1] or NULL", "near_miss only: cosine of mean activations to firing images"),
        Column("heat", "BLOB", "uint8 [rows x cols]", "activation map, row by row, 255 = heat_scale"),
        Column("heat_scale", "DOUBLE", "code", "code that 255 stands for: the example's own peak"),
    ),
)

SPRITE = Table(
    "sprite",
    "3 x 3 picture of a concept's first nine examples: (concept, stream, band)",
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
    "histogram of a concept: (concept, of)",
    ("concept", "of"),
    (
        Column("concept", "INTEGER", "index", "the concept"),
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
            "importance", "DOUBLE", "logit or NULL", "mean contribution to the class's logit, where the head is exact"
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
        BADGE,
    ),
)


def as_markdown() -> str:
    """The schema as it stands in ``docs/atlas.md``."""
    return schema_as_markdown(SCHEMA)
