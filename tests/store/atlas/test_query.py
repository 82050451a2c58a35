import numpy as np
import pytest

from store.atlas.cursor import cut_page, decode_cursor, encode_cursor, make_binding, parse_limit
from store.atlas.grammar import BadQuery, Query, known_parameters, parse_query
from store.atlas.query import ConceptTable
from store.atlas.schema import CONCEPT


def make_table(**given: list[object]) -> ConceptTable:
    n = len(next(iter(given.values())))
    columns = {column.name: np.full(n, np.nan) for column in CONCEPT.columns}
    columns["concept"] = np.arange(n)
    for name in ("top_class", "label_seed", "badges"):
        columns[name] = np.full(n, None, dtype=object)
    for name, values in given.items():
        columns[name] = np.empty(n, dtype=object)
        columns[name][:] = values
        if name not in ("top_class", "label_seed", "badges"):
            columns[name] = columns[name].astype(float)
    return ConceptTable(columns)


TABLE = make_table(
    density=[0.1, 0.0, 0.3, None, 0.3],
    importance=[0.5, 0.0, 0.2, 0.2, None],
    top_class=["tench", None, "goldfish", "Tench", "tench"],
    label_seed=["fish fin", None, None, "gill", None],
    badges=[["dense"], ["dead"], [], None, ["dense", "duplicate-of"]],
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("density__gte=0.1", [0, 2, 4]),
        ("density__gt=0.1", [2, 4]),
        ("density__lt=0.3", [0, 1]),
        ("density__lte=0.3", [0, 1, 2, 4]),
        ("density=0.3", [2, 4]),
        ("density__eq=0.3", [2, 4]),
        ("density__not=0.3", [0, 1, 3]),
        ("density__in=0,0.1", [0, 1]),
        ("density__isnull=true", [3]),
        ("density__isnull=0", [0, 1, 2, 4]),
        ("class=tench", [0, 4]),
        ("class__not=tench", [1, 2, 3]),
        ("class__in=goldfish,Tench", [2, 3]),
        ("class__contains=ENCH", [0, 3, 4]),
        ("class__isnull=true", [1]),
        ("badge=dense", [0, 4]),
        ("badge__not=dense", [1, 2, 3]),
        ("badge__in=dead,duplicate-of", [1, 4]),
        ("badge__isnull=true", [2, 3]),
        ("q=FIN", [0]),
        ("q=tench gill", [3]),
        ("q=%232", [2]),
        ("q=3", [3]),
        ("id__in=1,4", [1, 4]),
        ("label__contains=fin&density__gte=1", []),
        ("badge__not=dense&badge__not=dead", [2, 3]),
        ("density__gte=", [0, 1, 2, 3, 4]),
    ],
)
def test_conditions_keep_what_they_say(text: str, expected: list[int]) -> None:
    from urllib.parse import parse_qsl

    query = parse_query(parse_qsl(text, keep_blank_values=True))
    assert np.flatnonzero(TABLE.mask(query)).tolist() == expected


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("-importance", [0, 2, 3, 1, 4]),
        ("importance", [1, 2, 3, 0, 4]),
        ("density", [1, 0, 2, 4, 3]),
        ("-density,importance", [2, 4, 0, 1, 3]),
        ("class", [3, 2, 0, 4, 1]),
        ("-class", [0, 4, 2, 3, 1]),
        ("-id", [4, 3, 2, 1, 0]),
    ],
)
def test_order_is_total_and_absent_values_come_last(sort: str, expected: list[int]) -> None:
    assert TABLE.select(parse_query([("sort", sort)])).tolist() == expected


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("densty", "1", "no parameter 'densty'"),
        ("densty", "", "no parameter 'densty'"),
        ("density__contains", "1", "cannot be compared by 'contains'"),
        ("density__gte", "much", "takes a number"),
        ("density__gte", "nan", "takes a number"),
        ("density__in", "1,x", "takes a number"),
        ("density__isnull", "maybe", "true or false"),
        ("badge__gt", "dead", "cannot be compared by 'gt'"),
        ("sort", "badge", "cannot be sorted by 'badge'"),
        ("sort", "density,-density", "twice"),
    ],
)
def test_bad_parameters_are_refused_by_name(name: str, value: str, message: str) -> None:
    with pytest.raises(BadQuery, match=message) as caught:
        parse_query([(name, value)])
    assert caught.value.faults[0].param == name


def test_every_fault_is_told_at_once_and_unknown_names_come_with_the_known_ones() -> None:
    with pytest.raises(BadQuery) as caught:
        parse_query([("densty", "1"), ("sort", "foo"), ("max__gt", "x")], other=("limit",))
    assert [fault.param for fault in caught.value.faults] == ["densty", "max__gt", "sort"]
    assert "limit" in caught.value.faults[0].allowed
    assert set(known_parameters()) > {"q", "sort"}


def test_facets_count_under_the_other_conditions() -> None:
    query = parse_query([("class", "tench"), ("density__gte", "0.1")])
    assert TABLE.facet("class", query) == {"tench": 2, "goldfish": 1}
    assert TABLE.facet("badge", query) == {"dense": 2, "duplicate-of": 1}


def test_histogram_accounts_for_every_concept() -> None:
    found = TABLE.histogram("density")
    assert (found.n_null, found.n_zero, sum(found.counts)) == (1, 1, 3)
    assert (found.min, found.max, found.log) == (0.0, 0.3, True)
    some = TABLE.histogram("density", parse_query([("id", "2")]))
    assert (some.edges, sum(some.counts), some.n_null, some.n_zero) == (found.edges, 1, 0, 0)
    assert (some.min, some.max) == (TABLE.numbers["density"][2],) * 2
    assert TABLE.histogram("purity").counts == ()


def test_canonical_pairs_do_not_depend_on_order_and_leave_defaults_out() -> None:
    one = parse_query([("max__gt", "1"), ("q", "fin"), ("sort", "-importance")])
    two = parse_query([("sort", "-importance"), ("q", " fin "), ("max__gt", "1"), ("purity__lt", "")])
    assert one.pairs == two.pairs == (("max__gt", "1"), ("q", "fin"))
    assert Query().pairs == ()


def test_a_cursor_belongs_to_its_query_and_build() -> None:
    binding = make_binding("digest", (("q", "fin"),))
    cursor = encode_cursor(24, binding=binding)
    assert decode_cursor(cursor, binding=binding) == 24
    for other in (make_binding("digest", ()), make_binding("other", (("q", "fin"),))):
        with pytest.raises(BadQuery, match="another filter, order or build"):
            decode_cursor(cursor, binding=other)
    for junk in ("x", "WzFd", "%%%", "bnVsbA", "WyJhIiwgImIiXQ"):
        with pytest.raises(BadQuery, match="cursor"):
            decode_cursor(junk, binding=binding)


def test_a_page_past_the_end_is_empty_and_leads_back() -> None:
    page = cut_page([1, 2, 3], cursor=encode_cursor(9, binding="b"), limit=2, binding="b")
    assert page.items == ()
    assert page.next is None
    assert page.prev is not None


def test_limits_outside_their_bounds_are_refused() -> None:
    assert (parse_limit(""), parse_limit("7"), parse_limit("200"), parse_limit("60", most=60)) == (24, 7, 200, 60)
    for bad in ("0", "-1", "many", "1.5", "201", "9" * 400, "²"):
        with pytest.raises(BadQuery, match="from 1 to 200"):
            parse_limit(bad)
