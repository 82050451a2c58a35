"""Blind tests of labels in the catalog: begun with photos that only the server can tell apart, judged once."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from store.annotations import ConceptKey, make_uid
from store.blind import N_ACTIVE, N_TILES
from store.catalog.annotation_revisions import note_writing
from store.catalog.labels import get_label
from store.catalog.runs import n_changed
from store.catalog.tables import Label, LabelTest
from store.errors import Conflict, InvalidInput, NotFound

OPEN_FOR: Final = timedelta(days=1)
"""So long a test that was begun can be answered."""


@dataclass(frozen=True)
class Drawn:
    """A photo of a test: an example of the concept in an atlas."""

    image: str
    band: str
    rank: int
    fires: bool


@dataclass(frozen=True)
class TestFacts:
    """A test as it stands. ``photos`` and ``chosen`` (numbers from 0) are empty where it was brought in."""

    __test__ = False
    uid: str
    label: str
    key: ConceptKey
    revision: int
    """The label's revision that is tested."""
    author: str
    started_at: datetime
    answered_at: datetime | None
    n_hits: int | None
    atlas: str
    photos: tuple[Drawn, ...]
    chosen: tuple[int, ...]

    @property
    def seconds(self) -> float | None:
        """From the sight of the photos to the choice."""
        return None if self.answered_at is None else (self.answered_at - self.started_at).total_seconds()


def begin_test(session: Session, label: str, photos: Sequence[Drawn], *, author: str, atlas: str) -> TestFacts:
    """Begin a test of a label as it is now; raises ``NotFound``, ``Conflict`` for a removed label."""
    assert len(photos) == N_TILES
    assert sum(photo.fires for photo in photos) == N_ACTIVE
    if get_label(session, label).is_removed:
        raise Conflict("The label was removed, so there is nothing to test. Test another label of the concept.")
    row = session.scalars(select(Label).where(Label.uid == label)).one()
    session.execute(
        delete(LabelTest).where(
            LabelTest.label_id == row.id,
            LabelTest.answered_at.is_(None),
            LabelTest.started_at < datetime.now(UTC) - OPEN_FOR,
        )
    )
    test = LabelTest(uid=make_uid(), label_id=row.id, revision=row.revision, author=author)
    test.drawn = {"atlas": atlas, "photos": [asdict(photo) for photo in photos], "chosen": []}
    session.add(test)
    session.flush()
    return get_test(session, test.uid)


def answer_test(session: Session, uid: str, chosen: Iterable[int]) -> TestFacts:
    """Judge a choice of photos, by their numbers from 0; a test is judged once.

    Raises ``InvalidInput`` for another number of photos than fires, ``Conflict`` when it was answered before.
    """
    numbers = check_choice(chosen)
    found = get_test(session, uid)
    note_writing(session, found.key.dictionary)
    hits = sum(found.photos[number].fires for number in numbers if number < len(found.photos))
    drawn = {"atlas": found.atlas, "photos": [asdict(photo) for photo in found.photos], "chosen": list(numbers)}
    written = session.execute(
        update(LabelTest)
        .where(LabelTest.uid == uid, LabelTest.answered_at.is_(None))
        .values(answered_at=datetime.now(UTC), n_hits=hits, drawn=drawn),
        execution_options={"synchronize_session": False},
    )
    if not n_changed(written):
        raise Conflict("This test was answered before; an answer counts once. Begin another one.")
    session.expire_all()
    return get_test(session, uid)


def check_choice(chosen: Iterable[int]) -> tuple[int, ...]:
    """Numbers of as many different photos as the concept fires on, from 0; raises ``InvalidInput``."""
    numbers = tuple(sorted(set(chosen)))
    if len(numbers) != N_ACTIVE or not all(0 <= number < N_TILES for number in numbers):
        raise InvalidInput(f"Choose {N_ACTIVE} of the {N_TILES} photos, not {len(numbers)}.")
    return numbers


def get_test(session: Session, uid: str) -> TestFacts:
    """A test, open or judged; raises ``NotFound``."""
    found = _facts(session, LabelTest.uid == uid)
    if not found:
        raise NotFound("blind test", uid, remedy="One that nobody answered ends after a day: begin another one.")
    return found[0]


def list_tests(session: Session, labels: Iterable[str]) -> dict[str, list[TestFacts]]:
    """The judged tests of labels, oldest first, by label; of earlier texts, too."""
    wanted: dict[str, list[TestFacts]] = {uid: [] for uid in labels}
    if wanted:
        for test in _facts(session, Label.uid.in_(wanted), LabelTest.answered_at.is_not(None)):
            wanted[test.label].append(test)
    return wanted


def hits_of(session: Session, dictionary: str) -> dict[str, list[int]]:
    """The hits of each test of the present text of each tested label of a dictionary."""
    return _hits(session, Label.dictionary == dictionary)


def hits_of_labels(session: Session, labels: Iterable[str]) -> dict[str, list[int]]:
    """The same of some labels; those that were never tested are left out."""
    return _hits(session, Label.uid.in_(list(labels)))


def _hits(session: Session, which: ColumnElement[bool]) -> dict[str, list[int]]:
    query = (
        select(Label.uid, LabelTest.n_hits)
        .join(LabelTest, LabelTest.label_id == Label.id)
        .where(which, LabelTest.revision == Label.revision, LabelTest.n_hits.is_not(None))
    )
    found: dict[str, list[int]] = {}
    for uid, hits in session.execute(query.order_by(LabelTest.id)):
        found.setdefault(uid, []).append(hits or 0)
    return found


def _facts(session: Session, *where: Any) -> list[TestFacts]:
    query = select(LabelTest, Label.uid, Label.dictionary, Label.concept).join(Label, LabelTest.label_id == Label.id)
    rows = session.execute(query.where(*where).order_by(LabelTest.started_at, LabelTest.id))
    return [_fact(test, label, ConceptKey(dictionary, concept)) for test, label, dictionary, concept in rows]


def _fact(row: LabelTest, label: str, key: ConceptKey) -> TestFacts:
    drawn = row.drawn or {"atlas": "", "photos": [], "chosen": []}
    return TestFacts(
        uid=row.uid,
        label=label,
        key=key,
        revision=row.revision,
        author=row.author,
        started_at=row.started_at,
        answered_at=row.answered_at,
        n_hits=row.n_hits,
        atlas=drawn["atlas"],
        photos=tuple(Drawn(**photo) for photo in drawn["photos"]),
        chosen=tuple(drawn["chosen"]),
    )
