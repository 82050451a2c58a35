"""The closed lists of names that both programs, the atlas, the API and the pages share."""

from enum import StrEnum


class Kind(StrEnum):
    """Kinds of artifact."""

    COLLECTION = "collection"
    ACTIVATIONS = "activations"
    DICTIONARY = "dictionary"
    UNIVERSAL = "universal"
    ATLAS = "atlas"
    ALIGNMENT = "alignment"


class Band(StrEnum):
    """Where on a concept's own scale an example stands. Quantiles are over images in which the concept fires."""

    TOP = "top"
    Q99 = "q99"
    Q95 = "q95"
    Q75 = "q75"
    Q50 = "q50"
    RANDOM = "random"
    NEAR_MISS = "near_miss"


class Neighbors(StrEnum):
    """Ways in which two concepts of one dictionary can be near."""

    DECODER = "decoder"
    COACTIVATION = "coactivation"
    EXAMPLES = "examples"
    ANTIPODAL = "antipodal"


class Layout(StrEnum):
    """Ways in which the concepts of a dictionary are laid out on its map."""

    ATOMS = "atoms"  # by the direction of their atoms
    FIRING = "firing"  # by the patches on which they fire


class Access(StrEnum):
    """Who may visit the web program."""

    LOCAL = "local"  # whoever reaches it is trusted
    TOKENS = "tokens"  # only who has a token
    READ_ONLY_PUBLIC = "read-only-public"  # all may look, only who has a token may do more


class Scope(StrEnum):
    """What a token allows; ``admin`` allows everything."""

    READ = "read"
    ANNOTATE = "annotate"
    ANALYSE = "analyse"
    JOBS = "jobs"
    ADMIN = "admin"


class Badge(StrEnum):
    """Warnings about a concept, each backed by a row of evidence."""

    DEAD = "dead"
    DENSE = "dense"
    POSITION_ONLY = "position-only"
    DUPLICATE = "duplicate-of"


class Source(StrEnum):
    """Where a label comes from."""

    HUMAN = "human"  # a person wrote it
    IMPORT = "import"  # a program made it
    SEED = "seed"  # guessed from classes when the atlas was built


class Split(StrEnum):
    """Which images a dictionary learns from, and which only judge it."""

    TRAIN = "train"
    HELD_OUT = "held_out"


class Fit(StrEnum):
    """How a photo meets the model's input window."""

    CROP = "crop"  # cover the window enlarged by the model's own crop ratio, keep the centre
    COVER = "cover"  # cover the window exactly, keep the centre: the least that must be cut
    SQUASH = "squash"  # the whole photo, its proportions changed


class Tokens(StrEnum):
    """Which of a model's tokens a dictionary learns from."""

    PATCHES = "patches"
    CLASS = "class"
    REGISTERS = "registers"
    ALL = "all"


class JobKind(StrEnum):
    """Kinds of durable jobs."""

    INGEST = "ingest"
    EXTRACT = "extract"
    TRAIN = "train"
    UNIVERSAL = "universal"
    INDEX = "index"
    ALIGN = "align"
    PIPELINE = "pipeline"


class JobState(StrEnum):
    """Where a job stands; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the job will not change any more, unless it is tried again."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


class Queue(StrEnum):
    """Resources that jobs wait for; a worker without a GPU uses its CPU for both of the first two."""

    CPU = "cpu"
    GPU = "gpu"
    PIPELINES = "pipelines"


class WorkerState(StrEnum):
    """What is known of a worker; one that is lost or has stopped leaves its jobs to others."""

    ALIVE = "alive"
    STOPPED = "stopped"
    LOST = "lost"
