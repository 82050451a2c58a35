"""The API's answers with their types. Written by `make views` from the OpenAPI document; do not edit by hand."""

from __future__ import annotations

from typing import Any

from conceptoscope.record import Record


class AccessView(Record):
    """Who asks, and what they may."""

    mode: str
    """local, tokens or read-only-public"""
    kind: str
    """local, token, browser or anonymous"""
    name: str | None
    """name of the token"""
    rights: tuple[Right, ...]
    """what they may"""
    expires_at: str | None
    """RFC 3339, UTC; null without an end"""


class ActiveConcept(Record):
    """A concept that is active on the photo."""

    rank: int
    """place in the chosen order, from 0"""
    concept: ConceptChip
    pooled: float
    """mean code over all patches"""
    peak: float
    """largest code"""
    share: float
    """peak / the concept's max in the collection, at most 1"""
    percentile: float
    """share of the collection's images whose peak is below, in [0, 1]"""
    surprise: float
    """-log2(1 - percentile) in bits, at most log2(n + 1)"""
    contribution: float | None
    """what it adds to the score of the predicted class, in logits"""
    row: int
    col: int


class AgainstView(Record):
    """Two classes beside each other."""

    output: int
    class_: str
    shared: float
    photos: tuple[ClassPhoto, ...]
    differences: tuple[Difference, ...]
    """the largest by size, from this class to the other"""
    pushes: tuple[Push, ...]
    """on photos of this class, from what pushes most to the other one"""
    n_pushes: int
    """concepts kept of both classes, of which this is known"""
    pushed: float
    """logits: sum over these of all that push to the other class"""
    held: float
    """logits: sum over these of all that hold back, at most 0"""
    links: Links


class AlignmentCard(Record):
    """An alignment in a list."""

    a: Side
    b: Side
    n_matched: int
    """pairs whose correlation chance rarely reaches"""
    correlation: float | None
    """mean over these pairs"""
    held_out: float | None
    """the same over held-out photos"""
    links: Links


class AlignmentView(Record):
    """The page of an alignment; of ``pairs``, ``fans`` and ``alone`` one is filled."""

    a: Side
    b: Side
    show: str
    """pairs, fans, a or b"""
    numbers: tuple[Number, ...]
    grid: tuple[int, int]
    """rows and columns of the shared grid"""
    n_images: int
    scores: Overlay
    importance: CellChart | None
    paging: Paging
    alone: tuple[ConceptCard, ...]
    fans: tuple[Fan, ...]
    pairs: tuple[Pair, ...]
    tabs: tuple[Choice, ...]
    """what can be shown, with counts"""


class AnalysesClassRow(Record):
    """A class with its probability, and what becomes of it."""

    index: int
    name: str
    probability: float
    other: float | None
    """through the dictionary, or after the edit"""
    spread: tuple[float, float] | None
    """least and most that a control gives"""


class AnalysesMadeView(Record):
    """A new analysis."""

    id: str
    expires_at: str
    links: AnalysisLinks


class AnalysesTerm(Record):
    """One step of the sum that makes a score."""

    kind: str
    """bias, concept, others, residual, gap or score"""
    label: str
    value: float
    concept: int | None


class AnalysisLinks(Record):
    """Addresses of an analysis."""

    html: str
    """address of the page"""
    self: str
    """address in the API"""
    photo: str
    """the kept copy of the photo, WebP"""
    edits: str
    """where edits are tried, by POST"""


class AnalysisView(Record):
    """An analysis: ``analysis/page.html``."""

    id: str
    created_at: str
    expires_at: str
    photo: PhotoView
    links: AnalysisLinks
    dictionaries: tuple[ExplainedView, ...]


class Answer(Record):
    """What of another dictionary answers to a concept of the first."""

    slug: str
    concept: ConceptChip | None
    """None where nothing answers, or they were never aligned"""
    aligned: bool
    correlation: float | None
    """of their codes over the tokens of the shared grid, in [-1, 1]"""
    held_out: float | None
    """the same over held-out images; known of pairs one-to-one only"""
    percentile: float | None
    """share of the null's best correlations not above, in [0, 1]"""
    mutual: bool
    """each is the other's best"""
    one_to_one: bool
    """they are partners in the one-to-one matching, above chance"""
    found: bool
    """chance rarely gives as much: it counts as a match"""


class Area(Record):
    """Size of the whole drawing and the inner rectangle that holds the data."""

    width: float
    height: float
    left: float
    top: float
    right: float
    bottom: float


class Axis(Record):
    """An axis; ``x`` ticks are x coordinates, ``y`` ticks y coordinates."""

    label: str
    """title with its unit"""
    ticks: tuple[PlotsTick, ...]
    log: bool


class BadgeView(Record):
    """A warning with its evidence."""

    badge: str
    definition: str
    value: float | None
    threshold: float | None
    reason: str
    other: int | None


class Bar(Record):
    """A bar with the interval and count that it stands for."""

    x: float
    y: float
    width: float
    height: float
    low: float
    high: float
    count: int
    url: str
    """grid filtered to this interval, when that makes sense"""


class BarChart(Record):
    """A histogram. ``bars`` is its table twin, too."""

    title: str
    description: str
    """one sentence with the main finding, for <desc>"""
    area: Area
    x: Axis
    y: Axis
    bars: tuple[Bar, ...]
    spans: tuple[Span, ...]


class BesideConcept(Record):
    """One of the concepts."""

    card: ConceptCard
    rank: int | None
    """place by importance among all concepts, from 1; None of a silent one"""
    examples: ExampleRow
    """its strongest images"""


class BesideNumber(Record):
    """A number of every concept, in their order."""

    number: Number
    """what it is; without a value"""
    values: tuple[float | None, ...]


class BesidePair(Record):
    """What joins two of them. A bound stands where the atlas lists nearer neighbours only."""

    a: int
    b: int
    cosine: float | None
    """of the atoms; None where the weights are not in this store"""
    coactivation: float | None
    """cosine of the codes over all patches, where they are neighbours"""
    coactivation_most: float | None
    """otherwise it is at most this"""
    examples: float | None
    """Jaccard index of the sets of strongest images, where neighbours"""
    examples_most: float | None
    """otherwise it is at most this"""
    n_both: int
    """images on which both are recorded: among an image's strongest concepts, or as an example"""
    n_either: int
    """images on which either is"""


class BesidePhoto(Record):
    """A photo with what is recorded of each concept on it."""

    image: str
    class_: str | None
    width: int
    height: int
    thumbnail: str
    alt: str
    sights: tuple[BesideSight, ...]


class BesideSight(Record):
    """One concept on one photo."""

    slug: str
    source: str
    """map: its whole map was kept; strongest: as far as it is among the strongest concepts of a place, where it is not
    it may still fire weakly; none: nothing was kept
    """
    value: float | None
    """largest code on the photo that was recorded; None when nothing was kept"""
    scale: float | None
    """code that the strongest heat stands for"""
    n_top: int | None
    """strongest concepts that were kept per place, where it comes from these"""
    iou: float | None
    """overlap of its heat with the first dictionary's: sum of minima over maxima"""
    seen: PixelBox
    concept: int


class BesideView(Record):
    """Up to four concepts side by side, or none yet: ``beside/page.html``."""

    dictionary: str
    dictionary_title: str
    concepts: tuple[BesideConcept, ...]
    numbers: tuple[BesideNumber, ...]
    pairs: tuple[BesidePair, ...]
    photos: tuple[BesidePhoto, ...]
    """photos on which most of them are recorded as firing"""
    suggestions: tuple[Suggestion, ...]
    """neighbours of the first, or important ones; empty when there is no room"""


class Cell(Record):
    """A cell of a two-dimensional histogram; ``level`` in (0, 1] is for opacity."""

    x: float
    y: float
    width: float
    height: float
    level: float
    count: int
    x_low: float
    x_high: float
    y_low: float
    y_high: float
    url: str


class CellChart(Record):
    """A two-dimensional histogram; empty cells are left out."""

    title: str
    description: str
    area: Area
    x: Axis
    y: Axis
    cells: tuple[Cell, ...]
    chosen: PixelBox | None
    """what is picked out of it"""
    x_range: tuple[float, float] | None
    """numbers at ``area.left`` and ``area.right``"""
    y_range: tuple[float, float] | None
    """numbers at ``area.bottom`` and ``area.top``"""


class Choice(Record):
    """One of several links of which at most one is current (sort orders, bands, dictionaries, page sizes)."""

    key: str
    label: str
    url: str
    current: bool
    n: int | None
    """how many things are behind it, when counted"""
    title: str
    """definition, for a tooltip or a second line"""


class ChosenView(Record):
    """The chosen concept: also ``analysis/_concept.html``."""

    concept: ConceptChip
    pooled: float
    """mean code over all patches"""
    peak: float
    percentile: float | None
    """share of the collection's images whose peak is below; None if silent"""
    contribution: float | None
    """to the score of the predicted class, in logits"""
    occlusion: OcclusionView | None
    """set by map=occlusion"""


class ClassCard(Record):
    """A class in the index: one that the model predicts, or a group of the collection."""

    of: str
    """predicted or collection"""
    output: int | None
    """place among the model's outputs; None of a group"""
    class_: str
    """the model's word, or the group's name"""
    n_images: int
    """images for which the model names it first, or that are in the group"""
    probability: float | None
    """its mean probability over them, like all that follows"""
    logit: float | None
    n_concepts: int
    """concepts that fire on any of them; of a group those that answer to it most"""
    n_main: int | None
    """fewest concepts that come to 80 % of the importance of all"""
    area: float | None
    """under deletion, most important first"""
    random: float | None
    """under deletion in random orders, in mean"""
    random_spread: float | None
    """standard deviation of that over orders"""
    least: float | None
    """under deletion, least important first"""
    of_random: float | None
    """area / random: small where the order is right, 1 by chance"""
    leader: ConceptChip | None
    """the concept that contributes most on most of them; None of a group"""
    leader_share: float | None
    """share of its images on which that one contributes most"""
    group: str | None
    """the collection's class of most of them; None of a group, or where unknown"""
    group_share: float | None
    """share of its images in that class"""
    accuracy: float | None
    """share of the collection's class of the same name that the model calls so; None where there is none"""
    photos: tuple[ClassPhoto, ...]
    concepts: tuple[ConceptChip, ...]
    """of a group the most important that answer to it"""
    links: Links


class ClassConcept(Record):
    """What a concept does for a predicted class."""

    rank: int
    """from 0, by contrast"""
    concept: ConceptChip
    importance: float
    """mean contribution to the class's logit over its images"""
    standard_error: float
    """of importance"""
    contrast: float
    """mean contribution to the logit less the mean logit of all classes"""
    contrast_error: float | None
    """standard error of contrast; None where importance is 0"""
    leading: int
    """images on which it contributes more than any other concept"""
    leading_share: float
    """leading / images of the class"""
    tiles: tuple[ClassTile, ...]
    """those of the class's photos on which its code is largest"""


class ClassConcepts(Record):
    """Concepts of a class, and its curves on demand."""

    concepts: tuple[ClassConcept, ...]
    curves: tuple[ClassCurve, ...] | None
    """set by ?include=curves"""


class ClassCurve(Record):
    """The class's mean probability while concepts are taken away or put back."""

    walk: str
    """deletion or insertion"""
    ordering: str
    """most, least or random"""
    label: str
    taken: tuple[int, ...]
    """concepts taken away, or put back, so far"""
    probability: tuple[float, ...]
    standard_error: tuple[float | None, ...]
    area: float
    """under the whole curve, over the share of concepts"""
    area_spread: float
    """standard deviation over drawn orders; 0 where nothing is drawn"""


class ClassMatrix(Record):
    """Contributions of concepts (rows) on photos (columns) to the class's logit."""

    concepts: tuple[ConceptChip, ...]
    photos: tuple[ClassPhoto, ...]
    """like ones beside each other: leaves of average linkage"""
    low: tuple[tuple[float, ...], ...]
    """logits: each contribution is not below, concept by concept"""
    high: tuple[tuple[float, ...], ...]
    """and not above; equal to low where it is known exactly"""
    middle: tuple[tuple[float, ...], ...]
    """half way between both: what a cell shows"""
    scale: float
    """logits of the deepest colour: the 0.98 quantile of sizes that are certain"""
    n_exact: int
    """contributions that are known exactly"""
    n_wide: int
    """those known less exactly than one step of colour, a sixth of the scale"""


class ClassParcels(Record):
    """Which of the class's concepts is strongest on each patch of its photos."""

    concepts: tuple[ConceptChip, ...]
    """those that speak most for the class"""
    shares: tuple[float, ...]
    """share of all patches on which each is strongest"""
    photos: tuple[ParcelledPhoto, ...]
    n_patches: int
    """of one photo"""
    n_top: int
    """codes that are kept of a patch"""


class ClassPhoto(Record):
    """A photo of a class."""

    image: ImageCard
    probability: float | None
    """of the predicted class on this photo; None in a group"""


class ClassTile(Record):
    """A photo of the class with a concept's activation map: the concept's evidence here."""

    image: str
    """public id"""
    class_: str | None
    """its class in the collection"""
    row: int
    col: int
    value: float
    """code at the peak patch"""
    rel: float
    """value / the concept's max, in [0, 1]"""
    width: int
    """thumbnail px"""
    height: int
    seen: PixelBox
    """what the model saw, in thumbnail px"""
    peak: PixelBox
    crop: PixelBox
    """a square around the peak, in thumbnail px"""
    links: Links
    thumbnail: str


class ClassView(Record):
    """A class that the model predicts: ``classes/page.html``."""

    dictionary: str
    dictionary_title: str
    card: ClassCard
    n_collection: int
    groups: tuple[Group, ...]
    """the collection's classes among its images, the largest first"""
    by: str
    """importance or contrast: what the concepts are ordered by, by size"""
    n_kept: int
    """concepts that the atlas keeps of the class, those of the largest contrast"""
    concepts: tuple[ClassConcept, ...]
    matrix: ClassMatrix | None
    """None where no photo of the class is kept"""
    parcels: ClassParcels | None
    confusions: tuple[ConfusedGroup, ...]
    """empty where the collection has no classes"""
    least_sure: tuple[ClassPhoto, ...]
    """kept photos of the smallest probability, that one first"""
    parts: tuple[Part, ...]
    """bias, concepts, others, residual, and the logit that they come to"""
    n_curve: int
    """images over which the curves go"""
    whole: float
    """mean probability on these as they are"""
    through: float
    """on their reconstructions, the error left out"""
    remainder: float
    """without any concept, the error kept"""
    curves: tuple[ClassCurve, ...]
    plots: tuple[LineChart, ...]
    """deletion, insertion"""
    near: tuple[NearClass, ...]
    """most alike first"""
    against: AgainstView | None
    """set by ?against="""


class CollectionView(Record):
    """A collection of images."""

    slug: str
    title: str
    n_images: int
    digest: str
    dictionaries: tuple[str, ...]
    """slugs of the dictionaries made on it"""
    links: dict[str, str]


class ColumnStatistics(Record):
    """How a numeric column is spread over a dictionary's concepts."""

    column: str
    label: str
    unit: str
    definition: str
    log: bool
    """whether the edges are log-spaced"""
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    n_null: int
    n_zero: int
    """values at or below 0 that have no place on log-spaced edges"""
    min: float | None
    max: float | None


class CommentView(Record):
    """A comment."""

    id: str
    text: str
    author: str
    created_at: str
    self: str


class CompareRow(Record):
    """A dictionary with all that was measured of it."""

    number: int
    """its number in the plots; does not change with the order"""
    slug: str
    title: str
    method: str
    n_concepts: int
    n_active: int | None
    """codes above 0 per token that it was trained for"""
    window: str
    """input of the model: height, width and fit"""
    tokens: str
    """tokens it was learned from"""
    numbers: dict[str, Value]
    """by the metric's key; what was not measured is absent"""
    links: Links


class CompareView(Record):
    """All dictionaries of a model, layer and collection."""

    model: str
    model_title: str
    layer: str
    collection: str
    collection_title: str
    sort: str
    """metric, method, n_concepts, n_active or title; minus: largest first"""
    columns: tuple[Number, ...]
    """definition of each number that any row has"""
    rows: tuple[CompareRow, ...]
    fronts: tuple[Front, ...]
    alike: bool
    """all learned from the same activations, so that their numbers can be compared"""
    broken: tuple[str, ...]
    """dictionaries whose atlas cannot be opened, with the reason"""


class ConceptCard(Record):
    """A concept with all its scalar columns, absent ones None; units and meaning in the glossary."""

    id: int
    """index in the dictionary"""
    name: str
    """label, or #id"""
    label: str | None
    """people's best label, or else the seed; None when there is none"""
    label_source: str | None
    """human, import (a program) or seed (guessed from classes)"""
    density: float | None
    importance: float | None
    max: float | None
    top_class: str | None
    links: ConceptLinks
    image_coverage: float | None
    n_images: int
    mean: float | None
    mean_active: float | None
    energy: float | None
    purity: float | None
    position_entropy: float | None
    spatial_size: float | None
    q50: float | None
    q75: float | None
    q95: float | None
    q99: float | None
    badges: tuple[str, ...]
    map_x: int | None
    map_y: int | None
    firing_x: int | None
    firing_y: int | None
    cluster: int | None
    firing_entropy: float | None
    firing_jaccard: float | None
    stream_correlation: float | None
    stream_correlation_held_out: float | None
    main_stream: str | None


class ConceptChip(Record):
    """A concept in little: for neighbours, strips, mosaics, lists."""

    id: int
    """index in the dictionary"""
    name: str
    """label, or #id"""
    label: str | None
    """people's best label, or else the seed; None when there is none"""
    label_source: str | None
    """human, import (a program) or seed (guessed from classes)"""
    density: float | None
    importance: float | None
    max: float | None
    top_class: str | None
    links: ConceptLinks


class ConceptClassRow(Record):
    """The concept's answer to one class."""

    class_: str
    n_images: int
    share: float | None
    lift: float | None
    coverage: float | None
    mean: float | None
    standard_error: float | None
    importance: float | None


class ConceptEffect(Record):
    """What the concept does for or against one predicted class."""

    output: int
    class_: str
    n_images: int
    importance: float
    standard_error: float
    contrast: float
    leading: int
    links: Links
    rank: int
    """place by contrast among the concepts kept of the class, from 1: most for it"""
    n_kept: int
    """concepts kept of the class"""
    photos: tuple[ClassPhoto, ...]
    """photos of which the model is surest"""


class ConceptEffects(Record):
    """What taking the concept away changes: the reconstruction, and the logits of predicted classes."""

    rank: int | None
    """place by importance among all concepts, from 1; None of a silent one"""
    n_concepts: int
    n_classes: int
    """predicted classes among whose kept concepts it is"""
    n_leading: int
    """of these the classes in which no concept has a larger contrast"""
    n_images_led: int
    """images on which it contributes more than any other concept"""
    supports: tuple[ConceptEffect, ...]
    """largest positive contrasts"""
    opposes: tuple[ConceptEffect, ...]
    """most negative contrasts"""
    missing: str
    """why no classes are told; empty where they are"""
    edit_image: str | None
    """public id of its strongest example, to try edits on"""


class ConceptLinks(Record):
    """A concept's addresses. ``sprite``, ``crop`` and their heats are None for a concept that never fires."""

    html: str
    """address of the page"""
    self: str
    """address in the API"""
    sprite: str | None
    """3 x 3 crops of its top examples, WebP, square"""
    sprite_heat: str | None
    """heat of the same crops, grey PNG, 255 = the concept's max"""
    crop: str | None
    """the crop of its first top example alone, WebP, 96 px square"""
    crop_heat: str | None
    """heat of that crop, grey PNG, 255 = the concept's max"""


class ConceptOutput(Record):
    """A predicted class for which a concept matters."""

    output: int
    class_: str
    n_images: int
    importance: float
    standard_error: float
    contrast: float
    leading: int
    links: Links


class ConceptStreams(Record):
    """A concept of a universal dictionary in each of its models, on the same photos."""

    dictionary: str
    concept: int
    band: str
    label: str
    definition: str
    rows: int
    """of the shared grid"""
    cols: int
    streams: tuple[StreamConcept, ...]
    pairs: tuple[StreamPair, ...]
    """ordered pairs of streams"""
    photos: tuple[StreamPhoto, ...]
    links: Links


class ConceptView(Record):
    """One concept: ``concept/page.html``."""

    dictionary: str
    card: ConceptCard
    numbers: tuple[Number, ...]
    """its scalar columns with definitions"""
    badges: tuple[BadgeView, ...]
    examples: ExampleRow
    """the band asked for, top by default"""
    near_miss: ExampleRow
    random: ExampleRow
    histograms: tuple[HistogramView, ...]
    """patch, image_max"""
    position: PositionView | None
    classes: tuple[ConceptClassRow, ...]
    outputs: tuple[ConceptOutput, ...]
    """predicted classes for which it matters, by size of contrast; empty where effects are not told"""
    sizes: SizesView | None
    """how large it is on photos, by band; None of a silent concept"""
    effects: ConceptEffects
    """what taking it away changes"""
    neighbors: tuple[NeighborList, ...]
    """four kinds, always four"""
    map: MiniMap
    """where it lies among all concepts; distance there is no similarity"""
    streams: ConceptStreams | None
    """in each model of a universal dictionary; None of an ordinary one"""
    elsewhere: tuple[Elsewhere, ...]
    """what answers to it in aligned dictionaries"""
    notes: NotesView
    """labels, comments, lists"""
    provenance: tuple[Fact, ...]


class ConfusedGroup(Record):
    """All that the model calls the photos of one group of the collection."""

    class_: str
    """the group"""
    n_images: int
    """its photos in the collection"""
    is_own: bool
    """whether group and class have the same name, so that calling it so is right"""
    recall: float
    """share of the group's photos that the model gives this class"""
    precision: float
    """share of the class's photos that are in the group"""
    called: tuple[ConfusedWith, ...]
    """most photos first; at most eight"""
    n_classes: int
    """predicted classes told of that have photos of the group"""
    n_more: int
    """photos in those that are not listed"""
    n_untold: int
    """photos that the model gives classes which the atlas does not tell of"""


class ConfusedWith(Record):
    """A predicted class among the photos of a group."""

    output: int
    class_: str
    n_images: int
    """photos of the group that the model calls so"""
    share: float
    """of the group's photos"""
    is_this: bool
    """whether it is the class of the page"""
    photo: ClassPhoto | None
    links: Links


class ControlRow(Record):
    """What the same edit does elsewhere."""

    kind: str
    label: str
    n_draws: int
    too_few: tuple[int, ...]
    size: float | None
    change: float | None
    """mean change of the predicted class's probability"""
    least: float | None
    most: float | None


class Corner(Record):
    """A corner and where its name goes."""

    label: str
    x: float
    y: float
    text_x: float
    text_y: float


class CrossR2(Record):
    """How much of one stream (``target``) the codes of another (``source``) reconstruct, on held-out images."""

    source: int
    target: int
    r2: float
    permuted: float
    """null: the same with codes of another patch, drawn at random"""
    ridge: float
    """R2 of a linear map from all of the source"""
    independent: float | None
    """R2 of a dictionary of this stream alone; None between streams"""
    reference: float | None
    """what it stands beside: independent within a stream, ridge between"""
    share: float | None
    """r2 over its reference"""


class DictionaryCard(Record):
    """A dictionary with its headline numbers."""

    slug: str
    title: str
    model: str
    """slug of the model"""
    model_title: str
    layer: str
    method: str
    collection: str
    """slug of the collection"""
    collection_title: str
    n_concepts: int
    grid: tuple[int, int]
    """rows and columns of patches"""
    digest: str
    """digest of the atlas"""
    numbers: tuple[Number, ...]
    """R2, L0, dead share: the headline"""
    links: Links


class DictionaryView(Record):
    """One dictionary: ``dictionary/page.html``."""

    card: DictionaryCard
    n_alive: int
    n_images: int
    """images in the collection"""
    numbers: tuple[Scored, ...]
    """every measured metric, headline ones first"""
    n_peers: int
    """other dictionaries of the same model, layer and collection"""
    spec: tuple[Fact, ...]
    """training settings"""
    provenance: tuple[Fact, ...]
    badges: tuple[Choice, ...]
    """warnings with counts; url is the filtered grid; title defines"""
    density: BarChart
    """concepts by density, log; bars link to the grid"""
    density_held_out: BarChart | None
    """the same over held-out tokens, when measured"""
    importance: LineChart
    """cumulative share of importance by rank"""
    importance_density: CellChart
    """2D histogram; cells link to the grid"""
    training: tuple[LineChart, ...]
    """one plot per quantity of the history"""


class Difference(Record):
    """A concept's contrast in two classes."""

    concept: ConceptChip
    here: float | None
    """contrast in this class; None where it is not among the kept ones"""
    there: float | None
    difference: float
    """here less there, absent ones counted as 0"""
    standard_error: float | None
    """of the difference; None where either is unknown"""
    speaks: str
    """for which it speaks, by contrasts above 0: both, here, there or neither"""


class EditKnob(Record):
    """One edited concept."""

    concept: ConceptChip
    operation: str
    amount: float | None
    patches: int | None
    """on how many patches; None means all"""
    text: str


class EditView(Record):
    """Edits and what they do: also ``analysis/_edit.html``."""

    text: str
    """the edits as addresses carry them"""
    knobs: tuple[EditKnob, ...]
    size: float | None
    """root mean square length by which patches were moved"""
    target: str
    before: float | None
    """probability of the predicted class"""
    after: float | None
    classes: tuple[AnalysesClassRow, ...]
    top_before: str
    top_after: str
    controls: tuple[ControlRow, ...]
    fault: str
    """why the edits could not be tried"""


class EffectsView(Record):
    """What concepts do to the prediction; ``score = bias + residual + concepts + gap``, in logits above the mean."""

    missing: str
    """why there are no effects; then all else is empty"""
    bias: float | None
    classes: tuple[AnalysesClassRow, ...]
    """the photo's prediction beside that of its reconstruction"""
    divergence: float | None
    """KL(photo || reconstruction) in nats"""
    gap: float | None
    method: str
    residual: float | None
    same_top: bool | None
    score: float | None
    target: str
    """the predicted class"""
    target_index: int | None
    terms: tuple[AnalysesTerm, ...]
    """the sum, largest concepts first, the rest of them as one"""


class Elsewhere(Record):
    """What answers to a concept in another dictionary: its partner, or only the one most like it."""

    slug: str
    title: str
    model_title: str
    layer: str
    status: str
    """matched, split, merge, unmatched or silent"""
    best: ConceptChip | None
    """the concept whose codes correlate most"""
    correlation: float | None
    percentile: float | None
    """share of the null's best correlations not above, in [0, 1]"""
    pair: Pair | None
    """its partner, with photos on which both fire"""
    links: Links


class EstimateView(Record):
    """What a job will take; None where it cannot be told beforehand."""

    seconds: float | None
    memory_bytes: float | None
    """of the worker, at its largest"""
    disk_bytes: float | None
    """of what it keeps"""
    steps: tuple[StepEstimateView, ...]


class ExampleLinks(Record):
    """An example's addresses."""

    html: str
    """the image's page at this concept and patch"""
    image: str
    """the image's page with this concept on all its patches"""
    thumbnail: str
    """the photo, WebP"""
    heat: str
    """the activation map as PNG in the API (.json and .npy beside it)"""


class ExampleRow(Record):
    """The examples of one band: ``concept/_examples.html`` takes it as ``row``."""

    dictionary: str
    concept: int
    band: str
    label: str
    definition: str
    rows: int
    """rows of the grid of patches"""
    cols: int
    tiles: tuple[ExampleTile, ...]


class ExampleTile(Record):
    """One example: a photo with the concept's activation map."""

    band: str
    rank: int
    image: str
    """public id of the image"""
    class_: str | None
    split: str
    row: int | None
    """row of the peak patch; None where the concept is silent"""
    col: int | None
    value: float
    """code at the peak patch; 0 where the concept is silent"""
    percentile: float | None
    """share of firing images whose peak is not above this one"""
    likeness: float | None
    """near_miss only: cosine to the mean top example"""
    heat_scale: float
    """code that 255 stands for: the example's own peak"""
    rel: float
    """heat_scale / the concept's max, in [0, 1]: multiplies the heat on a shared scale"""
    width: int
    """thumbnail px"""
    height: int
    """thumbnail px"""
    seen: PixelBox
    """what the model saw, in thumbnail px: where the heat picture goes"""
    peak: PixelBox | None
    """the peak patch, in thumbnail px; None where the concept is silent"""
    crop: PixelBox
    """a square around the peak, in thumbnail px: for a viewBox that zooms in"""
    links: ExampleLinks
    heat: tuple[tuple[int, ...], ...] | None
    """the map, uint8, row by row; with include=heat"""


class ExplainedView(Record):
    """The photo as one dictionary sees it."""

    dictionary: str
    title: str
    model: str
    layer: str
    rows: int
    cols: int
    seen: PixelBox
    """what the model saw, in px of the copy"""
    l0: float
    sights: tuple[ModelSight, ...]
    stream: int
    """which model of a universal dictionary sees it, from 1; 0 for all, or the only one"""
    sort: str
    concepts: tuple[ActiveConcept, ...]
    patch: PatchView | None
    """set by patch=row,col"""
    painted: PaintedView | None
    """set by painted="""
    tokens: tuple[TokenView, ...]
    """class tokens and registers, for a dictionary that reads them"""
    map: str
    """what the photo shows: segments, codes, contribution, total, occlusion, photo"""
    heat: HeatView | None
    """set by concept="""
    chosen: ChosenView | None
    """set by concept="""
    contributions: SignedMap | None
    """set by map=contribution (of the concept) and map=total (of all)"""
    patches: dict[str, Any]
    """rows, cols, n_top, concepts, max, index, values as on image pages; parts: contributions, -127 to 127, where 127
    is the concept's part_scale; total, total_scale, total_sum: of all concepts, by patch; at most 20 kB
    """
    effects: EffectsView
    nearest: tuple[NearestImage, ...]
    edit: EditView | None
    """set by edits="""


class Facets(Record):
    """Counts per value, each under the query's other conditions."""

    total: int
    class_: dict[str, int]
    cluster: dict[str, int]
    """by number; their names are in `GET .../map`"""
    badge: dict[str, int]
    label_source: dict[str, int]
    list: dict[str, int]
    """by the ids of lists"""
    main_stream: dict[str, int]
    """empty but for a universal dictionary"""
    ranges: dict[str, RangeFacet]
    """numeric columns"""


class Fact(Record):
    """A named setting or piece of provenance, as text."""

    label: str
    value: str


class FailureView(Record):
    """Why a job failed."""

    message: str
    type: str
    traceback: str


class Fan(Record):
    """A concept whose firing several of the other dictionary share between them."""

    side: str
    concept: ConceptChip
    coverage: float
    """share of its firing tokens on which one of the others fires"""
    others: tuple[ConceptChip, ...]
    shares: tuple[float, ...]
    """share of its firing tokens on which each of the others fires"""


class Front(Record):
    """The dictionaries that no other beats in two numbers at once."""

    x: str
    """metric"""
    x_better: str
    y: str
    """metric"""
    y_better: str
    dictionaries: tuple[str, ...]
    """slugs, by x"""


class Gathered(Record):
    """A concept of the first dictionary with what answers to it, and photos on which all of them are looked at."""

    concept: ConceptChip
    energy: float
    """its share of all squared codes of its dictionary on the shared grid"""
    weakest: float
    """smallest of the correlations below; 0 where nothing answers"""
    mean: float
    """their mean, with 0 where nothing answers"""
    n_found: int
    """in how many of the other dictionaries it has a match"""
    answers: tuple[Answer, ...]
    photos: tuple[Photo, ...]


class GlossaryView(Record):
    """Every number and word with its definition: ``glossary.html``."""

    sections: tuple[Section, ...]
    """by group, in the order in which they are shown"""


class Group(Record):
    """A class of the collection among the images of a predicted class."""

    class_: str
    n_images: int
    share: float
    """of the predicted class's images"""


class GroupView(Record):
    """What was found of one kind."""

    type: str
    label: str
    total: int
    hits: tuple[HitView, ...]


class HeatValues(Record):
    """An activation map as numbers."""

    rows: int
    cols: int
    scale: float
    """code that 255 stands for"""
    map: tuple[tuple[int, ...], ...]
    """uint8, row by row"""


class HeatView(Record):
    """The chosen concept's map on this image, as far as the stored strongest concepts per patch tell."""

    concept: ConceptChip
    scale: float
    """code that 255 stands for"""
    rel: float
    """scale / the concept's max"""
    map: tuple[tuple[int, ...], ...]
    """uint8, row by row"""


class HistogramView(Record):
    """Histogram of a concept's codes."""

    of: str
    """patch or image_max"""
    label: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    n_zero: int
    zero_share: float | None
    """share of patches or images in which it is silent"""


class HitView(Record):
    """Something that was found."""

    type: str
    """concept, dictionary, class, list, image"""
    title: str
    detail: str
    """what stands under the title"""
    reasons: tuple[Reason, ...]
    html: str
    self: str
    concept: ConceptChip | None
    dictionary: str | None
    """slug of the dictionary that it is of, or is seen by"""
    others: tuple[Choice, ...]
    """the same in other dictionaries"""
    thumbnail: str | None
    """picture of an image"""


class ImageCard(Record):
    """An evidence image."""

    id: str
    """16 hexadecimal digits"""
    class_: str | None
    split: str
    source: str
    """file name below the ingested folder"""
    width: int
    """px of the original"""
    height: int
    thumbnail_width: int
    thumbnail_height: int
    links: ImageLinks


class ImageConcept(Record):
    """A concept on this image; lists come strongest first."""

    rank: int
    concept: ConceptChip
    peak: float
    """largest code on the image"""
    pooled: float
    """mean code over the image's patches"""
    share: float
    """peak / the concept's max, in [0, 1]: length of the bar"""
    at_least: float
    """peak is at or above this quantile of the concept's firing images: 0 to 1"""
    percentile: float | None
    """share of all images whose peak is below, silent ones included"""
    given_low: float | None
    """logits: what it adds to the predicted class here is not below; None where the atlas does not tell"""
    given_high: float | None
    """and not above; equal to given_low where it is known exactly"""
    importance: float | None
    """logits: its mean contribution over all images of that class"""
    row: int
    col: int


class ImageLinks(Record):
    """An image's addresses."""

    html: str
    """address of the page"""
    self: str
    """address in the API"""
    thumbnail: str
    """the photo, WebP, never larger than the original"""


class ImagePrediction(Record):
    """What the model names first on this image, as far as the atlas keeps it."""

    output: int
    class_: str
    """the model's word"""
    probability: float
    """in [0, 1]"""
    logit: float
    rank: int
    """from 0, by probability, among the images kept of the class"""
    n_kept: int
    """images kept of the class"""
    links: Links


class ImageView(Record):
    """One image as one dictionary sees it: ``image/page.html``."""

    dictionary: str
    dictionary_title: str
    image: ImageCard
    seen: PixelBox
    """what the model saw, in thumbnail px"""
    rows: int
    cols: int
    prediction: ImagePrediction | None
    """None where the atlas keeps none of this image"""
    nearest: tuple[NearImage, ...]
    """most alike first, without the image itself"""
    concepts: tuple[ImageConcept, ...]
    patch: PatchView | None
    """set by ?patch=row,col"""
    heat: HeatView | None
    """set by ?concept="""
    patches: dict[str, Any]
    """for script, by |tojson: rows, cols, n_top, concepts [ids], names, urls, crops, heats, max, density (each by
    position in concepts), index [rows*cols*n_top positions in concepts, -1 = empty], values [the same length,
    codes, three significant digits]
    """


class ItemView(Record):
    """A concept on a list."""

    position: int
    dictionary: str | None
    """slug; None when this store does not show it"""
    dictionary_title: str
    dictionary_digest: str
    index: int
    """the concept's index in the dictionary"""
    concept: ConceptChip | None
    """None when this store does not show it"""
    note: str
    author: str
    added_at: str
    revision: int
    etag: str
    """for If-Match, when the note is to be written over"""


class JobBrief(Record):
    """A job as a row."""

    id: int
    kind: str
    title: str
    state: str
    """queued, running, succeeded, failed or cancelled"""
    stopping: bool
    """asked to stop, and not stopped yet"""
    attempt: int
    parent: int | None
    """the pipeline it belongs to"""
    done: int
    """units done of the step at hand"""
    total: int
    """units of the step at hand; 0 or 1 when there is nothing to count"""
    share: float | None
    """done / total, in [0, 1]"""
    note: str
    rate: float | None
    """units per second"""
    eta_s: float | None
    """seconds left of the step at hand"""
    worker: str | None
    created_by: str | None
    created_at: str
    """RFC 3339, UTC, like all times"""
    started_at: str | None
    finished_at: str | None
    ran_s: float | None
    """seconds since it started, or until it ended"""
    failure: str | None
    """what went wrong and what to do"""
    links: JobLinks


class JobLinks(Record):
    """A job's addresses."""

    html: str
    """address of the page"""
    self: str
    """address in the API"""
    events: str
    """server-sent events while it is not ended"""
    log: str
    cancel: str | None
    """POST stops it; None when it has ended"""
    retry: str | None
    """POST tries it again; None unless it failed or was cancelled"""


class JobView(Record):
    """A job with all that is known of it."""

    id: int
    kind: str
    title: str
    state: str
    """queued, running, succeeded, failed or cancelled"""
    stopping: bool
    """asked to stop, and not stopped yet"""
    attempt: int
    parent: int | None
    """the pipeline it belongs to"""
    done: int
    """units done of the step at hand"""
    total: int
    """units of the step at hand; 0 or 1 when there is nothing to count"""
    share: float | None
    """done / total, in [0, 1]"""
    note: str
    rate: float | None
    """units per second"""
    eta_s: float | None
    """seconds left of the step at hand"""
    worker: str | None
    created_by: str | None
    created_at: str
    """RFC 3339, UTC, like all times"""
    started_at: str | None
    finished_at: str | None
    ran_s: float | None
    """seconds since it started, or until it ended"""
    failure: str | None
    """what went wrong and what to do"""
    links: JobLinks
    queued_at: str
    waited_s: float | None
    """seconds from the queue to the start"""
    peak_bytes: int | None
    """most memory of its worker while it ran"""
    digest: str
    """equal for equal requests"""
    spec: dict[str, Any]
    steps: tuple[StepView, ...]
    made: tuple[JobsMadeView, ...]
    members: tuple[JobBrief, ...]
    """jobs of a pipeline, by place"""
    error: FailureView | None
    command: str | None
    """command line that asks for the same; None where options can't say it"""
    waiting_for: str | None
    """why it has not started, where a person can do something about it"""


class JobsMadeView(Record):
    """Something that a job made or found made already."""

    kind: str
    slug: str | None
    digest: str
    reused: bool
    """whether it was there before"""
    url: str | None
    """its page, if it has one"""


class LabelTestsView(Record):
    """All judged tests of a label, earlier texts' among them."""

    label: str
    text: str
    verdict: VerdictView | None
    """of the present text"""
    tests: tuple[TestView, ...]
    """oldest first, without photos"""


class LabelView(Record):
    """A label."""

    id: str
    dictionary: str
    """digest of the dictionary, whose concept keeps the label in any atlas"""
    concept: int
    text: str
    source: str
    """human, or import when a program made it"""
    author: str
    """who wrote the present text"""
    created_at: str
    edited_at: str
    revision: int
    etag: str
    """for If-Match"""
    n_for: int
    """votes for the present text, its author's among them"""
    n_against: int
    is_shown: bool
    """whether the concept is called so"""
    is_removed: bool
    history: tuple[TextView, ...]
    """every text, oldest first; the last is the present one"""
    tested: VerdictView | None
    """what blind tests of the present text come to; None before the first"""
    self: str


class Legend(Record):
    """What the colours of the map mean, and the filter of that column."""

    column: str
    label: str
    definition: str
    kind: str
    high: float | None
    """value of the highest colour and all above it; 99.5 % quantile"""
    log: bool
    low: float | None
    """value of the lowest colour and all below it; 0.5 % quantile"""
    n_more: int
    """values that are not listed"""
    range: RangeFilter | None
    """distribution over the dictionary, with the fields that limit it"""
    values: tuple[LegendValue, ...]


class LegendValue(Record):
    """A value of a word column; its address toggles the filter."""

    key: str
    label: str
    url: str
    current: bool
    hue: int | None
    """which of the map's ten colours; None = the colour of all others"""
    n: int | None
    """how many things are behind it, when counted"""
    title: str
    """definition, for a tooltip or a second line"""


class Line(Record):
    """A polyline; ``points`` is ready for <polyline points>, ``rows`` its values (x, y) for the table twin."""

    key: str
    label: str
    points: str
    rows: tuple[tuple[float, float], ...]
    last_x: float
    """where the line ends: a place for its label"""
    last_y: float


class LineChart(Record):
    """One or several curves over one x axis."""

    title: str
    description: str
    area: Area
    x: Axis
    y: Axis
    lines: tuple[Line, ...]


class Links(Record):
    """Where a thing lives: its page, its API address, its pictures."""

    html: str
    """address of the page"""
    self: str
    """address in the API"""


class ListBrief(Record):
    """A list in little."""

    id: str
    title: str
    note: str
    author: str
    created_at: str
    edited_at: str
    revision: int
    etag: str
    """for If-Match"""
    n_concepts: int
    links: Links


class ListView(Record):
    """One list: ``lists/list.html``."""

    card: ListBrief
    items: tuple[ItemView, ...]
    paging: Paging


class LogLine(Record):
    """A line of a job's log."""

    id: int
    at: str
    attempt: int
    level: str
    worker: str
    text: str


class LostTerm(Record):
    """A concept's contribution beside what is lost without it."""

    concept: int
    name: str
    contribution: float | None
    lost: float


class MapChoice(Record):
    """A selection of concepts: ``map/_chosen.html``."""

    dictionary: str
    n: int
    ids: tuple[int, ...]
    """the most important ones, at most 300"""
    first: tuple[ConceptChip, ...]
    told: str
    """how many, and which part of them goes on where not all can"""


class MapCluster(Record):
    """A cluster, and what it is called for which reason."""

    cluster: int
    name: str
    evidence: str
    """what the name comes from, in words"""
    n: int
    """concepts"""
    x: float
    """median of its concepts, map units"""
    y: float
    hue: int
    """which of the map's ten colours"""


class MapLinks(Record):
    """Addresses of the map's data and pictures; they hold the digest of the atlas and never change."""

    points: str
    """x, y, cluster, crops and importance of all concepts, see docs/map.md"""
    light: str
    """PNG, 1000 x 700"""
    dark: str


class MapList(Record):
    """Concepts in view, or hits of a search anywhere on the map: the first of them."""

    summary: str
    total: int
    first: tuple[ConceptChip, ...]


class MapMark(Record):
    """A concept marked on the small map."""

    id: int
    name: str
    kind: str
    """self, or the first kind of neighbour that it is"""


class MapPoints(Record):
    """Every concept, in the order of their indices; ``value`` is the column that colours, None where absent."""

    x: tuple[int | None, ...]
    """0 to 65535; None for a concept without a place in this layout"""
    y: tuple[int | None, ...]
    """0 to 65535, downwards"""
    cluster: tuple[int | None, ...]
    value: tuple[float | str | None, ...]
    """what colours the map"""


class MapView(Record):
    """The map: ``map/page.html``, and ``GET .../map`` in the API."""

    dictionary: str
    dictionary_title: str
    n_concepts: int
    layout: str
    """what makes concepts lie together: atoms, or firing"""
    layouts: tuple[Choice, ...]
    """layouts that the atlas has; key is the parameter's value"""
    n_placed: int
    """concepts that have a place in this layout"""
    n_matching: int
    """concepts that meet the filter"""
    summary: str
    width: int
    """of the picture, px"""
    height: int
    x: float
    """centre of what is in view, map units"""
    y: float
    zoom: float
    """1 = all of it"""
    colour: str
    """column that colours"""
    size: str
    """column that sizes; empty for none"""
    clusters: tuple[MapCluster, ...]
    points: MapPoints | None
    """None where not asked for"""
    legend: Legend
    in_view: MapList
    chosen: MapChoice | None
    links: MapLinks


class Meeting(Record):
    """Two of the dictionaries: how their scores lie, or that they were never aligned."""

    a: str
    """slug"""
    b: str
    """slug"""
    aligned: bool
    comparable: bool
    """whether they know the same photos, so that they could be aligned"""
    n_matched: int | None
    """pairs whose correlation chance rarely reaches"""
    n_concepts: int
    """concepts of the smaller one: the most pairs there could be"""
    held_out: float | None
    """mean correlation of these pairs on held-out photos"""
    scores: Overlay | None
    links: Links | None


class MemberOutput(Record):
    """One of the dictionaries."""

    slug: str
    title: str
    label: str
    """what it is called where there is little room: its model, if that is enough"""
    model_title: str
    layer: str
    n_concepts: int
    links: Links


class MiniMap(Record):
    """All concepts as dots, this one and its neighbours marked."""

    n: int
    marks: tuple[MapMark, ...]


class ModelShelf(Record):
    """A model with its dictionaries."""

    slug: str
    title: str
    facts: tuple[Fact, ...]
    dictionaries: tuple[DictionaryCard, ...]


class ModelSight(Record):
    """How one model sees the photo, and whether the dictionary is at home on it."""

    model: str
    layer: str
    r2: float | None
    """share of the patches' spread that the dictionary explains on this photo"""
    r2_usual: float | None
    """the same on the collection's held-out images"""
    l0: float
    """active concepts per patch"""
    predicted: tuple[AnalysesClassRow, ...]
    """the model's own prediction; empty without a head"""


class NearClass(Record):
    """A class for which the same concepts speak."""

    output: int
    class_: str
    n_images: int
    shared: float
    """sum of the smaller over sum of the larger positive contrasts, in [0, 1]"""
    photo: ClassPhoto | None
    links: Links


class NearImage(Record):
    """An image on which the same concepts fire."""

    image: ImageCard
    likeness: float
    """cosine of square roots of mean codes, in (0, 1]"""


class NearestImage(Record):
    """An image of the collection with concepts like the photo's."""

    image: ImageCard
    likeness: float
    """in (0, 1]; 1 is the same"""


class Neighbor(Record):
    """A near concept with how near it is."""

    rank: int
    value: float
    concept: ConceptChip


class NeighborList(Record):
    """Neighbours of one kind, nearest first."""

    kind: str
    label: str
    definition: str
    neighbors: tuple[Neighbor, ...]


class NotesView(Record):
    """All that people wrote about a concept: ``concept/_notes.html``."""

    seed: str | None
    """the label guessed from classes when the atlas was built"""
    labels: tuple[LabelView, ...]
    """best first"""
    removed: tuple[LabelView, ...]
    comments: tuple[CommentView, ...]
    """oldest first"""
    lists: tuple[OnList, ...]


class NullValue(Record):
    """What the same number is where nothing was learned."""

    label: str
    value: float
    definition: str


class Number(Record):
    """A number that is never shown without its definition."""

    key: str
    label: str
    value: float | None
    better: str
    """higher, lower, or empty when neither is better"""
    definition: str
    null: float | None
    """the same number where nothing was learned, when measured"""
    null_label: str
    """what the null is, in words"""
    range: str
    unit: str


class OcclusionView(Record):
    """What the score of the predicted class really loses when a concept is taken away, in logits above the mean."""

    concept: int
    target: str
    """the predicted class"""
    method: str
    """how contributions were found: exact, integrated"""
    contribution: float | None
    lost: float | None
    """y(photo) - y(photo less the concept)"""
    map: SignedMap | None
    """the same with the concept taken from each patch by itself"""
    no_map: str
    """why there is no map"""
    terms: tuple[LostTerm, ...]
    """it and the largest contributions"""


class OnList(Record):
    """A list that has the concept."""

    id: str
    title: str
    note: str
    """what the list says of the concept"""
    links: Links


class Overlay(Record):
    """Two histograms over the same bins, each as shares of its own total: what was found, and what chance gives."""

    title: str
    description: str
    area: Area
    x: Axis
    y: Axis
    bars: tuple[Bar, ...]
    null: tuple[Bar, ...]
    label: str
    null_label: str


class Paging(Record):
    """Where a page stands in its collection."""

    limit: int
    total: int
    first: int
    """position of the first thing shown, from 1; 0 when there is none"""
    last: int
    """position of the last thing shown"""
    next: str | None
    """cursor of the next page"""
    prev: str | None
    """cursor of the previous page"""


class PaintedView(Record):
    """What fires on several patches together: values are sums of codes."""

    patches: str
    """numbers from 0, row by row, as edits write them"""
    n: int
    concepts: tuple[PatchConcept, ...]


class Pair(Record):
    """A concept of each dictionary, matched."""

    rank: int
    a: ConceptChip
    b: ConceptChip
    correlation: float
    """of their codes over the tokens of the shared grid, in [-1, 1]"""
    held_out: float | None
    """the same over held-out images"""
    percentile: float
    """share of the null's scores below it, in [0, 1]"""
    mutual: bool
    """each is the other's best"""
    jaccard: float
    cosine: float | None
    """of the atoms, where both read the same space"""
    overlap: float
    """Jaccard index of their top images"""
    cofire_a: float
    """share of a's tokens on which b fires, too"""
    cofire_b: float
    iou: float | None
    """mean overlap of heats over the shared photos"""
    shared: tuple[SharedTile, ...]


class ParcelledPhoto(Record):
    """A photo divided among the class's concepts."""

    photo: ClassPhoto
    seen: PixelBox
    regions: tuple[PhotoRegion, ...]
    """by the concepts' order"""
    n_none: int
    """patches on which none of them is among the strongest codes"""


class Part(Record):
    """A part of the mean logit."""

    kind: str
    """bias, concept, others, residual or logit"""
    label: str
    value: float
    """logit"""
    start: float
    """sum of the parts before"""
    concept: int | None


class PartView(Record):
    """One thing that the program stands on."""

    state: str
    """missing: serving goes on without it"""
    found: str
    """what a look at it gave"""
    n: int | None
    """how many: dictionaries of the catalog, static files, living workers"""
    remedy: str
    """what to do about it; empty when all is well"""


class PatchConcept(Record):
    """A concept that fires on one patch."""

    concept: ConceptChip
    value: float
    share: float
    """value / the concept's max, in [0, 1]"""


class PatchView(Record):
    """What fires on the chosen patch."""

    row: int
    col: int
    box: PixelBox
    concepts: tuple[PatchConcept, ...]


class Photo(Record):
    """A photo with what each dictionary recorded on it, in their order."""

    image: str
    class_: str | None
    width: int
    height: int
    thumbnail: str
    alt: str
    sights: tuple[Sight, ...]


class PhotoRegion(Record):
    """The patches of a photo on which one of the concepts is the strongest."""

    place: int
    """of the concept among those that are coloured, from 1"""
    concept: int
    n_patches: int


class PhotoView(Record):
    """What was explained."""

    width: int
    """px of the kept copy"""
    height: int
    image: str | None
    """id of the collection's image; None for a visitor's photo"""


class PixelBox(Record):
    """A rectangle in pixels of the picture it lies on: ready for SVG attributes."""

    x: float
    y: float
    width: float
    height: float


class PlotsTick(Record):
    """A tick: its place along the axis in user units, and its text."""

    at: float
    label: str


class PolygonChart(Record):
    """Things placed by their shares of three or more: a share of 1 is a corner, equal shares the middle."""

    title: str
    description: str
    area: Area
    corners: tuple[Corner, ...]
    outline: str
    """points of the polygon"""
    points: tuple[PolygonPoint, ...]


class PolygonPoint(Record):
    """A thing between the corners of a polygon, by its shares."""

    key: str
    label: str
    x: float
    y: float
    radius: float
    shares: tuple[float, ...]
    url: str


class PositionView(Record):
    """Mean activation map over the collection."""

    rows: int
    cols: int
    scale: float
    """code that 255 stands for"""
    map: tuple[tuple[int, ...], ...]
    """uint8, row by row"""
    url: str
    """grey PNG, one pixel per patch"""


class Push(Record):
    """What a concept does to the logit of another class less that of this one, on the photos of this one."""

    concept: ConceptChip
    value: float
    """logits, mean over the photos: above 0 it pushes to the other class"""
    standard_error: float
    """of that mean"""


class QueueView(Record):
    """A concept that wants a name, with its evidence: ``queue/page.html``."""

    dictionary: str
    order: str
    """importance, random or review"""
    seed: int | None
    """of the random order"""
    n_labelled: int
    """living concepts that somebody named"""
    n_alive: int
    """living concepts"""
    n_left: int
    """concepts that this order still asks for"""
    n_done: int
    """named on this walk"""
    coming: tuple[int, ...]
    """the next concepts of this order, the present one first, up to 24"""
    card: ConceptCard | None
    """the present concept; None when nothing is left"""
    seed_label: str | None
    """a name guessed from classes when the atlas was built"""
    labels: tuple[LabelView, ...]
    """what it is called so far, best first"""
    why: str
    """why this order asks for it"""
    classes: tuple[ConceptClassRow, ...]
    """the classes that it answers to most, up to 5"""
    examples: ExampleRow | None
    """where it fires most"""
    near_miss: ExampleRow | None
    """what looks alike and leaves it silent"""


class RangeFacet(Record):
    """A numeric column in bins, counted under the query's other conditions. ``edges[i]`` and ``edges[j + 1]`` as
    bounds (``gte``, ``lte``) keep exactly what bins ``i`` to ``j`` count.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    totals: tuple[int, ...]
    """the same in the whole dictionary"""


class RangeFilter(Record):
    """A numeric column: how it is spread over the whole dictionary and under all other filters, and its two fields.
    ``edges [n + 1]``, ``totals [n]``, ``counts [n]``; an edge is a number that no value lies on, so a range of
    bins, taken as bounds, keeps exactly what it counts.
    """

    key: str
    label: str
    unit: str
    definition: str
    log: bool
    min: float | None
    """smallest value in the dictionary"""
    max: float | None
    edges: tuple[float, ...]
    totals: tuple[int, ...]
    """concepts per bin in the whole dictionary"""
    counts: tuple[int, ...]
    """concepts per bin that all other filters keep"""
    n_outside: int
    """concepts without a value, or with 0 on a logarithmic axis"""
    low_name: str
    """name of the lower field, for example density__gte"""
    high_name: str
    """name of the upper field, for example density__lte"""
    low: str
    """what the lower field holds; empty when unset"""
    high: str
    is_set: bool
    is_open: bool
    """whether it is unfolded before anybody touches it"""
    says: str
    """the drawing in a sentence"""


class Rank(Record):
    """Where a number stands among the dictionaries of the same model, layer and collection."""

    place: int
    """1 + the number of dictionaries whose value is strictly better: 1 = best"""
    of: int
    """how many dictionaries have the number, this one among them"""
    tied: int
    """how many others have exactly this value"""


class ReadinessView(Record):
    """Ready when no part has failed; workers and encoder are told, and pages do without them."""

    status: str
    version: str
    n_dictionaries: int | None
    parts: dict[str, PartView]


class Reason(Record):
    """Why something was found: a text, and where in it the words stand."""

    field: str
    """which text it is: label, class, comment by ann, ..."""
    text: str
    """the text, of a long one the part around the first word"""
    marks: tuple[tuple[int, int], ...]
    """half-open intervals of characters"""


class Right(Record):
    """Something that a token can allow."""

    scope: str
    meaning: str


class Scored(Record):
    """A measured number with its group and its rank."""

    key: str
    label: str
    value: float | None
    group: str
    """key of its group"""
    better: str
    """higher, lower, or empty when neither is better"""
    definition: str
    null: float | None
    """the same number where nothing was learned, when measured"""
    null_label: str
    """what the null is, in words"""
    nulls: tuple[NullValue, ...]
    """all its nulls; ``null`` is the first"""
    range: str
    rank: Rank | None
    """absent where neither is better, or no other dictionary has it"""
    unit: str


class SearchView(Record):
    """What a search found: ``search/page.html``."""

    q: str
    groups: tuple[GroupView, ...]
    left_out: tuple[str, ...]
    """dictionaries that cannot be opened, with the reason"""
    type: str
    """the kind that was asked for; empty for all"""
    dictionary: str
    """the dictionary that was asked for; empty for all"""
    total: int


class Section(Record):
    """Terms of one kind."""

    key: str
    group: str
    """what the section is about: a dictionary, a concept, ..."""
    title: str
    said: str
    """what its terms are about, in a sentence"""
    terms: tuple[TermsTerm, ...]


class ServiceView(Record):
    """The root of the API; the twin of the home page."""

    version: str
    n_models: int
    n_dictionaries: int
    n_concepts: int
    n_images: int
    models: tuple[ModelShelf, ...]
    broken: tuple[str, ...]
    links: dict[str, str]
    limits: dict[str, int]


class SharedTile(Record):
    """A photo on which both concepts of a pair fire, with both heats. Boxes are in pixels of the thumbnail."""

    image: str
    class_: str | None
    width: int
    height: int
    thumbnail: str
    """address of the photo's thumbnail"""
    alt: str
    value_a: float
    value_b: float
    scale_a: float
    scale_b: float
    iou: float | None
    """overlap of the two heats: sum of minima over sum of maxima, in [0, 1]"""
    seen_a: PixelBox
    seen_b: PixelBox


class Side(Record):
    """One of the two dictionaries."""

    key: str
    """a or b"""
    slug: str
    title: str
    model_title: str
    layer: str
    n_concepts: int
    n_matched: int
    """concepts with a partner whose score chance rarely reaches"""
    links: Links


class Sight(Record):
    """What a dictionary recorded of its concept on a photo. The box is in pixels of the thumbnail."""

    slug: str
    source: str
    """map: its whole map was kept; strongest: as far as it is among the strongest concepts of a place, where it is not
    it may still fire weakly; none: nothing was kept
    """
    value: float | None
    """largest code on the photo that was recorded; None when nothing was kept"""
    scale: float | None
    """code that the strongest heat stands for"""
    n_top: int | None
    """strongest concepts that were kept per place, where it comes from these"""
    iou: float | None
    """overlap of its heat with the first dictionary's: sum of minima over maxima"""
    seen: PixelBox


class SignedMap(Record):
    """What each patch adds to the score of the predicted class (below 0: takes from it), in logits."""

    concept: int | None
    """None for all concepts together"""
    total: float
    """sum over all patches"""
    scale: float
    """size of the largest value"""
    map: tuple[tuple[float, ...], ...]
    """logits, row by row"""


class SizeStrip(Record):
    """Shares of patches on which the concept fires, over the recorded examples of one band."""

    band: str
    label: str
    n: int
    lowest: float
    median: float
    highest: float
    shares: tuple[float, ...]
    """in (0, 1], in the order of the examples"""


class SizesView(Record):
    """Spatial sizes by band, from the maps that the atlas keeps of its examples. A share counts the patches of a map
    that are above 0 in 255 steps of its own peak.
    """

    n_patches: int
    """patches of the grid"""
    mean: float | None
    """the column spatial_size: the mean over all images in which it fires"""
    strips: tuple[SizeStrip, ...]


class Span(Record):
    """A shaded interval along x, over the whole height of the data rectangle (a band of a concept)."""

    key: str
    label: str
    x: float
    width: float
    low: float
    high: float


class StepEstimateView(Record):
    """A part of a job, and how long it will take."""

    name: str
    key: str
    """the part with its model or method, by which earlier ones are alike"""
    seconds: float | None
    basis: str
    """earlier, typical or unknown"""
    n_earlier: int
    """earlier steps that it was learned from"""


class StepView(Record):
    """A part of a run."""

    attempt: int
    name: str
    started_at: str
    finished_at: str | None
    seconds: float | None


class StreamCard(Record):
    """A model read at a layer."""

    stream: int
    """its number in the atlas, from 1; 0 where the dictionary reads one model alone"""
    name: str
    """model:layer"""
    model: str
    model_title: str
    layer: str
    width: int
    """dimensions of an activation"""
    independent: str | None
    """slug of a dictionary of this model and layer alone, when the store shows one"""


class StreamConcept(Record):
    """A concept in one stream."""

    stream: StreamCard
    firing_share: float | None
    density: float
    n_images: int
    energy: float
    length: float
    max: float
    mean_active: float
    co_fire: float | None
    co_fire_chance: float


class StreamGroup(Record):
    """Concepts that fire in these streams and hardly in any other."""

    streams: tuple[int, ...]
    """numbers of the streams"""
    title: str
    n: int
    """concepts of the group"""
    concepts: tuple[ConceptChip, ...]
    """some of them: on whose photos the streams agree most"""


class StreamPair(Record):
    """A concept in two streams."""

    source: int
    target: int
    co_fire: float | None
    co_fire_chance: float
    jaccard: float | None
    correlation: float | None
    image_correlation: float | None
    image_correlation_held_out: float | None


class StreamPhoto(Record):
    """A photo with the concept's map in every stream. Boxes are in pixels of the thumbnail."""

    image: str
    class_: str | None
    split: str
    width: int
    height: int
    thumbnail: str
    """address of the photo's thumbnail"""
    overlap: float | None
    """sum over patches of the least of all streams' codes over the largest"""
    tiles: tuple[StreamTile, ...]
    """by stream"""


class StreamTile(Record):
    """A photo as one stream sees it."""

    stream: int
    value: float
    """largest common code on the photo; 0 where it is silent"""
    row: int | None
    col: int | None


class StreamsView(Record):
    """What the models of a dictionary share; of an ordinary dictionary its one stream and nothing else."""

    dictionary: str
    streams: tuple[StreamCard, ...]
    cross_r2: tuple[CrossR2, ...]
    """by source and target; empty with one stream"""
    numbers: tuple[Number, ...]
    """means over streams, pairs and concepts, on held-out images"""
    n_concepts: int
    n_alive: int
    n_agreed: int
    """concepts of all streams whose correlation over held-out images is 0.5 or more"""
    groups: tuple[StreamGroup, ...]
    """each concept that fires is in one: of the streams in which it fires half of an equal share or more"""
    entropy: BarChart | None
    """concepts by how evenly they fire in all streams"""
    polygon: PolygonChart | None
    """concepts by their shares of the streams"""


class Suggestion(Record):
    """A concept that could be set beside them."""

    kind: str
    """decoder, coactivation or antipodal; importance where there is none yet"""
    label: str
    value: float
    concept: ConceptChip


class TermsTerm(Record):
    """A number without a value, with what its definition leaves open; ``key`` is its anchor."""

    key: str
    label: str
    value: float | None
    better: str
    """higher, lower, or empty when neither is better"""
    definition: str
    formula: str
    """in short; empty for words"""
    misleads: str
    """when it says something else than it seems to"""
    null: float | None
    """the same number where nothing was learned, when measured"""
    null_label: str
    """what the null is, in words"""
    null_of: str
    """key of the metric whose null it is"""
    range: str
    reads: str
    """how to read it"""
    unit: str


class TestPhoto(Record):
    """A photo of a test. Whether the concept fires on it is told after the choice only."""

    number: int
    """its place, from 1"""
    picture: str
    """the photo, WebP; the address tells nothing of it"""
    width: int
    """px"""
    height: int
    """px"""
    seen: PixelBox
    """what the model saw, in px"""
    fires: bool | None
    """None before the choice"""
    chosen: bool | None
    """None before the choice"""
    image: str | None
    """public id of the photo; None before the choice"""
    band: str | None
    """the band of examples that it was drawn from; None before the choice"""


class TestView(Record):
    """One blind test, open or judged: ``queue/test.html``."""

    id: str
    state: str
    label: str
    """id of the label"""
    text: str
    """the text that is tested"""
    revision: int
    """the label's revision that is tested"""
    author: str
    """who took the test"""
    started_at: str
    """RFC 3339, UTC"""
    answered_at: str | None
    seconds: float | None
    """from the sight of the photos to the choice"""
    n_active: int
    """photos on which the concept fires: as many are to be chosen"""
    n_hits: int | None
    """chosen photos on which it fires; None before the choice"""
    photos: tuple[TestPhoto, ...]
    """empty where the test came from another store"""
    self: str


class TestedLabel(Record):
    """A concept's shown label with what its tests come to."""

    label: str
    """id of the label"""
    text: str
    author: str
    concept: ConceptChip
    verdict: VerdictView | None


class TestsView(Record):
    """The labels of a dictionary and their tests: ``queue/tests.html``."""

    dictionary: str
    n_labelled: int
    """living concepts that somebody named"""
    n_tested: int
    """of those, whose shown label was tested"""
    next: str | None
    """label that is to be tested next: least tested, then most important"""
    labels: tuple[TestedLabel, ...]
    """worst first by the lower end of the interval, untested last"""


class TextView(Record):
    """A text that a label had."""

    revision: int
    text: str | None
    """None where it was removed"""
    author: str
    at: str
    """RFC 3339, UTC"""


class TogetherView(Record):
    """The page of three or four dictionaries side by side."""

    members: tuple[MemberOutput, ...]
    meetings: tuple[Meeting, ...]
    n_aligned: int
    """others that the first is aligned with: over these it is sorted and counted"""
    counts: dict[str, int]
    """concepts by where they are found, under the other filters"""
    rows: tuple[Gathered, ...]
    paging: Paging


class TokenView(Record):
    """A class or register token, which belongs to no place of the photo, with what fires on it."""

    name: str
    concepts: tuple[PatchConcept, ...]


class Value(Record):
    """One number of one dictionary."""

    value: float
    null: float | None
    """the same number where nothing was learned, when measured"""
    best: bool
    """no other dictionary here has a better one, and some have a worse one"""
    rank: Rank | None


class VerdictView(Record):
    """What blind tests of one text come to."""

    n_tests: int
    n_hits: int
    """chosen photos on which the concept fires, over all tests"""
    n_choices: int
    """photos chosen, 4 per test"""
    accuracy: float
    """hits over choices, [0, 1]"""
    low: float
    """lower end of Wilson's 95 % interval"""
    high: float
    """its upper end"""
    chance: float
    """accuracy of guessing: 0.5"""
    p_value: float
    """how often guessing gives as many hits or more; exact, hypergeometric"""


class WorkerView(Record):
    """A worker process."""

    name: str
    state: str
    """alive, silent (no sign of life for a while), stopped or lost"""
    host: str
    pid: int
    device: str
    queues: tuple[str, ...]
    started_at: str
    seen_at: str
    jobs: tuple[int, ...]
    """numbers of the jobs it runs"""


ANSWERS: dict[str, Any] = {
    "/api/v1": ServiceView,
    "/api/v1/access": AccessView,
    "/api/v1/alignments": tuple[AlignmentCard, ...],
    "/api/v1/alignments/{a}/{b}": AlignmentView,
    "/api/v1/alignments/{a}/{b}/{rest}": TogetherView,
    "/api/v1/analyses/{public_id}": AnalysisView,
    "/api/v1/analyses/{public_id}/occlusion": OcclusionView,
    "/api/v1/compare": CompareView,
    "/api/v1/datasets": tuple[CollectionView, ...],
    "/api/v1/datasets/{dataset}": CollectionView,
    "/api/v1/dictionaries": tuple[DictionaryCard, ...],
    "/api/v1/dictionaries/{slug}": DictionaryView,
    "/api/v1/dictionaries/{slug}/classes": tuple[ClassCard, ...],
    "/api/v1/dictionaries/{slug}/classes/{output}": ClassView,
    "/api/v1/dictionaries/{slug}/classes/{output}/concepts": ClassConcepts,
    "/api/v1/dictionaries/{slug}/compare": BesideView,
    "/api/v1/dictionaries/{slug}/concepts": tuple[ConceptCard, ...],
    "/api/v1/dictionaries/{slug}/concepts/{index}": ConceptView,
    "/api/v1/dictionaries/{slug}/concepts/{index}/classes": tuple[ConceptClassRow, ...],
    "/api/v1/dictionaries/{slug}/concepts/{index}/comments": tuple[CommentView, ...],
    "/api/v1/dictionaries/{slug}/concepts/{index}/examples": ExampleRow,
    "/api/v1/dictionaries/{slug}/concepts/{index}/histogram": HistogramView,
    "/api/v1/dictionaries/{slug}/concepts/{index}/labels": tuple[LabelView, ...],
    "/api/v1/dictionaries/{slug}/concepts/{index}/neighbors": tuple[NeighborList, ...],
    "/api/v1/dictionaries/{slug}/concepts/{index}/position": PositionView,
    "/api/v1/dictionaries/{slug}/concepts/{index}/streams": ConceptStreams,
    "/api/v1/dictionaries/{slug}/cross_r2": tuple[CrossR2, ...],
    "/api/v1/dictionaries/{slug}/facets": Facets,
    "/api/v1/dictionaries/{slug}/images": tuple[ImageCard, ...],
    "/api/v1/dictionaries/{slug}/map": MapView,
    "/api/v1/dictionaries/{slug}/queue": QueueView,
    "/api/v1/dictionaries/{slug}/statistics": tuple[ColumnStatistics, ...],
    "/api/v1/dictionaries/{slug}/streams": StreamsView,
    "/api/v1/dictionaries/{slug}/tests": TestsView,
    "/api/v1/glossary": GlossaryView,
    "/api/v1/images/{image}": ImageView,
    "/api/v1/jobs": tuple[JobBrief, ...],
    "/api/v1/jobs/{job_id}": JobView,
    "/api/v1/jobs/{job_id}/log": tuple[LogLine, ...],
    "/api/v1/labels/{uid}": LabelView,
    "/api/v1/labels/{uid}/tests": LabelTestsView,
    "/api/v1/lists": tuple[ListBrief, ...],
    "/api/v1/lists/{uid}": ListView,
    "/api/v1/models": tuple[ModelShelf, ...],
    "/api/v1/models/{model}": ModelShelf,
    "/api/v1/search": SearchView,
    "/api/v1/tests/{uid}": TestView,
    "/api/v1/workers": tuple[WorkerView, ...],
}
"""The type of ``data`` at each address."""
TABLES: tuple[str, ...] = (
    "/api/v1/alignments",
    "/api/v1/alignments/{a}/{b}",
    "/api/v1/datasets",
    "/api/v1/dictionaries",
    "/api/v1/dictionaries/{slug}/classes",
    "/api/v1/dictionaries/{slug}/concepts",
    "/api/v1/dictionaries/{slug}/concepts/{index}/classes",
    "/api/v1/dictionaries/{slug}/concepts/{index}/examples",
    "/api/v1/dictionaries/{slug}/concepts/{index}/neighbors",
    "/api/v1/dictionaries/{slug}/cross_r2",
    "/api/v1/dictionaries/{slug}/images",
    "/api/v1/jobs",
    "/api/v1/jobs/{job_id}/log",
    "/api/v1/models",
)
"""Addresses that also give tables (``format=``)."""
PAGES: dict[str, int] = {
    "/api/v1/alignments/{a}/{b}": 60,
    "/api/v1/alignments/{a}/{b}/{rest}": 24,
    "/api/v1/dictionaries/{slug}/classes": 200,
    "/api/v1/dictionaries/{slug}/classes/{output}/concepts": 200,
    "/api/v1/dictionaries/{slug}/concepts": 200,
    "/api/v1/dictionaries/{slug}/images": 200,
    "/api/v1/jobs": 200,
    "/api/v1/lists": 200,
    "/api/v1/lists/{uid}": 200,
    "/api/v1/search": 200,
}
"""Addresses of lists that are cut into pages: most rows of one."""
