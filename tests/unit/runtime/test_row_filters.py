"""Row filters: whom they concern, what is wrong with them, how they are explained."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest

import qsdb
from qsdb import Identity, u8, u32, u64
from qsdb.live.operators import Template
from qsdb.live.routing import ByInterval, ByValue
from qsdb.live.templates import lift
from qsdb.live.witnesses import Witnesses
from qsdb.runtime.row_filters import RowFilters, check_filters
from qsdb.schema.tables import RowFilter
from qsdb.sql.parsing import parse
from qsdb.sql.planning import make_plan
from qsdb.sql.queries import Query
from qsdb.sql.statements import check_statement
from qsdb.sql.typed import Cell, Comparison, Exists, Logic, Not, renumbered
from qsdb.store.current import CurrentTable
from qsdb.values.kinds import U64

ANN = Identity.from_claims("tests", "ann")
BOB = Identity.from_claims("tests", "bob")

SHARED = (
    "SELECT m.* FROM message m JOIN member x ON x.room = m.room WHERE x.who = :sender"
)
OWN = "SELECT * FROM message WHERE author = :sender"


class Message(qsdb.Row):
    id: u64 = qsdb.primary_key(auto_inc=True)
    room: u32 = qsdb.index()
    author: Identity = qsdb.index("hash")
    level: u8 = 0


class Member(qsdb.Row):
    id: u64 = qsdb.primary_key(auto_inc=True)
    room: u32
    who: Identity
    level: u8 = 0


class Ping(qsdb.Row):
    whom: Identity
    room: u32


def module_of(*filters: str, public_members: bool = False) -> qsdb.Module:
    module = qsdb.Module("chat")
    module.add_table(Message, public=True)
    module.add_table(Member, public=public_members)
    module.add_table(Message, name="archive")
    module.add_table(Ping, public=True, event=True)
    for text in filters:
        module.row_filter(text)
    return module


def filled(*filters: str, **options: Any) -> qsdb.Database:
    """Give a database with messages 1 and 2 of Ann and 3 of Bob; Bob is in room 1."""
    db = qsdb.Database(module_of(*filters, **options))
    with db.write() as tx:
        tx[Message].insert_many(
            [Message(1, ANN, 1), Message(2, ANN, 5), Message(2, BOB, 3)]
        )
        tx[Member].insert_many([Member(1, BOB), Member(1, BOB, 9)])
    return db


def ids(
    db: qsdb.Database, sender: Identity, query: str = "SELECT * FROM message"
) -> Any:
    return sorted([row.id for row in db.sql(query, sender=sender)])


# Whom they concern.


def test_strangers_see_what_one_of_the_filters_gives() -> None:
    db = filled(SHARED, OWN)

    assert ids(db, ANN) == [1, 2]
    assert ids(db, BOB) == [1, 3]
    assert ids(db, BOB, "SELECT * FROM message WHERE id = 2") == []
    assert db.caller(BOB).sql("SELECT COUNT(*) AS n FROM message")[0].n == 2


def test_the_owner_transactions_and_reducers_see_all() -> None:
    module = module_of(OWN)

    @module.reducer
    def count(ctx: qsdb.ReducerContext) -> u8:
        assert len(ctx.db.sql("SELECT * FROM message")) == len(ctx.db[Message])
        return len(ctx.db[Message])

    db = qsdb.Database(module)
    with db.write() as tx:
        tx[Message].insert(Message(1, ANN))
        assert len(tx.sql("SELECT * FROM message")) == 1

    assert db.caller(BOB).call(count) == 1
    assert ids(db, BOB) == []
    assert ids(db, db.owner) == [1]
    with db.read() as reading:
        assert len(reading.sql("SELECT * FROM message")) == 1
    with db.connect(db.owner) as owner, db.connect(BOB) as bob:
        owner.subscribe("SELECT * FROM message")
        bob.subscribe("SELECT * FROM *")
        assert len(owner.db[Message]) == 1
        assert len(bob.db[Message]) == 0


def test_filters_never_grant() -> None:
    db = filled("SELECT * FROM archive WHERE author = :sender")

    for query in ("SELECT * FROM archive", "SELECT * FROM member"):
        with pytest.raises(qsdb.QueryError, match="there is no table"):
            db.sql(query, sender=ANN)


def test_a_row_of_a_table_without_filters_is_seen_by_all() -> None:
    assert ids(filled(), BOB) == [1, 2, 3]
    assert ids(filled("SELECT * FROM message", OWN), BOB) == [1, 2, 3]


def test_a_condition_that_fails_tells_nothing_of_hidden_rows() -> None:
    text = "SELECT * FROM message WHERE 12 / (level % 5) < 100"
    db = filled(
        "SELECT * FROM message WHERE 6 / (room + 1) < 9 AND NOT author <> :sender"
    )

    assert ids(db, BOB, text) == [3]
    with pytest.raises(qsdb.QueryError, match="divided by 0") as caught:
        ids(db, ANN, text)
    assert caught.value.column == text.index("(level") + 2


def test_a_filter_that_fails_does_not_show_itself() -> None:
    db = filled("SELECT * FROM message WHERE 6 / (room - room) < 9")

    with pytest.raises(qsdb.QueryError) as caught:
        ids(db, BOB)
    assert str(caught.value) == "something is divided by 0"
    errors: list[qsdb.QueryError] = []
    db.sql("DELETE FROM message")
    with db.connect(BOB) as bob:
        bob.subscribe("SELECT * FROM message", on_error=errors.append)
        with db.write() as tx:
            tx[Message].insert(Message(1, ANN))
    assert [str(each) for each in errors] == ["something is divided by 0"]


def test_a_cache_follows_the_rows_that_a_filter_looks_into() -> None:
    db = filled(SHARED)
    heard: list[tuple[str, int]] = []
    with db.connect(BOB) as bob:
        bob.subscribe("SELECT * FROM message")
        bob.db[Message].on_insert(lambda _, row: heard.append(("came", row.id)))
        bob.db[Message].on_delete(lambda _, row: heard.append(("went", row.id)))
        with db.write() as tx:
            tx[Member].delete_by_key(1)  # he is in the room twice
        with db.write() as tx:
            tx[Member].update(Member(2, BOB).replace(id=2))
        with db.write() as tx:
            tx[Member].clear()
            tx[Message].delete_by_key(2)

    assert sorted(heard[:3]) == [("came", 2), ("came", 3), ("went", 1)]
    assert sorted(heard[3:]) == [("went", 2), ("went", 3)]


def test_a_row_that_is_looked_into_costs_what_it_lets_be_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scans: list[int] = []
    scan = CurrentTable._scan

    def counted(table: CurrentTable) -> Any:
        scans.append(1)
        return scan(table)

    monkeypatch.setattr(CurrentTable, "_scan", counted)
    db = filled(SHARED, OWN)
    live = [db.connect(who).subscribe("SELECT * FROM message") for who in (ANN, BOB)]
    before = len(scans)
    with db.write() as tx:
        tx[Member].insert(Member(2, ANN))
        tx[Message].insert(Message(2, BOB))
    with db.write() as tx:
        tx[Member].delete_by_key(1)
        tx[Member].delete_by_key(2)

    assert [sorted(row.id for row in each.rows) for each in live] == [
        [1, 2, 3, 4],
        [3, 4],
    ]
    assert len(scans) == before > 0  # for the index that the join needs


def note(rooms: list[int], _: object, row: Any) -> None:
    rooms.append(row.room)


def test_events_reach_those_whom_a_filter_lets_hear_them() -> None:
    db = filled(
        "SELECT * FROM ping WHERE whom = :sender",
        "SELECT p.* FROM ping p JOIN member x ON x.room = p.room WHERE x.who = :sender",
    )
    heard: dict[Identity, list[int]] = {ANN: [], BOB: []}
    for who in (ANN, BOB):
        connection = db.connect(who)
        connection.subscribe("SELECT * FROM ping")
        connection.db[Ping].on_insert(partial(note, heard[who]))
    with db.write() as tx:
        tx[Ping].insert_many([Ping(ANN, 1), Ping(ANN, 2), Ping(BOB, 3)])

    assert {who: sorted(rooms) for who, rooms in heard.items()} == {
        ANN: [1, 2],
        BOB: [1, 3],
    }


def test_a_filter_that_asks_the_same_of_all_rows_is_asked_once() -> None:
    text = (
        "SELECT m.* FROM message m JOIN member x WHERE x.who = :sender AND x.level > 8"
    )
    db = filled(text)

    assert ids(db, ANN) == []
    assert ids(db, BOB) == [1, 2, 3]


def test_the_row_limit_is_for_filtered_tables_too() -> None:
    db = filled(OWN)
    db.sql("SET row_limit = 2")

    assert ids(db, BOB) == [3]  # by the index of author
    with pytest.raises(qsdb.QueryError, match="this looks at some 3 rows"):
        ids(filled_with_limit(), BOB)


def filled_with_limit() -> qsdb.Database:
    db = filled(SHARED)
    db.sql("SET row_limit = 2")
    return db


# What is wrong with them.


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (
            "SELECT * FROM mesage",
            "line 1, column 15: there is no table mesage; did you",
        ),
        ("SELECT * FRM message", "line 1, column 10: "),
        ("SELECT * FROM message WHERE :x = id", "no parameter but :sender, not :x"),
        ("SELECT id FROM message", "gives whole rows of one table"),
        ("SELECT COUNT(*) AS n FROM message", "gives whole rows of one table"),
        ("SELECT * FROM message LIMIT 3", "without LIMIT"),
        ("DELETE FROM message", "a row filter is a SELECT"),
        ("EXPLAIN SELECT * FROM message", "a row filter is a SELECT"),
        ("SELECT m.* FROM message m JOIN ping", "ping is an event table, which has no"),
        ("SELECT m.* FROM message m JOIN st_table", "there is no table st_table"),
    ],
)
def test_a_mistake_is_told_with_its_filter(text: str, mistake: str) -> None:
    with pytest.raises(qsdb.SchemaError) as caught:
        qsdb.Database(module_of(text))

    [told] = caught.value.mistakes
    assert told.startswith(f"module chat, row filter {text!r}: ")
    assert mistake in told


def test_mistakes_of_filters_stand_among_the_others() -> None:
    module = module_of("SELECT * FROM mesage", OWN, OWN)

    @module.reducer
    def wrong(ctx: qsdb.ReducerContext, what) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        ...

    with pytest.raises(qsdb.SchemaError) as caught:
        qsdb.Database(module)

    assert len(caught.value.mistakes) == 3
    assert "it is declared twice" in caught.value.mistakes[2]


def test_a_circle_of_filters_is_named() -> None:
    to_archive = "SELECT m.* FROM message m JOIN archive a ON a.id = m.id"
    to_member = "SELECT a.* FROM archive a JOIN member x ON x.room = a.room"
    to_message = "SELECT x.* FROM member x JOIN message m ON x.room = m.room"

    with pytest.raises(qsdb.SchemaError) as caught:
        qsdb.Database(module_of(to_archive, to_member, to_message))

    [told] = caught.value.mistakes
    prefix, circle = told.split(": ")
    assert prefix == "module chat, row filters look into each other"
    first, *others = circle.split(" → ")
    assert others[-1] == first
    assert {first, *others} == {"message", "archive", "member"}
    next_of = {"message": "archive", "archive": "member", "member": "message"}
    assert [next_of[each] for each in [first, *others[:-1]]] == others


def test_a_filter_is_a_text() -> None:
    with pytest.raises(qsdb.SchemaError, match="a row filter is a str, not 5"):
        module_of(5)  # type: ignore[arg-type]


def test_filters_are_not_passed_over() -> None:
    module = module_of(OWN)

    with pytest.raises(qsdb.SchemaError, match="nothing was given to check them"):
        module.compiled()
    assert module.compiled(check_filters) is module.compiled(check_filters)
    module.row_filter(SHARED)
    schema = module.compiled(check_filters).tables[0].schema
    assert schema.row_filters == (RowFilter(OWN), RowFilter(SHARED))


def test_stored_filters_that_are_wrong_let_nobody_in() -> None:
    schema = module_of(OWN).compiled(check_filters).tables[0].schema
    wrong = attrs.evolve(schema, row_filters=(RowFilter("SELECT * FROM nothing"),))

    with pytest.raises(qsdb.SchemaError, match="there is no table nothing"):
        RowFilters({"message": wrong})


# In the catalogue.


def test_filters_are_stored_and_only_the_owner_reads_them(tmp_path: Path) -> None:
    with qsdb.Database(module_of(SHARED, OWN), tmp_path / "db") as db:
        rows = db.sql("SELECT * FROM st_row_level_security ").rows
        assert sorted([(row.table_id, row.sql, row.namespace) for row in rows]) == [
            (4096, OWN, ""),
            (4096, SHARED, ""),
        ]
        with pytest.raises(qsdb.QueryError, match="there is no table"):
            db.sql("SELECT * FROM st_row_level_security", sender=ANN)
        with db.write() as tx:
            tx[Message].insert(Message(1, ANN))
    with qsdb.Database(module_of(OWN, SHARED), tmp_path / "db") as db:
        assert ids(db, BOB) == []
    with qsdb.Database(None, tmp_path / "db", read_only=True) as stored:
        assert len(stored.sql("SELECT * FROM message")) == 1
        assert len(stored.sql("SELECT * FROM message", sender=ANN)) == 1
        assert len(stored.sql("SELECT * FROM message", sender=BOB)) == 0


def test_other_filters_are_another_schema(tmp_path: Path) -> None:
    with qsdb.Database(module_of(OWN), tmp_path / "db") as db:
        with db.write() as tx:
            tx[Message].insert(Message(1, BOB))
        assert ids(db, ANN) == []
    with pytest.raises(qsdb.SchemaError) as caught:
        qsdb.Database(module_of(), tmp_path / "db", read_only=True)
    assert f"row filter: {OWN!r} is removed" in str(caught.value)
    assert f"\n  row filter {OWN!r}" in str(caught.value)

    with qsdb.Database(module_of(), tmp_path / "db") as db:
        assert ids(db, ANN) == [1]
        assert db.sql("SELECT * FROM st_row_level_security").rows == []


def test_filters_are_published(tmp_path: Path) -> None:
    with qsdb.Database(module_of(), tmp_path / "db") as db:
        with db.write() as tx:
            tx[Message].insert_many([Message(1, BOB), Message(1, ANN)])
        client = db.connect(ANN)
        client.subscribe("SELECT * FROM message")
        assert len(client.db[Message]) == 2
        with pytest.raises(qsdb.SchemaError, match="row filter"):
            db.publish(module_of(OWN))
        assert len(ids(db, ANN)) == 2

        plan = db.publish(module_of(OWN), allow_breaking=True)

        why = "disconnects clients: they may see other rows"
        assert [str(each) for each in plan.breaking] == [
            f"row filter: {OWN!r} is added ({why})"
        ]
        assert len(ids(db, ANN)) == 1
        with pytest.raises(qsdb.ClosedError):
            client.subscribe("SELECT * FROM message")
    with qsdb.Database(module_of(OWN), tmp_path / "db") as db:
        assert len(ids(db, ANN)) == 1


def test_a_namespace_is_told() -> None:
    assert str(RowFilter("SELECT", "auth")) == "'SELECT' in auth"


# How they are explained.


def explained(db: qsdb.Database, query: str = "SELECT * FROM message") -> list[str]:
    return [row.plan for row in db.sql(f"EXPLAIN {query}", sender=ANN)]


def test_a_filter_of_one_table_uses_its_index() -> None:
    lines = explained(filled(OWN))

    assert lines[0].startswith("1. message  index author, equal to :sender")
    assert lines[-1] == "live: a change of message is found by the value of author"


def test_a_filter_with_public_tables_is_shown() -> None:
    lines = explained(filled(SHARED, public_members=True))
    where = "member x WHERE (x.room = message.room) AND (x.who = :sender)"

    assert [line.strip() for line in lines] == [
        "1. message  all rows  ~3 rows",
        f"then EXISTS ({where}) is tested",
        "member x  hash table of room, made for this query, equal to message.room",
        "gives rows of message",
        "live: a change of message is always looked at",
        "live: a change of x is found by the value of who, if it changes room, who",
        "live: an index of member.room is made and kept for it",
    ]


def test_a_filter_with_private_tables_is_not_shown() -> None:
    lines = explained(filled(SHARED, OWN))

    assert "then a row filter with private tables is tested" in lines[1]
    assert not any("member" in line for line in lines)


def test_the_owner_is_told_of_private_tables_that_a_condition_names() -> None:
    db = filled(SHARED, OWN)
    text = "SELECT * FROM message m WHERE EXISTS (SELECT 1 FROM member x WHERE {})"
    lines = [row.plan.strip() for row in db.sql(f"EXPLAIN {text.format('x.room = 1')}")]

    assert not any("row filter" in line for line in lines)
    assert "then EXISTS (member x WHERE (x.room = 1)) is tested" in lines
    assert any("live: a change of x is found by" in line for line in lines)


def test_an_event_table_with_a_filter_is_explained() -> None:
    text = (
        "SELECT p.* FROM ping p JOIN member x ON x.room = p.room WHERE x.who = :sender"
    )
    lines = explained(filled(text, public_members=True), "SELECT * FROM ping")

    assert "live: ping is an event table: nothing is kept of a result" in lines
    assert not any("a change of x" in line for line in lines)


def test_a_filter_without_a_condition_on_other_tables_is_spelt() -> None:
    text = "SELECT m.* FROM message m JOIN member x"
    db = filled(text, public_members=True)

    assert any("EXISTS (member x WHERE TRUE)" in line for line in explained(db))
    assert ids(db, ANN) == [1, 2, 3]


# Templates with tables that are looked into.


def narrowed(text: str, *filters: str) -> Query:
    tables = [
        each.schema for each in module_of(*filters).compiled(check_filters).tables
    ]
    by_name = {each.name: each for each in tables}
    query = check_statement(text, parse(text), by_name)
    assert isinstance(query, Query)
    return RowFilters(by_name).narrowed(query)


def test_a_witness_is_found_by_its_value_and_by_its_interval() -> None:
    range_filter = (
        "SELECT m.* FROM message m JOIN member x ON x.room = m.room "
        "WHERE x.level BETWEEN 3 AND 5"
    )
    lifted = lift(narrowed("SELECT * FROM message", SHARED, range_filter))
    template = Template(lifted)
    values = lifted.values(ANN.stored, {})
    routes = [each.route for each in template.readers(LiveStub(values))]  # type: ignore[arg-type]

    assert isinstance(routes[1], ByValue)
    assert routes[1].values == (ANN.stored,)
    assert isinstance(routes[2], ByInterval)
    assert {("member", 1)} == template.wishes()


@attrs.frozen
class LiveStub:
    values: tuple[Any, ...]


def test_templates_with_and_without_filters_are_not_one() -> None:
    plain = lift(narrowed("SELECT m.* FROM message m JOIN member x ON x.room = m.room"))
    filtered = lift(narrowed("SELECT * FROM message", SHARED))

    assert plain.key != filtered.key


def test_witnesses_below_not_are_searched_for() -> None:
    query = narrowed("SELECT * FROM message", SHARED)
    [exists] = query.conditions
    assert isinstance(exists, Exists)
    negated = attrs.evolve(query, conditions=(Not(Logic("OR", (exists,))),))

    [plan, *_] = Witnesses(negated, make_plan(negated, 0).inner).plans
    assert [step.source for step in plan.steps] == [1, 0]


def test_inner_tables_get_other_numbers_too() -> None:
    inner = Exists((3,), (Comparison("=", cell(3), cell(1)),))
    outer = Exists((1,), (inner,))

    found = renumbered(Comparison("=", outer, outer), {1: 4, 3: 7})

    moved = Exists((4,), (Exists((7,), (Comparison("=", cell(7), cell(4)),)),))
    assert found == Comparison("=", moved, moved)


def cell(source: int) -> Cell:
    return Cell(source, 0, U64, is_optional=False)


# Live, where one filter is inside of another, beside a join.

INNER = "SELECT x.* FROM member x JOIN archive a ON a.room = x.room WHERE a.level = 1"
AROUND = (
    "SELECT m.* FROM member x JOIN message m ON m.room = x.room "
    "JOIN member y ON y.level = x.level WHERE m.level < 9 AND y.who = :sender"
)
ITSELF = (
    "SELECT a.* FROM message a JOIN message b ON a.room = b.room WHERE b.author = "
    ":sender AND a.level > 3"
)


def test_a_join_of_filtered_tables_follows_witnesses_of_witnesses() -> None:
    db = filled(AROUND, ITSELF, INNER, public_members=True)
    query = (
        "SELECT m.id, x.id AS member FROM message m JOIN member x ON m.room = x.room"
    )
    with db.connect(BOB) as bob:
        live = bob.subscribe(query)
        assert live.rows == []
        operations: list[Callable[[Any], object]] = [
            lambda tx: tx.archive.insert(Message(1, ANN, 1)),
            lambda tx: tx[Member].insert(Member(2, ANN, 9)),
            lambda tx: tx.archive.insert(Message(2, ANN, 1)),
            lambda tx: tx[Message].update(Message(2, BOB, 8).replace(id=2)),
            lambda tx: tx[Member].delete_by_key(2),
            lambda tx: tx.archive.clear(),
        ]
        for operation in operations:
            with db.write() as tx:
                operation(tx)
            assert sorted(live.rows) == sorted(db.sql(query, sender=BOB))
