"""Visits: calling and asking for as long as a request takes."""

import pytest

import qsdb
from qsdb.errors import QueryError
from qsdb.runtime.visits import access
from qsdb.testing import SimulatedDirectory
from qsdb.values.identity import Identity

visited = qsdb.Module("visited")
ANN = Identity.from_claims("tests", "ann")


class Mark(qsdb.Row, module=visited, public=True):
    word: str = qsdb.primary_key()


@visited.reducer
def mark(ctx: qsdb.ReducerContext, word: str) -> str:
    ctx.db[Mark].insert(Mark(word))
    assert ctx.connection_id is not None
    assert ctx.auth.claims is not None
    return f"{word} by {ctx.auth.claims['sub']}"


def test_a_visitor_calls_with_claims_and_a_number() -> None:
    with qsdb.Database(visited) as db:
        parts = access(db)
        sender = parts.sender(ANN, {"sub": "ann"})
        with parts.visit(sender) as caller:
            assert caller.call(mark, "a") == "a by ann"
            assert [row.word for row in caller.sql("SELECT * FROM mark")] == ["a"]
        assert caller.identity == ANN
        assert parts.module.name == "visited"
        assert parts.sender(ANN, {}).connection != sender.connection
        assert parts.sender(ANN, {}, sender.connection).connection == sender.connection


def test_what_is_only_read_can_be_visited() -> None:
    disk = SimulatedDirectory()
    qsdb.Database(visited, disk).close()
    with qsdb.Database(visited, disk, read_only=True) as db:
        parts = access(db)
        assert parts.clients is None
        with parts.visit(parts.sender(ANN, {})) as caller:
            assert len(caller.sql("SELECT * FROM mark").rows) == 0


def test_a_select_is_answered_in_stored_rows() -> None:
    with qsdb.Database(visited) as db:
        parts = access(db)
        with db.write() as tx:
            tx[Mark].insert(Mark("a"))

        prepared, rows = parts.select("SELECT * FROM mark", ANN)

        assert prepared.columns == ("word",)
        assert rows() == [("a",)]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("SHOW row_limit", "only a SELECT can be asked like this"),
        ("SELECT * FROM nothing", "there is no table nothing"),
    ],
)
def test_what_is_no_select_is_refused(text: str, fault: str) -> None:
    with qsdb.Database(visited) as db, pytest.raises(QueryError, match=fault):
        access(db).select(text, ANN)


def test_a_module_that_is_published_meanwhile_is_said() -> None:
    wider = qsdb.Module("visited")
    wider.add_table(Mark, public=True)
    wider.add_table(Mark, name="other", public=True)
    with qsdb.Database(visited) as db:
        _, rows = access(db).select("SELECT * FROM mark", ANN)

        db.publish(wider)

        with pytest.raises(QueryError, match="another module was published meanwhile"):
            rows()


def test_a_visitor_may_look_at_few_rows() -> None:
    with qsdb.Database(visited) as db:
        with db.write() as tx:
            tx[Mark].insert_many([Mark(str(number)) for number in range(20)])
        db.sql("SET row_limit = 10")
        with pytest.raises(QueryError, match="row_limit"):
            access(db).select("SELECT * FROM mark", ANN)
        _, rows = access(db).select("SELECT * FROM mark", db.owner)
        assert len(rows()) == 20


def test_long_texts_of_strangers_are_not_kept() -> None:
    with qsdb.Database(visited) as db:
        parts = access(db)
        hub = parts.subscriptions
        short = "SELECT * FROM mark"
        long = f"{short} WHERE word <> '{'a' * 1000}'"

        for text, who, is_kept in (
            (short, ANN, True),
            (long, ANN, False),
            (long, db.owner, True),
        ):
            read = [parts.prepared(text, who) for _ in range(2)]
            asked = [hub.asked(text, who == db.owner) for _ in range(2)]
            assert (read[0] is read[1]) == (asked[0] is asked[1]) == is_kept
