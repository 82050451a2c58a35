"""JSON with attributes, and the types that a script writes for it."""

import pytest

from conceptoscope.record import Record
from conceptoscope.views import ConceptLinks, DictionaryCard
from setup.views import write_views


class Inner(Record):
    n: int


class Outer(Record):
    name: str
    class_: str | None
    one: Inner
    maybe: Inner | None
    many: tuple[Inner, ...]
    pair: tuple[int, Inner]
    named: dict[str, Inner]
    rows: tuple[tuple[int, ...], ...]


DATA = {
    "name": "x",
    "class": "disc",
    "one": {"n": 1},
    "maybe": None,
    "many": [{"n": 2}, {"n": 3}],
    "pair": [4, {"n": 5}],
    "named": {"a": {"n": 6}},
    "rows": [[1, 2], [3]],
    "new": {"since": [{"later": 7}]},
}


def test_fields_are_read_by_their_types() -> None:
    outer = Outer(DATA)
    assert (outer.name, outer.class_, outer.maybe, outer.rows) == ("x", "disc", None, ((1, 2), (3,)))
    assert outer.one == Inner({"n": 1})
    assert isinstance(outer.one, Inner)
    assert [one.n for one in outer.many] == [2, 3]
    assert outer.pair[1].n == 5
    assert outer.named["a"].n == 6
    assert outer.as_json is DATA


def test_what_is_not_declared_is_there_too() -> None:
    assert Outer(DATA).new.since[0].later == 7


def test_what_is_not_there_names_what_is() -> None:
    with pytest.raises(AttributeError, match=r"Outer has no 'nam'. It has: name, class, one"):
        _ = Outer(DATA).nam
    assert not hasattr(Outer(DATA), "__array__")


def test_a_record_is_a_value() -> None:
    assert Outer(DATA) == Outer(dict(DATA)) != Outer({**DATA, "name": "y"})
    assert len({Outer(DATA), Outer(dict(DATA))}) == 1
    assert {"name", "class", "new"} <= set(dir(Outer(DATA)))
    assert repr(Outer(DATA)) == "Outer(name='x', class='disc', maybe=None, one=<1>, many=<2>, pair=<2>, ...)"
    assert repr(Record({"n": 1, "rows": []})) == "Record(n=1, rows=<>)"
    with pytest.raises(AttributeError, match="cannot be changed"):
        Outer(DATA).name = "z"


def test_the_written_types_are_used() -> None:
    links = {"html": "/d/x", "self": "/api/v1/dictionaries/x"}
    card = DictionaryCard({"slug": "x", "grid": [3, 4], "links": links})
    assert card.grid == (3, 4)
    assert card.links.self == "/api/v1/dictionaries/x"
    assert ConceptLinks({"sprite": None}).sprite is None


def test_a_document_becomes_classes() -> None:
    document = {
        "paths": {
            "/x": {
                "get": {
                    "responses": {
                        "200": {"content": {"application/json": {"schema": ref("Envelope_X_")}}},
                        "404": {"content": {"application/json": {"schema": ref("Problem")}}},
                    }
                }
            }
        },
        "components": {
            "schemas": {
                "Envelope_X_": {"properties": {"data": ref("app__views__jobs__X"), "meta": ref("Meta")}},
                "app__views__jobs__X": {
                    "description": "An x.",
                    "properties": {
                        "class": {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "its class"},
                        "ys": {"type": "array", "items": ref("Y")},
                        "pair": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "number"}]},
                        "free": {"type": "object", "additionalProperties": True},
                        "by_name": {"type": "object", "additionalProperties": ref("Y")},
                    },
                },
                "Y": {"properties": {"n": {"type": "integer"}}},
                "Meta": {"properties": {}},
                "Problem": {"properties": {"status": {"type": "integer"}}},
            }
        },
    }
    text = write_views(document)
    body = text.partition("class JobsX(Record):")[2]
    assert 'class_: str | None\n    """its class"""' in body
    for line in ("ys: tuple[Y, ...]", "pair: tuple[int, float]", "free: dict[str, Any]", "by_name: dict[str, Y]"):
        assert f"    {line}\n" in body
    assert "class Y(Record)" in text
    assert "Problem" not in text
    assert "Meta" not in text
    compile(text, "views.py", "exec")


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
