"""What people wrote about a concept: labels with votes and history, comments, lists."""

from pydantic import Field

from app.views.base import Links, Paging, View
from app.views.concepts import ConceptChip
from app.views.verdicts import VerdictView
from store.vocabulary import Source


class TextView(View):
    """A text that a label had."""

    revision: int
    text: str | None = Field(description="None where it was removed")
    author: str
    at: str = Field(description="RFC 3339, UTC")


class LabelView(View):
    """A label."""

    id: str
    dictionary: str = Field(description="digest of the dictionary, whose concept keeps the label in any atlas")
    concept: int
    text: str
    source: Source = Field(description="human, or import when a program made it")
    author: str = Field(description="who wrote the present text")
    created_at: str
    edited_at: str
    revision: int
    etag: str = Field(description="for If-Match")
    n_for: int = Field(description="votes for the present text, its author's among them")
    n_against: int
    is_shown: bool = Field(description="whether the concept is called so")
    is_removed: bool
    history: tuple[TextView, ...] = Field(description="every text, oldest first; the last is the present one")
    tested: VerdictView | None = Field(
        description="what blind tests of the present text come to; None before the first"
    )
    my_vote: int = Field(0, exclude=True, description="of whoever looks: 1, 0 or -1")
    api: str = Field(serialization_alias="self")
    form_url: str = Field("", exclude=True, description="where edit, vote and remove are sent")


class CommentView(View):
    """A comment."""

    id: str
    text: str
    author: str
    created_at: str
    api: str = Field(serialization_alias="self")
    remove_url: str = Field("", exclude=True, description="of one's own; empty for others'")


class OnList(View):
    """A list that has the concept."""

    id: str
    title: str
    note: str = Field(description="what the list says of the concept")
    links: Links


class ListChoice(View):
    """A list that the concept can be put on."""

    id: str
    title: str


class NotesView(View):
    """All that people wrote about a concept: ``concept/_notes.html``."""

    seed: str | None = Field(description="the label guessed from classes when the atlas was built")
    labels: tuple[LabelView, ...] = Field(description="best first")
    removed: tuple[LabelView, ...]
    comments: tuple[CommentView, ...] = Field(description="oldest first")
    lists: tuple[OnList, ...]
    form_url: str = Field(exclude=True, description="address that the forms' addresses begin with")
    tests_url: str = Field(exclude=True, description="where a blind test is begun")
    queue_url: str = Field(exclude=True, description="the label queue at this concept")
    choices: tuple[ListChoice, ...] = Field((), exclude=True, description="lists that do not have it yet")
    query: str = Field("", exclude=True, description="query string of the page that shows them")
    author: str = Field("", exclude=True, description="name that forms begin with")
    may_write: bool = Field(True, exclude=True)


class ClashField(View):
    """A field of a form with both texts."""

    name: str
    label: str
    mine: str
    theirs: str | None = Field(description="None where it is no more")
    one_line: bool


class ClashView(View):
    """An edit that came second, with both texts: ``annotation/clash.html``."""

    told: str = Field(description="what happened")
    fields: tuple[ClashField, ...]
    revision: int
    author: str
    form_url: str = Field(description="where what is decided is sent; empty when the thing is no more")
    label: str = Field("", description="id of the label, where the address of the form does not name it")
    anew_url: str = Field("", description="where mine can be sent as a label of its own")
    back_url: str


class ItemView(View):
    """A concept on a list."""

    position: int
    dictionary: str | None = Field(description="slug; None when this store does not show it")
    dictionary_title: str
    dictionary_digest: str
    index: int = Field(description="the concept's index in the dictionary")
    concept: ConceptChip | None = Field(description="None when this store does not show it")
    note: str
    author: str
    added_at: str
    revision: int
    etag: str = Field(description="for If-Match, when the note is to be written over")
    form_url: str = Field(exclude=True)


class ListBrief(View):
    """A list in little."""

    id: str
    title: str
    note: str
    author: str
    created_at: str
    edited_at: str
    revision: int
    etag: str = Field(description="for If-Match")
    n_concepts: int
    links: Links
    first: tuple[ConceptChip, ...] = Field(exclude=True, description="the first members")


class ListsView(View):
    """All lists: ``lists/page.html``."""

    lists: tuple[ListBrief, ...]
    paging: Paging
    author: str = Field(exclude=True)
    may_write: bool = Field(exclude=True)


class ListView(View):
    """One list: ``lists/list.html``."""

    card: ListBrief
    items: tuple[ItemView, ...]
    paging: Paging
    csv_url: str = Field(exclude=True)
    json_url: str = Field(exclude=True)
    author: str = Field(exclude=True)
    may_write: bool = Field(exclude=True)
