"""How a page's data is fetched by programs: a command line, and lines for the Python client that run as they stand."""

import json
import keyword
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote

from app import urls
from app.access.who import who_asks

TOKEN: Final = "CONCEPTOSCOPE_TOKEN"  # noqa: S105 - the name of a variable
Named = Mapping[str, str]


@dataclass(frozen=True)
class Address:
    """An address of the API: what its path names, in order, and its query."""

    parts: tuple[str, ...]
    query: tuple[tuple[str, str], ...]

    def given(self, *first: str) -> str:
        """Arguments of a call: those that come first, and the query by name."""
        return ", ".join((*first, *_named(self.query)))


Lines = Callable[[Address], tuple[str, ...]]


def _quoted(text: str) -> str:
    """A text as Python has it, in the quotes of our documents; what JSON escapes Python reads alike."""
    return json.dumps(text, ensure_ascii=False)


def _dictionary(slug: str) -> str:
    return f"d = c.dictionary({_quoted(slug)})"


def _of_dictionary(method: str) -> Lines:
    """Something that a dictionary has."""
    return lambda at: (_dictionary(at.parts[0]), f"data = d.{method}({at.given()})")


def _rows_of(method: str) -> Lines:
    """A list that a dictionary has: the rows that are shown, and those of all further pages."""
    return lambda at: (_dictionary(at.parts[0]), f"rows = d.{method}({at.given()})", *_WALK)


def _call(method: str) -> Lines:
    """Something that the server has, by what the path names."""
    return lambda at: (f"data = c.{method}({at.given(*map(_quoted, at.parts))})",)


def _rows(method: str) -> Lines:
    return lambda at: (f"rows = c.{method}({at.given()})", *_WALK)


def _concept(at: Address) -> tuple[str, ...]:
    slug, index = at.parts
    return (_dictionary(slug), f"data = d[{index}].detail({at.given()})")


def _class(at: Address) -> tuple[str, ...]:
    slug, output = at.parts
    return (_dictionary(slug), f"data = d.predicted({at.given(output)})")


def _search(at: Address) -> tuple[str, ...]:
    words = dict(at.query).get("q", "")
    rest = Address((), tuple(pair for pair in at.query if pair[0] != "q"))
    return (f"data = c.search({rest.given(_quoted(words))})",)


def _list(at: Address) -> tuple[str, ...]:
    return (f"rows = c.concept_list({_quoted(at.parts[0])}).items({at.given()})", *_WALK)


def _analysis(at: Address) -> tuple[str, ...]:
    return (f"data = c.analysis({_quoted(at.parts[0])}).detail({at.given()})",)


def _job(at: Address) -> tuple[str, ...]:
    return (f"data = c.job({at.parts[0]})",)


_WALK: Final = ("for row in rows:  # from here to the last, page by page", "    print(row)")
_SLUG: Final = "([^/]+)"
_NUMBER: Final = "([0-9]{1,9})"
_KNOWN: Final[tuple[tuple[str, Lines], ...]] = (
    ("", _call("service")),
    ("/glossary", _call("glossary")),
    ("/access", _call("access")),
    ("/search", _search),
    ("/compare", _call("compare")),
    ("/lists", _rows("lists")),
    (f"/lists/{_SLUG}", _list),
    ("/jobs", _rows("jobs")),
    (f"/jobs/{_NUMBER}", _job),
    ("/alignments", _call("alignments")),
    (f"/alignments/{_SLUG}/{_SLUG}", _call("alignment")),
    (f"/alignments/{_SLUG}/{_SLUG}/{_SLUG}", _call("together")),
    (f"/alignments/{_SLUG}/{_SLUG}/{_SLUG}/{_SLUG}", _call("together")),
    (f"/images/{_SLUG}", _call("image")),
    (f"/analyses/{_SLUG}", _analysis),
    (f"/dictionaries/{_SLUG}", _of_dictionary("detail")),
    (f"/dictionaries/{_SLUG}/facets", _of_dictionary("facets")),
    (f"/dictionaries/{_SLUG}/streams", _of_dictionary("streams")),
    (f"/dictionaries/{_SLUG}/concepts", _rows_of("concepts")),
    (f"/dictionaries/{_SLUG}/concepts/{_NUMBER}", _concept),
    (f"/dictionaries/{_SLUG}/images", _rows_of("images")),
    (f"/dictionaries/{_SLUG}/classes", _rows_of("classes")),
    (f"/dictionaries/{_SLUG}/classes/{_NUMBER}", _class),
)
_PATTERNS: Final = tuple((re.compile(urls.API + pattern), lines) for pattern, lines in _KNOWN)


def use_lines(base: str, api_url: str) -> tuple[str, str]:
    """A command line and Python lines that fetch what a page shows: ``data``, or ``rows`` of a list."""
    server, has_token = base.rstrip("/"), bool(who_asks().token_id)
    secret = f' -H "Authorization: Bearer ${TOKEN}"' if has_token else ""
    head = ("import os", "") if has_token else ()
    token = f", token=os.environ[{_quoted(TOKEN)}]" if has_token else ""
    lines = (
        *head,
        "from conceptoscope import Client",
        "",
        f"c = Client({_quoted(server)}{token})",
        *python_lines(api_url),
    )
    quoted = f"{server}{api_url}".replace("'", "%27")
    return f"curl '{quoted}'{secret}", "\n".join(lines)


def python_lines(api_url: str) -> tuple[str, ...]:
    """What to ask of a client ``c``: the method of the thing that stands there, or else its address."""
    path, _, query = api_url.partition("?")
    pairs = tuple(parse_qsl(query))
    for pattern, lines in _PATTERNS:
        if found := pattern.fullmatch(path):
            return lines(Address(tuple(unquote(part) for part in found.groups()), pairs))
    return (f"data = c.get({_quoted(api_url)})",)


def _named(query: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Parameters as keyword arguments; names that Python has no room for in a dictionary at the end."""
    said = tuple(f"{_word(name)}={_value(text)}" for name, text in query if name.isidentifier())
    rest = ", ".join(f"{_quoted(name)}: {_value(text)}" for name, text in query if not name.isidentifier())
    return (*said, f"**{{{rest}}}") if rest else said


def _word(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


def _value(text: str) -> str:
    """A whole number or a decimal as one where the client would send the same text, otherwise a text."""
    for kind in (int, float):
        try:
            if text == str(kind(text)) and "n" not in text:
                return text
        except ValueError:
            continue
    return _quoted(text)
