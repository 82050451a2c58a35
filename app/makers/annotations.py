"""What people wrote about a concept, as pages and API show it."""

from collections.abc import Sequence
from urllib.parse import urlencode

from app import urls
from app.annotating import etag_of, key_of, why_no_notes
from app.makers.label_tests import make_verdict
from app.makers.times import moment
from app.site import Opened, Site
from app.views.annotations import CommentView, LabelView, ListChoice, NotesView, OnList, TextView
from app.views.base import Links
from store.annotations import ConceptKey, LabelFacts, find_best
from store.catalog.comments import list_comments
from store.catalog.label_tests import hits_of_labels
from store.catalog.labels import find_votes, get_label, list_labels, list_texts
from store.catalog.session import Session
from store.catalog.tables import Comment, LabelText


def make_notes(
    site: Site, opened: Opened, concept: int, *, author: str = "", query: Sequence[tuple[str, str]] = ()
) -> NotesView:
    """Everything about one concept; ``author`` is who looks, whose votes and comments are told apart on the page."""
    form_url = urls.concept(opened.entry.slug, concept)
    labels: tuple[LabelView, ...] = ()
    comments: tuple[CommentView, ...] = ()
    if opened.overlay.revision:
        with site.catalog.session() as session:
            labels = _labels(session, key_of(opened, concept), author=author, form_url=form_url)
            rows = list_comments(session, opened.overlay.dictionary, concept)
            comments = tuple(make_comment(row, author=author, form_url=form_url) for row in rows)
    on, off = _on_lists(site, key_of(opened, concept))
    return NotesView(
        seed=opened.atlas.columns["label_seed"][concept] or None,
        labels=tuple(label for label in labels if not label.is_removed),
        removed=tuple(label for label in labels if label.is_removed),
        comments=comments,
        lists=on,
        form_url=form_url,
        tests_url=urls.label_tests(opened.entry.slug),
        queue_url=urls.queue(opened.entry.slug, {"concept": str(concept)}),
        choices=off,
        query=urlencode(query),
        author=author,
        may_write=not why_no_notes(site),
    )


def make_label(session: Session, uid: str) -> LabelView:
    """One label as it stands; raises ``NotFound``."""
    label = get_label(session, uid)
    best = find_best(list_labels(session, label.key))
    texts = list_texts(session, [uid])[uid]
    hits = hits_of_labels(session, [uid])
    return _label(label, texts, is_shown=best is not None and best.uid == uid, hits=hits.get(uid, ()))


def make_comment(row: Comment, *, author: str = "", form_url: str = "") -> CommentView:
    """A comment, which its author may remove."""
    mine = bool(form_url) and row.author == author
    return CommentView(
        id=row.uid,
        text=row.text,
        author=row.author,
        created_at=moment(row.created_at) or "",
        api=urls.api_comments(row.uid),
        remove_url=f"{form_url}/comments/{row.uid}/remove" if mine else "",
    )


def _labels(session: Session, key: ConceptKey, *, author: str, form_url: str) -> tuple[LabelView, ...]:
    """All labels of a concept, the one that is shown first, then by votes."""
    labels = list_labels(session, key, removed=True)
    best, uids = find_best(labels), [label.uid for label in labels]
    texts, votes = list_texts(session, uids), find_votes(session, uids, author=author)
    hits = hits_of_labels(session, uids)
    views = [
        _label(
            label,
            texts[label.uid],
            is_shown=best is not None and label.uid == best.uid,
            my_vote=votes.get(label.uid, 0),
            form_url=f"{form_url}/labels/{label.uid}",
            hits=hits.get(label.uid, ()),
        )
        for label in labels
    ]
    return tuple(sorted(views, key=lambda view: (not view.is_shown, view.n_against - view.n_for)))


def _label(
    label: LabelFacts,
    texts: Sequence[LabelText],
    *,
    is_shown: bool,
    my_vote: int = 0,
    form_url: str = "",
    hits: Sequence[int] = (),
) -> LabelView:
    return LabelView(
        id=label.uid,
        dictionary=label.key.dictionary,
        concept=label.key.concept,
        text=label.text,
        source=label.source,
        author=label.author,
        created_at=moment(label.created_at) or "",
        edited_at=moment(label.edited_at) or "",
        revision=label.revision,
        etag=etag_of(label.revision),
        n_for=label.n_for,
        n_against=label.n_against,
        is_shown=is_shown,
        is_removed=label.is_removed,
        history=tuple(
            TextView(revision=row.revision, text=row.text, author=row.author, at=moment(row.at) or "") for row in texts
        ),
        tested=make_verdict(hits),
        my_vote=my_vote,
        api=urls.api_labels(label.uid),
        form_url=form_url,
    )


def _on_lists(site: Site, key: ConceptKey) -> tuple[tuple[OnList, ...], tuple[ListChoice, ...]]:
    """The lists that have a concept, and those that have not."""
    on, off = [], []
    for row in site.overlays.lists():
        member = next((m for m in row.members if (m.dictionary, m.concept) == (key.dictionary, key.concept)), None)
        if member is None:
            off.append(ListChoice(id=row.uid, title=row.title))
        else:
            links = Links(html=urls.lists(row.uid), api=urls.api_lists(row.uid))
            on.append(OnList(id=row.uid, title=row.title, note=member.note, links=links))
    return tuple(on), tuple(off)
