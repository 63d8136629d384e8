"""What users give wrongly: a named error, with the place, value and bound.

**Invariants**, of every refusal: the error is of its class and says where, what
and within which bounds; the contents, the offset and the counters of commits are
as before; the database passes its own check and goes on.
"""

import asyncio
import contextlib
import enum
import threading
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

import qsdb
from qsdb import Identity, ReducerContext, Table, Timestamp, f32, u8, u64

ALICE, BOB, CARL = (Identity.from_claims("test", name) for name in ("a", "b", "c"))
NOON = Timestamp.parse("2026-01-01T12:00:00Z")


class Mood(enum.Enum):
    calm = 0
    angry = 1


class Place(qsdb.Product):
    x: f32
    y: f32


game = qsdb.Module("game")


class Player(qsdb.Row, module=game, indexes=[qsdb.BTree("team", "level", name="rank")]):
    id: u64 = qsdb.primary_key(auto_inc=True)
    owner: Identity = qsdb.unique()
    name: str = qsdb.index("hash", name="nick name")
    team: u8 = qsdb.index(default=1)
    level: u8 = 0
    mood: Mood = Mood.calm
    at: Place = Place(0.0, 0.0)
    since: Timestamp = NOON
    health: f32 = 1.0
    tags: tuple[str, ...] = ()
    rival: Identity | None = qsdb.unique(default=None)


class Seat(qsdb.Row, module=game, primary_key=("room", "number")):
    room: str
    number: u8
    note: str = ""


class Log(qsdb.Row, module=game):
    text: str


class Serial(qsdb.Row, module=game):
    number: u8 = qsdb.primary_key(auto_inc=True)
    note: str = ""


calls: list[str] = []


@game.reducer
def rename(ctx: ReducerContext, player: u64, name: str, level: u8 = 1) -> str:
    calls.append("rename")
    row = ctx.db[Player].get(player)
    assert row is not None
    ctx.db[Player].update(row.replace(name=name, level=level))
    return name


@game.reducer
def run(ctx: ReducerContext, number: u8) -> object:
    """Do what the test wants, inside a reducer."""
    return wanted[number](ctx)


@game.reducer(private=True)
def secret(ctx: ReducerContext) -> None:
    ctx.db[Log].insert(Log("secret"))


wanted: list[Callable[[ReducerContext], object]] = []


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    database = qsdb.Database(game, seed=1)
    with database.write() as tx:
        tx[Player].insert(Player(ALICE, "alice", level=3))
        tx[Player].insert(Player(BOB, "bob", rival=ALICE))
        tx[Seat].insert(Seat("hall", 1))
        tx[Log].insert(Log("begun"))
    calls.clear()
    wanted.clear()
    yield database
    database.check()
    database.close()


def contents(db: qsdb.Database) -> dict[str, set[object]]:
    with db.read() as tx:
        tables = (Player, Seat, Log, Serial)
        return {each.__name__: set(tx[each]) for each in tables}


@contextlib.contextmanager
def refused(
    db: qsdb.Database, error: type[BaseException], *said: str
) -> Iterator[pytest.ExceptionInfo[BaseException]]:
    """Expect an error that says all this and leaves the database as it is."""
    before, stats = contents(db), db.stats()
    with pytest.raises(error) as caught:
        yield caught
    assert type(caught.value) is error
    for each in said:
        assert each in str(caught.value), f"{each!r} is not in {caught.value}"
    assert contents(db) == before
    now = attrs.evolve(db.stats(), rollbacks=0, calls=0, reducers={})
    assert now == attrs.evolve(stats, rollbacks=0, calls=0, reducers={})
    db.check()
    _require_working(db)


def _require_working(db: qsdb.Database) -> None:
    with db.write() as tx:
        assert tx[Log].insert(Log("works")) == Log("works")
        assert tx[Log].delete(Log("works"))


# Values of a wrong kind or range.

ALICES_ROW = Player(ALICE, "alice", level=3).replace(id=1)

WRONG_VALUES = [
    ("name", 5, "a str of valid Unicode"),
    ("name", None, "a str of valid Unicode"),
    ("name", b"alice", "a str of valid Unicode"),
    ("name", "\ud800", "a str of valid Unicode"),
    ("id", -1, "an int from 0 to 18446744073709551615"),
    ("id", 1 << 64, "an int from 0 to 18446744073709551615"),
    ("id", True, "an int from 0 to 18446744073709551615"),
    ("id", 1.0, "an int from 0 to 18446744073709551615"),
    ("id", "1", "an int from 0 to 18446744073709551615"),
    ("level", 256, "an int from 0 to 255"),
    ("level", -1, "an int from 0 to 255"),
    ("level", False, "an int from 0 to 255"),
    ("level", None, "an int from 0 to 255"),
    ("level", 10**5000, "an int from 0 to 255"),
    ("health", True, "a number from -3.4028234663852886e+38 to 3.40282"),
    ("health", 1e39, "a number from -3.4028234663852886e+38 to 3.40282"),
    ("health", 10**400, "a number from -3.4028234663852886e+38 to 3.40282"),
    ("health", "1", "a number from -3.4028234663852886e+38 to 3.40282"),
    ("owner", bytes(32), "an Identity"),
    ("owner", "00" * 32, "an Identity"),
    ("owner", None, "an Identity"),
    ("owner", qsdb.ConnectionId.ZERO, "an Identity"),
    ("rival", bytes(32), "an Identity, or None"),
    ("mood", 1, "one of Mood.calm, Mood.angry"),
    ("mood", "angry", "one of Mood.calm, Mood.angry"),
    ("mood", 7, "one of Mood.calm, Mood.angry"),
    ("since", 0, "a Timestamp"),
    ("since", qsdb.TimeDuration.from_micros(0), "a Timestamp"),
    ("at", (0.0, 0.0), "a Place"),
    ("at", None, "a Place"),
    ("tags", "ab", "a sequence of str"),
    ("tags", {"a"}, "a sequence of str"),
]

WRONG_PARTS = [
    ("at", Place(0.0, "north"), "'north'", "a number"),  # type: ignore[arg-type]
    ("at", Place(1e39, 0.0), "1e+39", "a number"),
    ("tags", ("a", 5), "5", "a str of valid Unicode"),
    ("tags", ("\udfff",), "'\\udfff'", "a str of valid Unicode"),
]

WRITES: dict[str, Callable[[Table[Player], Player], object]] = {
    "insert": lambda table, row: table.insert(row),
    "insert_many": lambda table, row: table.insert_many([Player(CARL, "x"), row]),
    "update": lambda table, row: table.update(row),
    "upsert": lambda table, row: table.upsert(row),
    "delete": lambda table, row: table.delete(row),
    "unique update": lambda table, row: table.owner.update(row),
}

each_write = pytest.mark.parametrize("write", WRITES)


@pytest.mark.parametrize(
    ("column", "value", "admitted"),
    [
        pytest.param(*each, id=f"{number} {each[0]}")
        for number, each in enumerate(WRONG_VALUES)
    ],
)
@each_write
def test_a_value_of_a_wrong_kind_or_range(
    db: qsdb.Database, write: str, column: str, value: object, admitted: str
) -> None:
    row = ALICES_ROW.replace(**{column: value})
    shown = qsdb.errors.brief(value)

    with (
        refused(
            db,
            qsdb.KindError,
            f"table player, column {'nick name' if column == 'name' else column}: ",
            f"{shown} is not {admitted}",
        ) as caught,
        db.write() as tx,
    ):
        WRITES[write](tx[Player], row)

    error = caught.value
    assert isinstance(error, qsdb.KindError)
    assert error.value == value
    assert type(error.value) is type(value)
    assert error.admitted.startswith(admitted)


@pytest.mark.parametrize(("column", "value", "shown", "admitted"), WRONG_PARTS)
@each_write
def test_a_wrong_value_inside_another(
    db: qsdb.Database, write: str, column: str, value: object, shown: str, admitted: str
) -> None:
    row = ALICES_ROW.replace(**{column: value})

    with (
        refused(
            db,
            qsdb.KindError,
            f"table player, column {column}: {shown} is not {admitted}",
        ),
        db.write() as tx,
    ):
        WRITES[write](tx[Player], row)


@pytest.mark.parametrize(
    "row", [Seat("hall", 1), ("a",), None, {"id": 1}, Player], ids=repr
)
@each_write
def test_a_row_of_another_class(db: qsdb.Database, write: str, row: Any) -> None:
    with (
        refused(
            db, qsdb.KindError, "table player: ", repr(row)[:20], "is not a Player row"
        ),
        db.write() as tx,
    ):
        WRITES[write](tx[Player], row)


@pytest.mark.parametrize(
    ("expression", "place", "shown", "admitted"),
    [
        ("table.get('1')", "column id", "'1'", "an int from 0 to"),
        ("table.get(True)", "column id", "True", "an int from 0 to"),
        ("table.get(-1)", "column id", "-1", "an int from 0 to"),
        ("table.delete_by_key(1.0)", "column id", "1.0", "an int from 0 to"),
        ("table.id.find(None)", "column id", "None", "an int from 0 to"),
        ("table.owner.find(bytes(32))", "column owner", "b'\\x00", "an Identity"),
        ("table.owner.delete('x')", "column owner", "'x'", "an Identity"),
        ("table.team.filter(256)", "column team", "256", "an int from 0 to 255"),
        ("table.team.range(-1)", "column team", "-1", "an int from 0 to 255"),
        ("table.team.range(1, 'x')", "column team", "'x'", "an int from 0 to 255"),
        ("table.team.count(None)", "column team", "None", "an int from 0 to 255"),
        ("table.team.delete(1.5)", "column team", "1.5", "an int from 0 to 255"),
        ("table.rank.filter(1, 256)", "column level", "256", "an int from 0 to 255"),
        ("table.rank.range((1, 'x'))", "column level", "'x'", "an int from 0 to 255"),
        ("table.name.filter(5)", "column nick name", "5", "a str of valid Unicode"),
    ],
)
def test_a_key_of_a_wrong_kind_or_range(
    db: qsdb.Database, expression: str, place: str, shown: str, admitted: str
) -> None:
    names = {"Identity": Identity}
    with (
        refused(
            db, qsdb.KindError, f"table player, {place}: {shown}", f"is not {admitted}"
        ),
        db.write() as tx,
    ):
        eval(expression, names, {"table": tx[Player]})
    with (
        refused(
            db, qsdb.KindError if "delete" not in expression else qsdb.ReadOnlyError
        )
        if "delete_by_key" in expression
        else refused(db, qsdb.KindError),
        db.read() as reading,
    ):
        eval(expression, names, {"table": reading[Player]})


# Unknown columns, tables, indexes, reducers.


def test_an_unknown_column_of_a_row(db: qsdb.Database) -> None:
    with (
        refused(db, qsdb.ArgumentError, "Player()", "no column nmae", "name, team"),
        db.write() as tx,
    ):
        tx[Player].insert(Player(owner=ALICE, nmae="x"))  # type: ignore[call-arg]


def test_an_unknown_column_of_a_change(db: qsdb.Database) -> None:
    with (
        refused(db, qsdb.ArgumentError, "Player()", "no column nmae", "name, team"),
        db.write() as tx,
    ):
        tx[Player].update(ALICES_ROW.replace(nmae="x"))


@pytest.mark.parametrize("name", ["nmae", "by_rank", ""])
def test_an_unknown_index(db: qsdb.Database, name: str) -> None:
    with (
        refused(
            db,
            qsdb.errors.MissingNameError,
            f"table player: no index {name!r}; there are indexes: id, owner",
            "rank",
        ),
        db.write() as tx,
    ):
        tx[Player].index(name)


@pytest.mark.parametrize("way", ["write", "read"])
def test_an_unknown_attribute(db: qsdb.Database, way: str) -> None:
    # Python's own AttributeError: a __getattr__ would slow every access down.
    text = "'table player' object has no attribute 'nmae'"
    with pytest.raises(AttributeError, match=text), _transaction(db, way) as tx:
        _ = tx[Player].nmae
    with pytest.raises(AttributeError, match="playre"), _transaction(db, way) as tx:
        _ = tx.playre


@pytest.mark.parametrize("way", ["write", "read"])
def test_what_is_not_there_is_no_attribute(db: qsdb.Database, way: str) -> None:
    with _transaction(db, way) as tx:
        assert not hasattr(tx, "playre")
        assert not hasattr(tx[Player], "nmae")
        assert not hasattr(tx[Player], "level")
        assert getattr(tx, "playre", None) is None


def test_a_column_without_an_index(db: qsdb.Database) -> None:
    with (
        refused(
            db,
            qsdb.errors.MissingNameError,
            "table player: the column level has no index",
            "qsdb.index()",
        ) as caught,
        db.write() as tx,
    ):
        tx[Player].level.filter(3)

    assert isinstance(caught.value, AttributeError)


def _transaction(db: qsdb.Database, way: str) -> Any:
    return db.write() if way == "write" else db.read()


@pytest.mark.parametrize("way", ["write", "read"])
def test_an_unknown_table(db: qsdb.Database, way: str) -> None:
    class Stranger(qsdb.Row):
        a: u8

    there = "there are: player, seat, log, serial"
    uses: list[tuple[Callable[[Any], object], str]] = [
        (lambda tx: tx.table("playre"), "no table 'playre'"),
        (lambda tx: tx[Stranger], "no table of Stranger"),
        (lambda tx: tx[Place], "no table of Place"),
        (lambda tx: tx[int], "no table of int"),
        (lambda tx: tx[5], "no table 5"),
    ]
    for use, name in uses:
        with (
            refused(db, qsdb.NotFoundError, name, there),
            _transaction(db, way) as tx,
        ):
            use(tx)


@pytest.mark.parametrize(
    "key", ["renmae", "", 5, None, [], {}, print, Player, lambda: None], ids=repr
)
def test_an_unknown_reducer(db: qsdb.Database, key: Any) -> None:
    with refused(db, qsdb.NotFoundError, "module game: no reducer ", "rename, run"):
        db.call(key)


# Arguments.


@pytest.mark.parametrize(
    ("args", "kwargs", "said"),
    [
        ((), {}, "missing 2 required positional arguments: 'player' and 'name'"),
        ((1,), {}, "missing 1 required positional argument: 'name'"),
        ((1, "x", 2, 3), {}, "takes from 2 to 3 positional arguments but 4 were given"),
        ((1, "x"), {"colour": 1}, "unexpected keyword argument 'colour'"),
        ((1, "x"), {"name": "y"}, "multiple values for argument 'name'"),
        ((1, 5), {}, "rename(), argument name: 5 is not a str of valid Unicode"),
        (
            (1, "x", 256),
            {},
            "rename(), argument level: 256 is not an int from 0 to 255",
        ),
        ((1, "x", True), {}, "argument level: True is not an int from 0 to 255"),
        (
            (-1, "x"),
            {},
            "argument player: -1 is not an int from 0 to 18446744073709551615",
        ),
    ],
)
@pytest.mark.parametrize("by", ["function", "name"])
def test_wrong_arguments_of_a_call(
    db: qsdb.Database, by: str, args: Any, kwargs: Any, said: str
) -> None:
    key: Any = rename if by == "function" else "rename"
    stats = db.stats()

    with refused(db, qsdb.ArgumentError, "rename(", said):
        db.call(key, *args, **kwargs)

    assert calls == []
    # _require_working rolled nothing back and called nothing.
    assert db.stats() == stats


def test_a_missing_value_of_a_row(db: qsdb.Database) -> None:
    with (
        refused(db, qsdb.ArgumentError, "Player()", "missing for owner, name"),
        db.write() as tx,
    ):
        tx[Player].insert(Player())  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("tx[Player].get()", "table player: the primary key is id; 0 values"),
        ("tx[Player].get(1, 2)", "table player: the primary key is id; 2 values"),
        ("tx[Seat].get('hall')", "table seat: the primary key is room, number; 1"),
        ("tx[Seat].delete_by_key()", "the primary key is room, number; 0 values"),
        ("tx[Log].get('x')", "table log has no primary key"),
        ("tx[Log].update(Log('x'))", "table log has no primary key"),
        ("tx[Log].upsert(Log('x'))", "table log has no primary key"),
        ("tx[Log].delete_by_key('x')", "table log has no primary key"),
        ("tx[Player].team.filter()", "table player, index team: 0 values"),
        ("tx[Player].team.filter(1, 2)", "table player, index team: 2 values"),
        ("tx[Player].rank.filter(1, 2, 3)", "index rank: 3 values for the columns"),
        ("tx[Player].team.find(1)", "index team: the columns are not unique"),
        ("tx[Player].name.range('a')", "index name: a range needs a btree"),
        (
            "tx[Player].rival.find(None)",
            "table player, index rival: many rows may have",
        ),
    ],
)
def test_wrong_arguments_of_a_table(
    db: qsdb.Database, expression: str, said: str
) -> None:
    with refused(db, qsdb.UsageError, said), db.write() as tx:
        eval(expression, globals(), {"tx": tx})


@pytest.mark.parametrize("module", [None, "game", 5, qsdb.Module, qsdb])
def test_a_database_of_no_module(module: Any) -> None:
    with pytest.raises(qsdb.ArgumentError, match=r"Database takes a qsdb\.Module, not"):
        qsdb.Database(module)


@pytest.mark.parametrize("seed", ["7", 1.5, b"", True])
def test_a_seed_that_is_no_int(seed: Any) -> None:
    with pytest.raises(qsdb.ArgumentError, match="a seed is an int or None, not"):
        qsdb.Database(game, seed=seed)


@pytest.mark.parametrize("identity", [None, "alice", bytes(32), qsdb.ConnectionId.ZERO])
def test_a_caller_that_is_no_identity(db: qsdb.Database, identity: Any) -> None:
    with refused(db, qsdb.ArgumentError, "caller takes a qsdb.Identity, not"):
        db.caller(identity)


# Keys.


@pytest.mark.parametrize("many", [False, True])
def test_a_primary_key_that_is_taken(db: qsdb.Database, *, many: bool) -> None:
    row = Player(Identity.ZERO, "carl").replace(id=1)

    with (
        refused(
            db, qsdb.UniqueError, "table player, column id: another row has 1 already"
        ),
        db.write() as tx,
    ):
        if many:
            tx[Player].insert_many([Player(Identity.ZERO, "dora"), row])
        else:
            tx[Player].insert(row)


def test_a_composite_key_that_is_taken(db: qsdb.Database) -> None:
    with (
        refused(
            db,
            qsdb.UniqueError,
            "table seat, columns room, number: another row has ('hall', 1) already",
        ) as caught,
        db.write() as tx,
    ):
        tx[Seat].insert(Seat("hall", 1, "mine"))

    assert isinstance(caught.value, qsdb.UniqueError)
    assert caught.value.columns == ("room", "number")
    assert caught.value.value == ("hall", 1)


@pytest.mark.parametrize("write", ["insert", "insert_many", "update", "upsert"])
@pytest.mark.parametrize("column", ["owner", "rival"])
def test_a_unique_value_that_is_taken(
    db: qsdb.Database, write: str, column: str
) -> None:
    row = Player(Identity.ZERO, "carl").replace(**{column: ALICE})
    if write == "update" or (write, column) == ("upsert", "owner"):
        row = row.replace(id=1 if column == "rival" else 2)

    with (
        refused(
            db,
            qsdb.UniqueError,
            f"table player, column {column}: another row has {ALICE!r} already",
        ) as caught,
        db.write() as tx,
    ):
        WRITES[write](tx[Player], row)

    assert isinstance(caught.value, qsdb.UniqueError)
    assert caught.value.value == ALICE


def test_one_key_twice_in_a_batch(db: qsdb.Database) -> None:
    rows = [Seat("roof", 1), Seat("roof", 2), Seat("roof", 1, "again")]

    with (
        refused(
            db, qsdb.UniqueError, "table seat, columns room, number", "('roof', 1)"
        ),
        db.write() as tx,
    ):
        tx[Seat].insert_many(rows)


def test_one_unique_value_twice_in_a_batch(db: qsdb.Database) -> None:
    rows = [Player(Identity.ZERO, "carl"), Player(Identity.ZERO, "dora")]

    with (
        refused(
            db, qsdb.UniqueError, "table player, column owner", "Identity.from_hex"
        ),
        db.write() as tx,
    ):
        tx[Player].insert_many(rows)


def test_an_update_of_a_missing_row(db: qsdb.Database) -> None:
    with (
        refused(
            db, qsdb.NotFoundError, "table player: there is no row with id 77"
        ) as caught,
        db.write() as tx,
    ):
        tx[Player].update(ALICES_ROW.replace(id=77))

    assert isinstance(caught.value, LookupError)


def test_an_update_of_a_missing_composite_key(db: qsdb.Database) -> None:
    with (
        refused(
            db,
            qsdb.NotFoundError,
            "table seat: there is no row with room, number ('hall', 2)",
        ),
        db.write() as tx,
    ):
        tx[Seat].update(Seat("hall", 2))


def test_an_update_of_a_missing_unique_value(db: qsdb.Database) -> None:
    with (
        refused(
            db,
            qsdb.NotFoundError,
            f"table player: there is no row with owner {Identity.ZERO!r}",
        ),
        db.write() as tx,
    ):
        tx[Player].owner.update(ALICES_ROW.replace(owner=Identity.ZERO))


def test_a_sequence_at_its_end(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx[Serial].insert(Serial().replace(number=255))

    with (
        refused(
            db,
            qsdb.LimitError,
            "table serial, column number: the sequence has come to its end, 255",
        ),
        db.write() as tx,
    ):
        tx[Serial].insert(Serial())


# Transactions, handles and databases at a wrong time.


@pytest.mark.parametrize(
    "expression",
    [
        "table.insert(row)",
        "table.insert_many([row])",
        "table.update(row)",
        "table.upsert(row)",
        "table.delete(row)",
        "table.delete_by_key(1)",
        "table.clear()",
        "table.owner.update(row)",
        "table.owner.delete(ALICE)",
        "table.team.delete(1)",
        "table.index('rank').delete(1)",
    ],
)
def test_writing_in_a_read_transaction(db: qsdb.Database, expression: str) -> None:
    with (
        refused(
            db, qsdb.ReadOnlyError, "table player: a read transaction cannot write"
        ),
        db.read() as tx,
    ):
        eval(expression, globals(), {"table": tx[Player], "row": ALICES_ROW})


USES_OF_A_HANDLE = [
    "table.insert(row)",
    "table.insert_many([row])",
    "table.insert_many([])",
    "table.get(1)",
    "table.update(row)",
    "table.upsert(row)",
    "table.delete(row)",
    "table.delete_by_key(1)",
    "table.clear()",
    "len(table)",
    "iter(table)",
    "row in table",
    "3 in table",
    "table.owner.find('x')",
    "table.team.update(row)",
    "table.team.range('x', include=True)",
    "table.owner.find(ALICE)",
    "table.owner.update(row)",
    "table.owner.delete(ALICE)",
    "table.team.filter(1)",
    "table.team.range(1)",
    "table.team.count(1)",
    "table.team.delete(1)",
    "table.name.filter('x')",
    "tx[Seat].get('hall', 1)",
    "tx.seat.get('hall', 1)",
    "tx.table('seat').get('hall', 1)",
]


@pytest.mark.parametrize("expression", USES_OF_A_HANDLE)
@pytest.mark.parametrize("end", ["commit", "rollback", "reducer", "read", "no change"])
def test_a_handle_after_its_transaction(
    db: qsdb.Database, end: str, expression: str
) -> None:
    kept: list[Any] = []
    match end:
        case "commit":
            with db.write() as tx:
                kept = [tx, tx[Player]]
                tx[Log].insert(Log("committed"))
        case "no change":
            with db.write() as tx:
                kept = [tx, tx[Player]]
        case "rollback":
            with pytest.raises(qsdb.ReducerError), db.write() as tx:
                kept = [tx, tx[Player]]
                raise qsdb.ReducerError
        case "reducer":
            wanted.append(lambda ctx: kept.extend([ctx.db, ctx.db[Player]]))
            db.call(run, 0)
        case _:
            with db.read() as reading:
                kept = [reading, reading[Player]]

    with refused(db, qsdb.ClosedError, "ended"):
        eval(
            expression,
            globals(),
            {"tx": kept[0], "table": kept[1], "row": ALICES_ROW},
        )


def test_a_context_after_its_call(db: qsdb.Database) -> None:
    kept: list[ReducerContext] = []
    wanted.append(kept.append)
    db.call(run, 0)

    with refused(db, qsdb.ClosedError, "ended"):
        rename(kept[0], 1, "x")
    with refused(db, qsdb.ClosedError, "ended"), kept[0].savepoint():
        pytest.fail("entered")


USES_OF_A_DATABASE: dict[str, Callable[[qsdb.Database], object]] = {
    "call": lambda db: db.call(rename, 1, "x"),
    "call by name": lambda db: db.call("rename", 1, "x"),
    "call as somebody": lambda db: db.caller(ALICE).call(rename, 1, "x"),
    "write": lambda db: db.write().__enter__(),
    "read": lambda db: db.read(),
    "stats": lambda db: db.stats(),
    "check": lambda db: db.check(),
    "with": lambda db: db.__enter__(),
}


@pytest.mark.parametrize("use", USES_OF_A_DATABASE)
def test_use_after_close(use: str) -> None:
    database = qsdb.Database(game)
    reading = database.read()
    players = reading[Player]
    database.close()

    with pytest.raises(qsdb.ClosedError) as caught:
        USES_OF_A_DATABASE[use](database)

    assert str(caught.value) == "the database is closed"
    for read in (lambda: players.get(1), lambda: len(players), lambda: [*reading[Log]]):
        with pytest.raises(qsdb.ClosedError):
            read()
    database.close()


NESTED: dict[str, Callable[[qsdb.Database], object]] = {
    "call": lambda db: db.call(rename, 1, "x"),
    "call as somebody": lambda db: db.caller(ALICE).call(rename, 1, "x"),
    "write": lambda db: db.write().__enter__(),
    "check": lambda db: db.check(),
    "close": lambda db: db.close(),
}


@pytest.mark.parametrize("use", NESTED)
def test_a_second_write_transaction_on_the_same_thread(
    db: qsdb.Database, use: str
) -> None:
    with refused(db, qsdb.UsageError, "inside a write transaction"), db.write() as tx:
        tx[Log].insert(Log("outer"))
        NESTED[use](db)
    assert calls == []

    with db.write() as tx:
        tx[Log].insert(Log("outer"))
        with pytest.raises(qsdb.UsageError, match="inside a write transaction"):
            NESTED[use](db)
        assert Log("outer") in tx[Log]

    assert Log("outer") in contents(db)["Log"], "the outer transaction went on"


@pytest.mark.parametrize("use", NESTED)
def test_a_write_transaction_inside_a_reducer(db: qsdb.Database, use: str) -> None:
    def inside(ctx: ReducerContext) -> None:
        ctx.db[Log].insert(Log("outer"))
        with pytest.raises(qsdb.UsageError, match="inside a write transaction"):
            NESTED[use](db)
        ctx.db[Log].insert(Log("after"))

    wanted.extend([inside, lambda ctx: NESTED[use](db)])  # noqa: ARG005

    with refused(db, qsdb.UsageError, "inside a write transaction"):
        db.call(run, 1)
    db.call(run, 0)

    assert {Log("outer"), Log("after")} <= contents(db)["Log"]


@pytest.mark.parametrize("name", ["commit", "rollback"])
def test_ending_a_transaction_by_hand(db: qsdb.Database, name: str) -> None:
    wanted.append(lambda ctx: getattr(ctx.db, name)())

    with refused(db, qsdb.UsageError), db.write() as tx:
        tx[Log].insert(Log("x"))
        getattr(tx, name)()
    with refused(db, qsdb.UsageError):
        db.call(run, 0)


@pytest.mark.parametrize("name", ["commit", "rollback"])
def test_a_write_block_is_not_ended_by_hand_either(
    db: qsdb.Database, name: str
) -> None:
    block = db.write()
    with refused(db, qsdb.UsageError, "with block"), block as tx:
        tx[Log].insert(Log("x"))
        getattr(block, name)()
    with refused(db, qsdb.UsageError, "with block"):
        getattr(db.write(), name)()


def test_a_write_block_that_is_entered_twice(db: qsdb.Database) -> None:
    block = db.write()
    with block as tx:
        tx[Log].insert(Log("x"))

    with refused(db, qsdb.UsageError, "can be entered once"), block:
        pytest.fail("entered")


def test_a_write_block_that_is_not_entered(db: qsdb.Database) -> None:
    block: Any = db.write()

    with pytest.raises((TypeError, AttributeError)):
        block[Log]
    assert db.offset == 2


def test_a_write_block_that_is_left_before_it_was_entered(db: qsdb.Database) -> None:
    block = db.write()

    with refused(db, qsdb.UsageError, "left before it was entered"):
        block.__exit__(None, None, None)


def test_a_private_reducer_of_a_stranger(db: qsdb.Database) -> None:
    with refused(db, qsdb.NotFoundError, "no reducer secret"):
        db.caller(ALICE).call(secret)


# Declarations; a database of them is never there.


def declared(declare: Callable[[qsdb.Module], object]) -> str:
    module = qsdb.Module("declared")
    with pytest.raises(qsdb.SchemaError) as caught:
        declare(module)
        qsdb.Database(module)
    return str(caught.value)


def test_a_coroutine_as_reducer() -> None:
    async def send(ctx: ReducerContext) -> None:  # noqa: ARG001
        await asyncio.sleep(0)

    assert "reducer send is a coroutine" in declared(
        lambda module: module.reducer(send)
    )


def test_a_reducer_that_hides_a_coroutine() -> None:
    module = qsdb.Module("hiding")

    class Note(qsdb.Row, module=module):
        text: str

    async def later() -> None: ...

    @module.reducer
    def send(ctx: ReducerContext) -> Any:
        ctx.db[Note].insert(Note("lost"))
        return later()

    db = qsdb.Database(module)
    with pytest.raises(qsdb.UsageError, match="send gave a coroutine"):
        db.call(send)
    assert db.stats().rows == {"note": 0}
    assert db.offset == 1


def test_a_reducer_with_an_unannotated_parameter() -> None:
    def send(ctx, text) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001

    said = declared(lambda module: module.reducer(send))

    assert "reducer send, parameter text: it needs an annotation" in said


def test_a_list_column() -> None:
    def declare(module: qsdb.Module) -> None:
        class Bag(qsdb.Row, module=module):
            things: list[u8]

    said = declared(declare)

    assert "table bag" in said
    assert "Bag.things" in said
    assert "list[u8]" in said
    assert "tuple[u8, ...]" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "st_bag"}, "table st_bag: names beginning with st_"),
        ({"name": "other"}, "table other: it is declared twice"),
        (
            {"indexes": [qsdb.BTree("a"), qsdb.Hash("a")]},
            "index a: it is declared twice",
        ),
        ({"primary_key": ("a", "a")}, "primary_key: it names a column twice"),
    ],
    ids=str,
)
def test_duplicate_or_reserved_names(options: dict[str, Any], said: str) -> None:
    def declare(module: qsdb.Module) -> None:
        class Other(qsdb.Row, module=module):
            a: u8

        class Bag(qsdb.Row, module=module, **options):
            a: u8

    assert said in declared(declare)


def test_duplicate_or_reserved_columns() -> None:
    def declare(module: qsdb.Module) -> None:
        class Bag(qsdb.Row, module=module):
            a: u8
            b: u8 = qsdb.column(name="a")
            _c: u8
            replace: u8  # type: ignore[assignment]

    said = declared(declare)

    assert "table bag, column b: the name 'a' is that of a already" in said
    assert "table bag, Bag._c: a column's attribute cannot begin with" in said
    assert "table bag, Bag.replace: replace is a method of every row" in said


def test_duplicate_reducers() -> None:
    def declare(module: qsdb.Module) -> None:
        for _ in range(2):

            @module.reducer
            def send(ctx: ReducerContext) -> None: ...

    assert "reducer send: it is declared twice" in declared(declare)


# Other threads are not in the way.


def test_a_refusal_on_one_thread_leaves_the_lock_to_others(db: qsdb.Database) -> None:
    with pytest.raises(qsdb.KindError), db.write() as tx:
        tx[Log].insert(Log(5))  # type: ignore[arg-type]

    thread = threading.Thread(target=db.call, args=(rename, 1, "zoe"))
    thread.start()
    thread.join(5)

    assert not thread.is_alive()
    assert calls == ["rename"]


# What a declaration may be called, and how deep it may go.


def test_a_table_of_any_name() -> None:
    module = qsdb.Module("a\0b")
    for name in ("a\0b", "\n", "\x1b[2J", "x" * 70_000):
        module.add_table(Log, name=name)
    with qsdb.Database(module) as opened:
        with opened.write() as tx:
            assert tx.table("a\0b").insert(Log("kept")) == Log("kept")
        opened.check()


@pytest.mark.parametrize("count", [63, 400, 1500])
def test_a_column_of_many_levels(count: int) -> None:
    deep: Any = qsdb.u8
    for _ in range(count):
        deep = tuple[deep, ...]
    module = qsdb.Module("deep")

    class Deep(qsdb.Row, module=module):
        column: deep

    with pytest.raises(qsdb.SchemaError) as caught:
        qsdb.Database(module)
    assert caught.value.mistakes == (
        "module deep, table deep, Deep.column: it nests kinds more than 62 levels deep",
    )


def test_too_many_items_that_hold_nothing() -> None:
    module = qsdb.Module("units")

    class Unit(qsdb.Product):
        pass

    class Units(qsdb.Row, module=module):
        units: tuple[Unit, ...]

    with qsdb.Database(module) as opened, opened.write() as tx:
        assert len(tx[Units].insert(Units((Unit(),) * 256)).units) == 256
        with pytest.raises(qsdb.KindError, match=r"column units: .* at most 256 Unit"):
            tx[Units].insert(Units((Unit(),) * 257))
