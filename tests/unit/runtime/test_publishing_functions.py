"""Views, procedures and row filters when another module is published."""

from collections.abc import Callable
from typing import Any

import pytest

import qsdb
from qsdb import Identity, u32
from qsdb.runtime.writer import Writer
from qsdb.testing import FakeClock, SimulatedDirectory
from tests.support.editions import QUIET

ANN = Identity.from_claims("test", "ann")


def hall(  # noqa: C901  a module with all that it has
    level: int = 0, *, fails: bool = False, wide: bool = False
) -> qsdb.Module:
    """Give a module with a view on a table, by key and by range, and a procedure."""
    module = qsdb.Module("hall")

    class Player(qsdb.Row, module=module):
        identity: Identity = qsdb.primary_key()
        level: u32 = qsdb.index()

    class Line(qsdb.Product):
        level: u32
        text: str

    @module.reducer
    def join(ctx: qsdb.ReducerContext, points: u32) -> None:
        ctx.db[Player].upsert(Player(ctx.sender, points))

    @module.view(public=True)
    def me(ctx: qsdb.ViewContext) -> Player | None:
        if fails:
            raise ValueError("no more")
        return ctx.db[Player].get(ctx.sender)

    @module.view(public=True)
    def great(ctx: qsdb.AnonymousViewContext, more: u32 = 0) -> list[Player]:
        return list(ctx.db[Player].level.range(level + more))

    @module.view(public=True)
    def mine(_: qsdb.ViewContext) -> qsdb.Query[Player]:
        text = f"SELECT * FROM player WHERE identity = :sender AND level >= {level}"
        return qsdb.Query(text)

    def lines(ctx: qsdb.AnonymousViewContext) -> list[Player]:
        return list(ctx.db[Player])

    def wide_lines(ctx: qsdb.AnonymousViewContext) -> list[Line]:
        return [Line(each.level, "!") for each in ctx.db[Player]]

    wide_lines.__name__ = "lines"
    function: Any = wide_lines if wide else lines
    module.view(public=True)(function)

    @module.procedure
    def count(ctx: qsdb.ProcedureContext) -> int:
        with ctx.transaction() as tx:
            return len(tx.player) + level

    return module


def opened(module: qsdb.Module, path: Any = None) -> qsdb.Database:
    return qsdb.Database(module, path, seed=1, clock=FakeClock(), options=QUIET)


def levels(found: Any) -> list[int]:
    return sorted([row.level for row in found])


def test_views_go_on_with_their_new_functions() -> None:
    db = opened(hall())
    with db.connect(ANN) as ann:
        ann.call("join", 3)
        db.call("join", 7)
        told: list[qsdb.Update] = []
        great = db.subscribe("SELECT * FROM great", told.append)
        more = db.subscribe("SELECT * FROM great(2) WHERE level < 100")
        ann.subscribe("SELECT * FROM me", "SELECT * FROM mine")
        assert levels(great.rows) == [3, 7]
        runs = db.stats().view_runs

        plan = db.publish(hall(5))

        assert plan.is_empty
        assert levels(great.rows) == [7]
        assert levels(more.rows) == [7]
        [update] = told
        assert levels(update.deletes) == [3]
        assert update.inserts == []
        assert levels(ann.db.me) == [3]
        assert levels(ann.db.mine) == []
        assert db.stats().views == 4
        assert db.stats().view_runs > runs
        ann.call("join", 6)
        assert levels(great.rows) == [6, 7]
        assert levels(ann.db.me) == levels(ann.db.mine) == [6]
        assert levels(db.sql("SELECT * FROM great(2)")) == [7]
        assert db.call("count") == 7
        db.check()
    for each in (great, more):
        each.close()
    assert db.stats().views == 0


def test_results_of_views_change_more_than_once_at_one_offset() -> None:
    db = opened(hall())
    with db.connect(ANN) as ann:
        great = db.subscribe("SELECT * FROM great")
        sub = ann.subscribe("SELECT * FROM great")
        for points in (3, 7):
            db.caller(Identity.from_claims("test", str(points))).call("join", points)

        for level, expected in ((5, [7]), (2, [3, 7]), (9, [])):
            db.publish(hall(level))  # and none of these is a commit
            assert levels(great.rows) == levels(sub.rows) == expected
        assert db.offset == 3
        great.close()


def test_a_reader_is_told_what_a_publication_changes_without_a_commit() -> None:
    db = opened(hall())
    db.call("join", 3)
    with db.subscribe("SELECT * FROM great") as great:
        db.publish(hall(5))
        [update] = great.changes(timeout=0)
        assert levels(update.deletes) == [3]
        assert update.offset == update.offsets[-1] == db.offset


def test_a_view_that_fails_then_ends_what_is_subscribed_to_it() -> None:
    db = opened(hall())
    errors: list[qsdb.QueryError] = []
    me = db.subscribe("SELECT * FROM me", on_error=errors.append)
    great = db.subscribe("SELECT * FROM great")
    db.call("join", 7)

    db.publish(hall(fails=True))

    assert me.error is not None
    assert "view me failed: ValueError: no more" in str(me.error)
    assert errors == [me.error]
    db.call("join", 8)
    assert levels(great.rows) == [8]
    assert db.stats().views == 1


def test_a_view_with_other_columns_is_another_one() -> None:
    db = opened(hall())
    client = db.connect(ANN)
    lines = db.subscribe("SELECT * FROM lines")
    others = db.subscribe("SELECT * FROM great")
    with pytest.raises(qsdb.SchemaError, match="view lines"):
        db.publish(hall(wide=True))
    assert not lines.error

    plan = db.publish(hall(wide=True), allow_breaking=True)

    [step] = plan.breaking
    assert step.subject == "view lines"
    assert "view lines" in str(lines.error) or "lines had" in str(lines.error)
    db.call("join", 1)
    assert levels(others.rows) == [1]
    with pytest.raises(qsdb.ClosedError):
        client.sql("SELECT * FROM me")
    [row] = db.sql("SELECT * FROM lines")
    assert (row.level, row.text) == (1, "!")


def test_the_catalogue_has_the_functions_of_the_new_module() -> None:
    disk = SimulatedDirectory()
    with opened(hall(), disk) as db:
        plan = db.publish(hall(wide=True), allow_breaking=True)
        assert not plan.is_empty
        assert len(db.sql("SELECT view_name FROM st_view")) == 4
        assert db.sql("SELECT name FROM st_procedure").rows == [("count",)]
        assert db.plan(hall(wide=True)).is_empty
        assert not db.plan(hall()).is_empty
    bare = qsdb.Module("hall")

    class Player(qsdb.Row, module=bare):
        identity: Identity = qsdb.primary_key()
        level: u32 = qsdb.index()

    with opened(bare, disk) as db:
        assert db.sql("SELECT view_name FROM st_view").rows == []
        assert db.sql("SELECT name FROM st_procedure").rows == []
    with opened(hall(3), disk) as db:
        db.call("join", 4)
        assert db.call("count") == 4
        assert levels(db.sql("SELECT * FROM great")) == [4]


def noting(text: str) -> qsdb.Module:
    """Give a module whose every function notes a text."""
    module = qsdb.Module("noting")
    module.add_table(Noted, name="noted")

    @module.client_connected
    def come(ctx: qsdb.ReducerContext) -> None:
        ctx.db.table("noted").insert(Noted(f"{text} come"))

    @module.client_disconnected
    def go(ctx: qsdb.ReducerContext) -> None:
        ctx.db.table("noted").insert(Noted(f"{text} go"))

    @module.reducer
    def note(ctx: qsdb.ReducerContext) -> None:
        ctx.db.table("noted").insert(Noted(f"{text} note"))

    @module.procedure
    def ask(ctx: qsdb.ProcedureContext) -> None:
        ctx.call("note")

    return module


class Noted(qsdb.Row):
    text: str


@pytest.mark.parametrize(
    ("function", "noted"),
    [("connect", "new come"), ("close", "new go"), ("ask", "new note")],
)
def test_what_waits_for_the_lock_runs_the_function_of_the_new_module(
    function: str, noted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = opened(noting("old"))
    conn, begin = db.connect(), Writer.begin
    calls: dict[str, Callable[[], object]] = {
        "connect": db.connect,
        "close": conn.close,
        "ask": lambda: db.call("ask"),
    }

    def publish_first(waiting: Writer) -> Any:
        """Stand for a thread that publishes while this one waits for the lock."""
        monkeypatch.undo()
        db.publish(noting("new"))
        return begin(waiting)

    monkeypatch.setattr(Writer, "begin", publish_first)
    calls[function]()

    assert [row.text for row in db.sql("SELECT * FROM noted")] == ["old come", noted]
    clients = {"connect": 2, "close": 0, "ask": 1}
    assert len(db.sql("SELECT * FROM st_client")) == clients[function]


def test_no_call_is_begun_by_what_runs_while_a_module_is_published() -> None:
    """A commit in the middle would be lost with the tables that it was made on."""
    was, module = noting("old"), noting("new")
    attempts: list[BaseException] = []

    class Other(qsdb.Row, module=module):
        id: u32 = qsdb.primary_key()

    @module.migration(from_=was.schema_hash(), tables=[Other])
    def move(_: qsdb.MigrationContext) -> None:
        with pytest.raises(qsdb.UsageError, match="inside a write transaction") as no:
            db.call("note")
        attempts.append(no.value)

    db = qsdb.Database(was)
    db.call("note")
    live = db.subscribe("SELECT * FROM noted")

    db.publish(module)

    assert len(attempts) == 1
    assert db.offset == 3
    assert [row.text for row in live.rows] == ["old note"]
    live.close()


def test_no_call_is_begun_by_a_view_that_is_kept_current() -> None:
    module = noting("a")

    @module.view
    def meddling(ctx: qsdb.AnonymousViewContext) -> list[Noted]:
        found = [*ctx.db.table("noted")]
        db.call("note")
        return [Noted(f"{row}") for row in found]

    db = qsdb.Database(module)
    with pytest.raises(qsdb.QueryError, match="view meddling failed: UsageError"):
        db.subscribe("SELECT * FROM meddling")
    assert db.offset == 1


def test_a_migration_that_inserts_into_an_event_table_is_refused() -> None:
    was, module = noting("old"), noting("new")

    class Moved(qsdb.Row, module=module, event=True):
        text: str

    class Other(qsdb.Row, module=module):
        id: u32 = qsdb.primary_key()

    @module.migration(from_=was.schema_hash(), tables=[Other])
    def move(ctx: qsdb.MigrationContext) -> None:
        ctx.db[Moved].insert(Moved("everything"))

    db = qsdb.Database(was)
    with pytest.raises(
        qsdb.UsageError, match="migration move inserted into moved, an event table"
    ):
        db.publish(module)
    assert db.offset == 1
    db.check()


def inn(
    *, has_all: bool = False, name: str = "come", path: str = "/hook"
) -> qsdb.Module:
    """Give a module with functions that no catalogue has, or without."""
    module = qsdb.Module("inn")

    def come(_: qsdb.ReducerContext) -> None: ...

    def hook(_: qsdb.ProcedureContext, __: qsdb.HttpRequest) -> qsdb.HttpResponse:
        return qsdb.HttpResponse()

    come.__name__ = name
    if has_all:
        module.client_connected(come)
        module.http("GET", path)(hook)

        @module.init
        def begin(_: qsdb.ReducerContext) -> None: ...

    return module


def steps(plan: qsdb.MigrationPlan) -> list[tuple[str, str]]:
    assert not plan.breaking
    assert not plan.losses
    return [(each.subject, each.text) for each in plan.steps]


def test_a_plan_tells_of_functions_that_no_catalogue_has() -> None:
    with opened(inn()) as db:
        offset = db.offset
        full = inn(has_all=True)
        assert steps(db.plan(full)) == [
            ("client_connected", "is added: come"),
            ("init", "is added: begin, which does not run, as the database is there"),
            ("http GET /hook", "is added: hook"),
        ]
        db.publish(full)
        assert db.offset == offset
        assert db.plan(inn(has_all=True)).is_empty
        assert steps(db.plan(inn(has_all=True, name="enter", path=""))) == [
            ("client_connected", "is enter, was come"),
            ("http GET /hook", "is removed: hook"),
            ("http GET", "is added: hook"),
        ]
        assert ("init", "is removed: begin") in steps(db.plan(inn()))
