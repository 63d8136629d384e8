"""Row 198: modules that others are made of."""

from collections.abc import Callable

import pytest

import qsdb
from qsdb import Identity, ReducerContext, Row, SchemaError, u64
from qsdb.testing import database


def test_row_198_a_module_is_mounted_in_another_below_a_name() -> None:
    auth = qsdb.Module("auth")

    class Session(Row, module=auth, public=True):
        id: u64 = qsdb.primary_key(auto_inc=True)
        who: Identity = qsdb.unique()

    @auth.reducer
    def login(ctx: ReducerContext) -> int:
        return ctx.db[Session].insert(Session(ctx.sender)).id

    auth.row_filter("SELECT * FROM session WHERE who = :sender")
    players = qsdb.Module("players")
    players.mount("auth", auth)
    game = qsdb.Module("game")
    game.mount("players", players)
    game.mount("auth", auth)  # also twice: each has its rows and numbers

    @game.reducer
    def enter(ctx: ReducerContext) -> int:
        login(ctx.within("players").within("auth"))  # in one transaction
        return len(ctx.db.players.auth.session)

    with database(game) as db, db.connect() as client, db.connect() as other:
        for each in (client, other):
            each.subscribe("SELECT * FROM auth.session")
        assert client.reducers.auth.login() == 1
        assert db.call("auth.login") == 2
        assert client.reducers.enter() == 1
        assert [row.who for row in client.db.auth.session] == [client.identity]
        assert not list(other.db.auth.session)  # its filters go with it
        assert len(db.sql("SELECT * FROM players.auth.session")) == 1
        with db.read() as tx:
            assert len(tx.auth.session) == 2
            assert len(tx.table("players.auth.session")) == 1
        with pytest.raises(qsdb.NotFoundError):
            client.call("login")


def test_row_198_what_cannot_be_mounted_is_a_mistake_in_the_schema() -> None:
    inner = qsdb.Module("inner")

    @inner.init
    def init(ctx: ReducerContext) -> None: ...

    def wrong(*mounts: tuple[str, qsdb.Module]) -> Callable[[], object]:
        outer = qsdb.Module("outer")
        for name, module in mounts:
            outer.mount(name, module)
        return lambda: qsdb.Database(outer)

    plain = qsdb.Module("plain")
    for opens, match in (
        (wrong(("a", inner)), "init: a module that is mounted has none"),
        (wrong(("public", plain)), "reserved"),
        (wrong(("a" * 64, plain)), "63 is the most"),
        (wrong(("a", plain), ("a", plain)), "mounted twice"),
    ):
        with pytest.raises(SchemaError, match=match):
            opens()
