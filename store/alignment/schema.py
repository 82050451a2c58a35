"""The alignment file's public, versioned schema. ``docs/alignment.md`` repeats it and a test holds the two together."""

from store.duck import Column, Schema, Table
from store.duck import as_markdown as schema_as_markdown

FILE = "alignment.duckdb"
VERSION = 1

_SIDE = Column("side", "VARCHAR", "a, b", "the side whose concept it is; a is the dictionary of the smaller digest")

META = Table(
    "meta",
    "fact about the alignment",
    ("key",),
    (
        Column("key", "VARCHAR", "name", "a, b, collection, grid, n_images, n_tokens, spec, null, summary"),
        Column("value", "JSON", "JSON", "the fact"),
    ),
)

CONCEPT = Table(
    "concept",
    "concept of either side",
    ("side", "concept"),
    (
        _SIDE,
        Column("concept", "INTEGER", "index from 0", "index of the concept in its dictionary"),
        Column("density", "DOUBLE", "[0, 1]", "share of tokens of the shared grid where it fires"),
        Column("n_images", "INTEGER", "images", "images in which it fires"),
        Column("energy", "DOUBLE", "[0, 1]", "its share of all squared codes of its dictionary on the shared grid"),
        Column("best", "INTEGER", "index or NULL", "concept of the other side with the highest correlation"),
        Column("best_correlation", "DOUBLE", "[-1, 1] or NULL", "that correlation"),
        Column("best_percentile", "DOUBLE", "[0, 1] or NULL", "share of the null's best correlations not above it"),
        Column("matched", "INTEGER", "index or NULL", "its partner one-to-one, where the pair is above the null"),
        Column("is_mutual", "BOOLEAN", "true, false", "whether it and its best are each other's best"),
        Column(
            "status",
            "VARCHAR",
            "matched, split, merge, unmatched, silent",
            "matched: has a partner; split: several of the other side fire in its place; merge: one of those several; "
            "silent: never fires on the images learned from",
        ),
    ),
)

_SIMILARITIES = (
    Column("correlation", "DOUBLE", "[-1, 1]", "correlation of the codes over tokens of the images learned from"),
    Column("jaccard", "DOUBLE", "[0, 1]", "tokens where both fire over tokens where either does, all images"),
    Column("cosine", "DOUBLE", "[-1, 1] or NULL", "cosine of the atoms; NULL unless both read one layer of one model"),
    Column("overlap", "DOUBLE", "[0, 1]", "Jaccard index of the two sets of 20 strongest images"),
)

PAIR = Table(
    "pair",
    "pair of the one-to-one matching with the largest total correlation",
    ("rank",),
    (
        Column("rank", "INTEGER", "from 0", "order by correlation, highest first"),
        Column("a", "INTEGER", "index", "concept of side a"),
        Column("b", "INTEGER", "index", "concept of side b"),
        *_SIMILARITIES,
        Column("held_out", "DOUBLE", "[-1, 1] or NULL", "the same correlation over held-out images, which judge it"),
        Column("a_share", "DOUBLE", "[0, 1]", "share of the tokens where a fires on which b fires, too"),
        Column("b_share", "DOUBLE", "[0, 1]", "share of the tokens where b fires on which a fires, too"),
        Column("percentile", "DOUBLE", "[0, 1]", "share of the null's best correlations not above; the lower side's"),
        Column("is_mutual", "BOOLEAN", "true, false", "whether each is the other's best"),
        Column("is_matched", "BOOLEAN", "true, false", "whether the percentile reaches the spec's level"),
    ),
)

CANDIDATE = Table(
    "candidate",
    "concept of the other side that is like a concept: (side, concept, rank)",
    ("side", "concept", "rank"),
    (
        _SIDE,
        Column("concept", "INTEGER", "index", "the concept"),
        Column("rank", "INTEGER", "0 to 9", "order by correlation, highest first"),
        Column("other", "INTEGER", "index", "concept of the other side"),
        *_SIMILARITIES,
    ),
)

FAN = Table(
    "fan",
    "part of a concept that is split: (side, concept, other)",
    ("side", "concept", "other"),
    (
        _SIDE,
        Column("concept", "INTEGER", "index", "the concept in whose place several fire"),
        Column("other", "INTEGER", "index", "one of those, a concept of the other side"),
        Column("share", "DOUBLE", "[0.1, 1]", "share of the tokens where the concept fires on which this one does"),
        Column("inside", "DOUBLE", "[0.5, 1]", "share of the tokens where this one fires on which the concept does"),
        Column("correlation", "DOUBLE", "[-1, 1]", "as in pair"),
        Column("covered", "DOUBLE", "[0.75, 1]", "sum of the shares, at most 1: no more of the concept is covered"),
    ),
)

HISTOGRAM = Table(
    "histogram",
    "histogram of correlations",
    ("of",),
    (
        Column(
            "of",
            "VARCHAR",
            "matched, best_a, best_b, null, null_a, null_b",
            "matched: pairs one-to-one; best: each concept's best; null: the same with images permuted, both sides",
        ),
        Column("edges", "DOUBLE[]", "correlation", "n + 1 evenly spaced edges from -1 to 1, the same for all"),
        Column("counts", "BIGINT[]", "count", "n counts between the edges"),
    ),
)

SHARED_EXAMPLE = Table(
    "shared_example",
    "image on which both concepts of a pair fire strongly: (a, b, rank)",
    ("a", "b", "rank"),
    (
        Column("a", "INTEGER", "index", "concept of side a"),
        Column("b", "INTEGER", "index", "concept of side b"),
        Column(
            "rank", "INTEGER", "0 to 3", "order by the weaker of both peaks, each relative to its concept's largest"
        ),
        Column("image", "INTEGER", "index", "the image"),
        Column("value_a", "DOUBLE", "code", "largest code of a on the image"),
        Column("value_b", "DOUBLE", "code", "largest code of b on the image"),
        Column("heat_a", "BLOB", "uint8 [rows x cols]", "map of a on its own grid, row by row, 255 = scale_a"),
        Column("scale_a", "DOUBLE", "code", "code that 255 stands for in heat_a"),
        Column("heat_b", "BLOB", "uint8 [rows x cols]", "map of b on its own grid, row by row, 255 = scale_b"),
        Column("scale_b", "DOUBLE", "code", "code that 255 stands for in heat_b"),
    ),
)

IMAGE = Table(
    "image",
    "image used as evidence",
    ("image",),
    (
        Column("image", "INTEGER", "index from 0", "index in the collection"),
        Column("id", "VARCHAR", "16 hexadecimal digits", "public name of the image"),
        Column("width", "INTEGER", "px", "width after EXIF orientation"),
        Column("height", "INTEGER", "px", "height after EXIF orientation"),
        Column("class", "VARCHAR", "name or NULL", "its class"),
        Column("split", "VARCHAR", "train, held_out", "whether dictionaries learned from it"),
        Column("thumbnail", "BLOB", "WebP", "thumbnail, never larger than the photo"),
        Column("thumbnail_width", "INTEGER", "px", "width of the thumbnail"),
        Column("thumbnail_height", "INTEGER", "px", "height of the thumbnail"),
    ),
)

SCHEMA = Schema("alignment", VERSION, (META, CONCEPT, PAIR, CANDIDATE, FAN, HISTOGRAM, SHARED_EXAMPLE, IMAGE))


def as_markdown() -> str:
    """The schema as it stands in ``docs/alignment.md``."""
    return schema_as_markdown(SCHEMA)
