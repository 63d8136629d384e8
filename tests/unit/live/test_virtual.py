"""Views as tables of the engine."""

import pytest

import qsdb
from qsdb import u8
from qsdb.live.operators import Template
from qsdb.live.routing import ByValue
from qsdb.live.templates import lift
from qsdb.live.virtual import (
    INSTANCE,
    VirtualTable,
    gives_whole_rows,
    instance_column,
    instance_parameter,
    live_form,
    virtual_schema,
)
from qsdb.schema.views import ViewSchema
from qsdb.sql.queries import Query

hall = qsdb.Module("hall")


class Seat(qsdb.Row, module=hall):
    number: u8 = qsdb.primary_key()
    row: u8 = qsdb.column(name="odd row")


@hall.view
def seats(ctx: qsdb.AnonymousViewContext, row: u8 = 1) -> list[Seat]:
    return [each for each in ctx.db[Seat] if each.row == row]


@pytest.fixture(scope="module")
def db() -> qsdb.Database:
    return qsdb.Database(hall)


def query_of(db: qsdb.Database, text: str) -> Query:
    query = db._queries.check(text, True)  # noqa: FBT003  the key of a cache
    assert isinstance(query, Query)
    return query


def test_all_instances_are_one_table_with_a_column_more() -> None:
    schema = hall.compiled().views["seats"].bound.schema
    assert isinstance(schema, ViewSchema)
    virtual = virtual_schema(schema)

    assert [each.name for each in virtual.columns] == ["number", "odd row", INSTANCE]
    assert virtual.primary_key == ()
    assert [each.columns for each in virtual.indexes] == [(2,)]
    assert instance_column(virtual) == 2
    assert instance_column(schema) is None


def test_a_query_without_views_stays_as_it_is(db: qsdb.Database) -> None:
    query = query_of(db, "SELECT * FROM seat")
    assert live_form(query) is query


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("SELECT * FROM seats", None),
        ("SELECT v.* FROM seats(:r) v JOIN seat s ON s.number = v.number", None),
        ('SELECT s.* FROM seats v JOIN seat s ON s.number = v."odd row"', 1),
        (
            'SELECT v.number FROM seats v JOIN seats(2) w ON v.number = w."odd row"',
            None,
        ),
        ("SELECT s.number FROM seat s LEFT JOIN seats v ON v.number = s.number", None),
        ("SELECT * FROM seat WHERE number IN (SELECT number FROM seats)", 0),
        (
            "SELECT * FROM seat WHERE EXISTS (SELECT 1 FROM seats v JOIN seats(2) w)",
            0,
        ),
    ],
)
def test_a_query_fixes_the_instance(
    db: qsdb.Database, text: str, whole: int | None
) -> None:
    query = query_of(db, text)
    live = live_form(query)

    assert live.whole == whole
    assert live.columns == query.columns
    assert {*live.parameters} == {
        *query.parameters,
        *[instance_parameter(number) for number in query.views],
    }
    template = Template(lift(live))
    # Instances come and go beside commits: no index of a view is kept for joins.
    assert not [name for name, _ in template.wishes() if name == "seats"]


def test_a_change_is_found_by_the_instance(db: qsdb.Database) -> None:
    query = query_of(db, 'SELECT * FROM seats WHERE number = 3 AND "odd row" IN (1)')
    lifted = lift(live_form(query))
    given = {instance_parameter(0): 7}
    values = lifted.values(b"", given)
    template = Template(lifted)

    class Owner:
        pass

    owner = Owner()
    owner.values = values  # type: ignore[attr-defined]
    [reader] = template.readers(owner)  # type: ignore[arg-type]
    assert reader.route == ByValue(2, (7,))


@pytest.mark.parametrize(
    ("text", "are_whole"),
    [
        ("SELECT * FROM seat", True),
        ("SELECT number FROM seat", False),
        ("SELECT * FROM seats", True),
        ('SELECT "odd row", number, 3 = number AS odd FROM seats', True),
        ("SELECT number FROM seats", False),
    ],
)
def test_rows_that_differ_differ_in_all_columns(
    db: qsdb.Database, text: str, are_whole: object
) -> None:
    query = live_form(query_of(db, text))
    assert isinstance(query, Query)

    assert gives_whole_rows(query) == are_whole


def test_rows_of_instances_move_and_twice_is_once() -> None:
    table = VirtualTable()
    for _ in range(2):
        pairs = table.move(1, [(1, 1), (2, 1)], [])
        assert pairs == [(None, (1, 1, 1)), (None, (2, 1, 1))]
    table.move(2, [(1, 1)], ())
    assert table._select(0, None, 1) == [(1, 1, 1), (2, 1, 1)]
    assert table._count(0, None, 1) == 2
    assert table._scan() == [(1, 1, 1), (2, 1, 1), (1, 1, 2)]
    for _ in range(2):
        pairs = table.move(1, [], [(1, 1), (2, 1)])
        assert pairs == [((1, 1, 1), None), ((2, 1, 1), None)]
    assert table._select(0, None, 1) == []
    assert table._scan() == [(1, 1, 2)]
    assert table.move(3, (), ()) == []
