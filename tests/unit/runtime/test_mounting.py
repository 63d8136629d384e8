"""Modules in modules: names in code, SQL, calls and caches, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

import qsdb
from qsdb import Identity, ReducerContext, ScheduleAt, TimeDuration, Timestamp, u32, u64
from qsdb.testing import FakeClock

ANN = Identity.from_claims("tests", "ann")
BOB = Identity.from_claims("tests", "bob")

tokens = qsdb.Module("tokens")


class Token(qsdb.Row, module=tokens, public=True):
    id: u64 = qsdb.primary_key(auto_inc=True)
    text: str = qsdb.unique()


@tokens.reducer
def issue(ctx: ReducerContext, text: str) -> u64:
    assert ctx.db.token.text.find(text) is None
    return ctx.db[Token].insert(Token(text)).id


auth = qsdb.Module("auth")
auth.mount("tokens", tokens)
auth.row_filter("SELECT * FROM session WHERE who = :sender")
auth.row_filter(
    "SELECT s.* FROM session s JOIN tokens.token t ON t.id = s.token "
    "WHERE t.text = 'public'"
)


class Session(qsdb.Row, module=auth, public=True):
    id: u64 = qsdb.primary_key(auto_inc=True)
    who: Identity = qsdb.index()
    token: u64


class Bang(qsdb.Row, module=auth, public=True, event=True):
    text: str


class Sweep(qsdb.Row, module=auth, scheduled="sweep"):
    scheduled_id: u64 = qsdb.primary_key(auto_inc=True)
    scheduled_at: ScheduleAt


@auth.reducer
def login(ctx: ReducerContext, text: str) -> u64:
    token = issue(ctx.within("tokens"), text)
    assert ctx.db.sql("SELECT COUNT(*) AS n FROM tokens.token")[0].n >= 1
    ctx.db.table("bang").insert(Bang(text))
    row: Session = ctx.db.session.insert(Session(ctx.sender, token))
    found = ctx.db.sql("SELECT * FROM session WHERE who = :sender")
    assert row in found.rows
    assert row in ctx.db[Session]
    return row.id


@auth.reducer
def sweep(ctx: ReducerContext, row: Sweep) -> None:
    assert ctx.auth.is_internal
    assert row in ctx.db[Sweep]
    with ctx.savepoint():
        ctx.db[Session].clear()


@auth.reducer(private=True)
def describe(ctx: ReducerContext) -> str:
    ctx.log.info("described")
    number = ctx.random.randrange(10)
    same = ctx.timestamp == ctx.db.timestamp
    return f"{ctx.db!r} {ctx.connection_id} {ctx.identity == ANN} {number < 10} {same}"


def outer_module() -> qsdb.Module:
    module = qsdb.Module("app")
    module.mount("auth", auth)

    class Note(qsdb.Row, module=module, public=True):
        id: u32 = qsdb.primary_key()
        session: u64

    @module.reducer
    def enter(ctx: ReducerContext, note: u32) -> u64:
        session = login(ctx.within("auth"), f"note {note}")
        ctx.db[Note].insert(Note(note, session))
        assert len(ctx.db[Session]) == len(ctx.db.auth.session)
        return session

    return module


def database(**options: Any) -> qsdb.Database:
    return qsdb.Database(outer_module(), **options)


def test_tables_are_reached_by_all_their_names() -> None:
    with database() as db:
        with db.write() as tx:
            first = tx.auth.session.insert(Session(ANN, 1))
            assert tx.table("auth.session").get(1) == first
            assert tx.auth.table("session") is tx[Session]
            assert tx.auth[Session] is tx[Session]
            made = tx.auth.tokens.token.insert(Token("x"))
            assert tx.auth.tokens[Token].get(made.id) == made
            assert repr(tx.auth.tokens) == "<auth.tokens in a transaction>"
            assert tx.auth.sql("SELECT token FROM session")[0].token == 1
        with db.read() as reading:
            assert [*reading.auth.session] == [first]
            assert reading.auth.offset == reading.offset
            assert len(reading.auth.sql("SELECT * FROM tokens.token")) == 1
            with pytest.raises(AttributeError, match="no table 'nothing'; there are:"):
                reading.auth.nothing  # noqa: B018
            with pytest.raises(
                qsdb.NotFoundError, match=r"no table .token.; there are: s"
            ):
                reading.auth.table("token")
            with pytest.raises(
                qsdb.NotFoundError, match="no table of int; there are: s"
            ):
                reading.auth[int]
        with pytest.raises(qsdb.ClosedError):
            len(reading.auth.table("tokens.token"))


@pytest.mark.parametrize(
    "name", ["auth.session", '"auth".session', '"auth"."session"', '"auth.session"']
)
def test_sql_has_the_whole_names(name: str) -> None:
    with database() as db:
        db.sql(f"INSERT INTO {name} (who, token) VALUES (:sender, 7)")
        assert db.sql(f"SELECT token FROM {name} WHERE {name}.token = 7")[0].token == 7
        assert db.sql(f"SELECT s.* FROM {name} s")[0].token == 7
        joined = f"SELECT {name}.* FROM {name} JOIN note ON note.session = {name}.id"
        assert db.sql(joined).rows == []
        assert db.sql(f"DELETE FROM {name}").rows_affected == 1


def test_reducers_are_called_by_all_their_names() -> None:
    with database() as db, db.connect(BOB) as conn:
        assert db.call("auth.login", "a") == 1
        assert db.call(login, "b") == 2
        assert conn.reducers.auth.login("c") == 3
        assert conn.reducers.auth.tokens.issue("d") == 4
        assert conn.call("enter", 5) == 4
        assert (
            db.call("auth.describe") == "<auth in a transaction> None False True True"
        )
        with pytest.raises(
            AttributeError, match=r"no reducer 'auth\.describe'; there are"
        ):
            conn.reducers.auth.describe()
        with pytest.raises(qsdb.NotFoundError, match="no reducer login"):
            db.call("login", "a")
        with pytest.raises(qsdb.ArgumentError):
            db.call("auth.login", 5)
        with pytest.raises(
            qsdb.NotFoundError, match="nothing is mounted as 'nix'; there"
        ):
            db.call(misled)


@tokens.reducer
def misled(ctx: ReducerContext) -> None:
    ctx.within("nix")


def test_caches_filters_and_events() -> None:
    with database() as db, db.connect(BOB) as bob, db.connect(ANN) as ann:
        heard: list[str] = []
        bob.db.auth.bang.on_insert(lambda _, row: heard.append(row.text))
        for conn in (ann, bob):
            conn.subscribe("SELECT * FROM auth.session", "SELECT * FROM auth.bang")
        bob.subscribe("SELECT * FROM auth.tokens.token")
        ann.reducers.auth.login("hers")
        bob.reducers.auth.login("his")
        assert [row.who for row in bob.db.auth.session] == [BOB]
        assert [row.who for row in ann.db[Session]] == [ANN]
        bob.reducers.enter(1)
        db.sql("UPDATE auth.tokens.token SET text = 'public' WHERE id = 1")
        assert sorted(row.who for row in bob.db.auth[Session]) == sorted(
            [ANN, BOB, BOB]
        )
        assert len(bob.db.auth.tokens.token) == 3
        assert heard == ["hers", "his", "note 1"]
        with pytest.raises(qsdb.NotFoundError, match=r"no table 'auth\.nix'"):
            bob.db.auth.nix  # noqa: B018
        with pytest.raises(qsdb.NotFoundError, match="is in this cache"):
            bob.db.auth[qsdb.Row]


def test_schedules_run() -> None:
    clock = FakeClock(Timestamp.parse("2026-01-01T00:00:00Z"))
    with database(clock=clock) as db:
        db.call("auth.login", "a")
        with db.write() as tx:
            due = ScheduleAt.interval(TimeDuration.from_seconds(1))
            tx[Sweep].insert(Sweep(due))
        clock.advance(1)
        assert db.run_due() == 1
        assert len(db.sql("SELECT * FROM auth.session")) == 0
        assert db.sql("SELECT * FROM st_scheduled")[0].reducer_name == "auth.sweep"


def test_a_cache_gives_tables_of_mounted_modules_by_name() -> None:
    app = qsdb.Module("app")
    app.mount("auth", auth)
    with qsdb.Database(app) as db, db.connect(ANN) as client:
        assert client.db.auth.table("session") is client.db.auth.session
        assert client.db.table("auth.session") is client.db.auth.session
        with pytest.raises(qsdb.NotFoundError):
            client.db.auth.table("nothing")


def test_all_of_it_is_on_disk(tmp_path: Path) -> None:
    with database(path=tmp_path / "db") as db:
        db.caller(ANN).call("auth.login", "a")
    with database(path=tmp_path / "db") as db:
        assert db.caller(ANN).call("auth.login", "b") == 2
        db.check()
    with qsdb.Database(None, tmp_path / "db", read_only=True) as stored:
        assert len(stored.sql("SELECT * FROM auth.session", sender=ANN)) == 2
        assert len(stored.sql("SELECT * FROM auth.session", sender=BOB)) == 0
        with stored.read() as reading:
            assert len(reading.auth.session) == 2


def test_a_module_is_mounted_several_times() -> None:
    module = qsdb.Module("twice")
    module.mount("left", tokens)
    module.mount("right", tokens)
    with qsdb.Database(module) as db:
        assert db.call("left.issue", "a") == 1
        assert db.call("left.issue", "b") == 2
        assert db.call("right.issue", "a") == 1
        assert len(db.sql('SELECT l.* FROM "left".token l JOIN "right"."token" r')) == 2
        with db.read() as tx:
            assert len(tx.left[Token]) == 2
            with pytest.raises(
                qsdb.NotFoundError, match="no table of Token; there are"
            ):
                tx[Token]
        with pytest.raises(
            qsdb.NotFoundError, match="no reducer issue; there are: left"
        ):
            db.call(issue, "c")


def test_a_module_may_be_open_by_itself_too() -> None:
    with qsdb.Database(auth) as db, database() as outer:
        assert db.call(login, "a") == outer.call(login, "a") == 1
        assert db.call(login, "b") == 2


def test_the_own_table_of_a_class_comes_first() -> None:
    module = qsdb.Module("own")
    module.mount("inner", tokens)
    module.add_table(Token, name="my.own")
    module.add_table(Token, name="mine")
    with qsdb.Database(module) as db, db.write() as tx:
        tx[Token].insert(Token("x"))
        assert len(tx.table("my.own")) == 1
        assert len(tx.mine) == 0
        assert len(tx.table("inner.token")) == 0


def test_a_module_that_grows_is_read_anew() -> None:
    inner, module = qsdb.Module("inner"), qsdb.Module("outer")
    module.mount("inner", inner)
    first = module.compiled()
    assert module.compiled() is first
    inner.add_table(Token)
    assert [each.schema.name for each in module.compiled().tables] == ["inner.token"]


# What is refused.


def mistakes_of(module: qsdb.Module) -> list[str]:
    with pytest.raises(qsdb.SchemaError) as caught:
        qsdb.Database(module)
    return [each.removeprefix("module m, ") for each in caught.value.mistakes]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("a b", "'a b' is no name of an attribute"),
        ("class", "'class' is no name of an attribute"),
        (5, "5 is no name of an attribute"),
        ("x" * 64, "the name has 64 characters; 63 is the most"),
        ("st_x", "the name is reserved"),
        ("_x", "the name is reserved"),
        ("sql", "the name is reserved"),
        ("public", "the name is reserved"),
    ],
)
def test_names_are_refused(name: Any, fault: str) -> None:
    module = qsdb.Module("m")
    module.mount(name, tokens)

    assert mistakes_of(module) == [f"mount {name}: {fault}"]


def test_all_mistakes_are_told_together() -> None:
    module, inner = qsdb.Module("m"), qsdb.Module("inner")
    module.add_table(Token, name="auth")
    module.add_table(Token, name="deep.token")
    module.mount("auth", tokens)
    module.mount("deep", tokens)
    module.mount("inner", inner)
    module.mount("inner", tokens)

    @module.reducer
    def enter(ctx: ReducerContext) -> None: ...

    module.mount("enter", tokens)

    @inner.init
    def init(ctx: ReducerContext) -> None: ...

    class Wrong(qsdb.Row, module=inner):
        tags: list[str]

    inner.row_filter("SELECT * FROM auth")

    told = [each.partition(";")[0] for each in mistakes_of(module)]
    assert told[3].startswith("mount inner: table wrong, Wrong.tags: list[str] can")
    assert told[-1].startswith("row filter 'SELECT * FROM auth' in inner: line 1, col")
    assert [*told[:3], *told[4:-1]] == [
        "mount inner: it is mounted twice",
        "mount auth: there is a table auth",
        "mount deep: there is a table deep.token",
        "mount inner: init: a module that is mounted has none",
        "mount enter: there is a reducer enter",
    ]


def test_nothing_is_mounted_where_a_view_is() -> None:
    module = qsdb.Module("m")
    module.mount("mine", tokens)
    module.mount("other", tokens)
    module.add_table(Token)

    @module.view(public=True)
    def mine(ctx: qsdb.ViewContext) -> list[Token]:
        return [*ctx.db[Token]]

    assert mistakes_of(module) == ["mount mine: there is a view mine"]


def test_a_module_is_not_inside_of_itself() -> None:
    module, middle, inner = [qsdb.Module(name) for name in ("m", "middle", "inner")]
    module.mount("me", module)
    module.mount("middle", middle)
    middle.mount("inner", inner)
    inner.mount("outer", module)

    assert mistakes_of(module) == [
        "mount me: module m would be inside of itself",
        "mount middle: mount inner: mount outer: module m would be inside of itself",
    ]


def test_what_is_mounted_is_a_module() -> None:
    with pytest.raises(qsdb.SchemaError, match="module m: mount takes a Module, not 5"):
        qsdb.Module("m").mount("x", 5)  # type: ignore[arg-type]


def test_a_module_may_have_no_tables() -> None:
    sums = qsdb.Module("sums")

    @sums.reducer
    def twice(ctx: ReducerContext, number: u32) -> int:
        ctx.log.info("doubled")
        return 2 * number

    inner = qsdb.Module("inner")
    inner.mount("sums", sums)
    outer = qsdb.Module("outer")
    outer.mount("inner", inner)

    @outer.reducer
    def four(ctx: ReducerContext) -> int:
        return twice(ctx.within("inner").within("sums"), 2)

    @outer.reducer
    def lost(ctx: ReducerContext) -> None:
        ctx.within("outer")

    with qsdb.Database(outer) as db:
        assert db.call("inner.sums.twice", 4) == 8
        assert db.call(four) == 4
        with pytest.raises(qsdb.NotFoundError, match="nothing is mounted as 'outer'"):
            db.call(lost)


def test_uuids_of_one_call_ascend_through_all_modules() -> None:
    app = qsdb.Module("app")
    app.mount("tokens", tokens)

    @app.reducer
    def make(ctx: ReducerContext) -> bool:
        inner = ctx.within("tokens")
        made = [each.new_uuid_v7() for each in (ctx, inner, ctx, inner)]
        assert inner.new_uuid_v4().version == 4
        return made == sorted(made)

    with qsdb.Database(app) as db:
        assert db.call(make)


def test_what_only_the_outermost_module_has() -> None:
    inner = qsdb.Module("inner")

    class Thing(qsdb.Row, module=inner):
        name: str

    @inner.migration(from_=None, tables=[Thing])
    def move(ctx: qsdb.MigrationContext) -> None: ...

    outer = qsdb.Module("outer")
    outer.mount("inner", inner)
    with pytest.raises(qsdb.SchemaError) as caught:
        qsdb.Database(outer)
    assert [each.partition(", mount inner: ")[2] for each in caught.value.mistakes] == [
        "migration functions belong to the outermost module",
    ]


def test_a_mount_that_is_gone_says_where_its_rows_may_stay() -> None:
    def seats(module: qsdb.Module, **options: Any) -> type[Any]:
        class Seat(qsdb.Row, module=module, public=True, **options):
            id: u64 = qsdb.primary_key()

        return Seat

    def app(name: str) -> tuple[qsdb.Module, type[Any]]:
        inner, outer = qsdb.Module("auth"), qsdb.Module("app")
        found = seats(inner)
        outer.mount(name, inner)
        return outer, found

    before, seat = app("auth")
    with qsdb.Database(before, seed=1) as db:
        with db.write() as tx:
            tx[seat].insert(seat(7))

        with pytest.raises(qsdb.SchemaError) as caught:
            db.publish(app("other")[0], allow_breaking=True)
        assert str(caught.value).startswith(
            "table auth.seat: its rows go only by drop=['auth.seat'], and stay in a "
            "table of the outermost module by renamed_from='auth.seat'; the table has 1"
        )

        after = qsdb.Module("app")
        kept = seats(after, renamed_from="auth.seat")
        db.publish(after, allow_breaking=True)
        with db.read() as reading:
            assert [*reading[kept]] == [kept(7)]
