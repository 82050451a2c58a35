"""Tables of the atlas about the streams of a universal dictionary; empty for a dictionary of one model."""

from store.duck import Column, Table

STREAM_CONCEPT = Table(
    "stream_concept",
    "concept in one stream of a universal dictionary: (concept, stream)",
    ("concept", "stream"),
    (
        Column("concept", "INTEGER", "index", "the concept"),
        Column("stream", "INTEGER", "index from 1", "the stream"),
        Column("density", "DOUBLE", "[0, 1]", "share of patches where its code is above zero"),
        Column("image_coverage", "DOUBLE", "[0, 1]", "share of images where its code is above zero on any patch"),
        Column("n_images", "INTEGER", "images", "images where its code is above zero"),
        Column("max", "DOUBLE", "common code", "its largest code in the collection"),
        Column("mean", "DOUBLE", "common code", "mean code over all patches, zeros included"),
        Column("mean_active", "DOUBLE", "common code", "mean code over the patches where it is above zero"),
        Column("energy", "DOUBLE", ">= 0", "|mean code x gain|^2 over the stream's variance: what it adds on average"),
        Column("gain", "DOUBLE", "activation", "length of what a code of 1 adds to the stream"),
        Column("length", "DOUBLE", "[0, 1]", "length of the stream's part of the joint atom, whose length is 1"),
        Column("n_firing", "BIGINT", "patches", "patches where it fires: its code is above the stream's threshold"),
        Column("firing_share", "DOUBLE", "[0, 1] or NULL", "n_firing over the sum of n_firing of all streams"),
        Column("co_fire", "DOUBLE", "[0, 1] or NULL", "share of n_firing at which it fires in every stream"),
        Column(
            "co_fire_chance",
            "DOUBLE",
            "[0, 1]",
            "null of co_fire: what is expected when every stream's patches are put in another order",
        ),
    ),
)

COFIRE = Table(
    "cofire",
    "concept in two streams of a universal dictionary: (concept, source, target)",
    ("concept", "source", "target"),
    (
        Column("concept", "INTEGER", "index", "the concept"),
        Column("source", "INTEGER", "index from 1", "one stream"),
        Column("target", "INTEGER", "index from 1", "another stream"),
        Column("n_source", "BIGINT", "patches", "patches where it fires in the source"),
        Column("n_both", "BIGINT", "patches", "patches where it fires in both"),
        Column("co_fire", "DOUBLE", "[0, 1] or NULL", "n_both / n_source"),
        Column(
            "co_fire_chance",
            "DOUBLE",
            "[0, 1]",
            "null of co_fire: what is expected when the target's patches are put in another order",
        ),
        Column("jaccard", "DOUBLE", "[0, 1] or NULL", "n_both over the patches where it fires in either"),
        Column("correlation", "DOUBLE", "[-1, 1] or NULL", "Pearson's, of common codes over all patches"),
        Column("image_correlation", "DOUBLE", "[-1, 1] or NULL", "Pearson's, of mean common codes over all images"),
        Column("image_correlation_held_out", "DOUBLE", "[-1, 1] or NULL", "the same over held-out images alone"),
    ),
)

CROSS_R2 = Table(
    "cross_r2",
    "pair of streams of a universal dictionary, on held-out images: (source, target)",
    ("source", "target"),
    (
        Column("source", "INTEGER", "index from 1", "stream whose codes are used"),
        Column("target", "INTEGER", "index from 1", "stream that is reconstructed"),
        Column("r2", "DOUBLE", "(-inf, 1]", "centred R2 of the target from the codes of the source"),
        Column("permuted", "DOUBLE", "(-inf, 1]", "null: the same with codes of another patch, drawn at random"),
        Column("ridge", "DOUBLE", "(-inf, 1]", "R2 of a linear map (ridge regression) from source to target"),
        Column(
            "independent",
            "DOUBLE",
            "(-inf, 1] or NULL",
            "R2 of a dictionary of this stream alone; NULL between streams, or when none was trained",
        ),
    ),
)
