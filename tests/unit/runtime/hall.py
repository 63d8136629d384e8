"""A hall full of players, for tests of connections, and an ear for what is told."""

from collections.abc import Callable
from typing import Any

import qsdb
from qsdb import Connection, ReducerContext, u8, u32
from qsdb.live.engine import Engine

__all__ = [
    "ALL",
    "Ear",
    "Guild",
    "Line",
    "Move",
    "Player",
    "Seat",
    "Secret",
    "engine_of",
    "hall",
    "open_hall",
    "put",
]

hall = qsdb.Module("hall")

ALL = "SELECT * FROM player"


class Player(
    qsdb.Row, module=hall, public=True, indexes=[qsdb.BTree("guild", "level")]
):
    id: u32 = qsdb.primary_key()
    name: str = qsdb.unique()
    guild: u32 = 0
    level: u8 = qsdb.index(default=0)
    mood: str = qsdb.index("hash", default="calm")
    nick: str | None = qsdb.unique(default=None)


class Guild(qsdb.Row, module=hall, public=True):
    id: u32 = qsdb.primary_key()
    kind: u32 = qsdb.index(default=0)


class Seat(qsdb.Row, module=hall, public=True, primary_key=("side", "place")):
    side: str
    place: u32
    player: u32 = 0


class Line(qsdb.Row, module=hall, public=True):
    who: u32 = qsdb.index("hash")
    text: str = ""


class Move(qsdb.Row, module=hall, public=True):
    """Its name is one that the cache could have for itself."""

    id: u32 = qsdb.primary_key()


class Secret(qsdb.Row, module=hall):
    id: u32 = qsdb.primary_key()


@hall.reducer
def join(ctx: ReducerContext, id: u32, level: u8 = 0) -> None:  # noqa: A002
    ctx.db[Player].upsert(Player(id, f"p{id}", level=level))


@hall.reducer
def leave(ctx: ReducerContext, id: u32) -> bool:  # noqa: A002
    return ctx.db[Player].delete_by_key(id)


@hall.reducer
def fail(ctx: ReducerContext) -> None:
    ctx.db[Player].insert(Player(99, "nobody"))
    raise qsdb.ReducerError("as was to be")


@hall.reducer
def over_which(ctx: ReducerContext) -> tuple[qsdb.Identity, qsdb.ConnectionId | None]:
    return ctx.sender, ctx.connection_id


@hall.reducer(private=True)
def seal(ctx: ReducerContext) -> None:
    ctx.db[Secret].upsert(Secret(1))


def open_hall(*rows: Any) -> qsdb.Database:
    """Open a database with some rows."""
    db = qsdb.Database(hall, seed=1)
    if rows:
        put(db, *rows)
    return db


def put(db: qsdb.Database, *rows: Any) -> None:
    """Insert rows, or change those with their keys, in one transaction."""
    with db.write() as tx:
        for row in rows:
            table = tx[type(row)]
            table.insert(row) if isinstance(row, Line) else table.upsert(row)


def engine_of(db: qsdb.Database) -> Engine:
    """Give what keeps live queries current."""
    return db._subscriptions.engine


class Ear:
    """Notes what is told of tables of a connection.

    Attributes:
        events: The events, one for each time that something was told.
        depth_max: How many callbacks were inside each other; 1 is right.
        remove: Functions that end it.
    """

    def __init__(
        self,
        conn: Connection,
        *tables: type[qsdb.Row],
        react: Callable[..., object] | None = None,
    ) -> None:
        self.events: list[qsdb.Event] = []
        self.depth_max = self._depth = 0
        self.remove: list[Callable[[], None]] = []
        self._told: list[tuple[Any, ...]] = []
        self._react = react
        for each in tables or (Player,):
            table = conn.db[each]
            self.remove += [
                table.on_insert(lambda *what: self.hear("+", *what)),
                table.on_delete(lambda *what: self.hear("-", *what)),
                table.on_update(lambda *what: self.hear("=", *what)),
            ]

    def hear(self, sign: str, event: qsdb.Event, *rows: Any) -> None:
        """Note what is told."""
        self._depth += 1
        self.depth_max = max(self.depth_max, self._depth)
        try:
            self.events.append(event)
            self._told.append((sign, *rows))
            if self._react is not None:
                self._react(sign, event, *rows)
        finally:
            self._depth -= 1

    def heard(self) -> list[tuple[Any, ...]]:
        """Give what was told since the last time: a sign, and rows."""
        told, self._told = self._told, []
        return told

    def kinds(self) -> list[str]:
        """Give the kinds of the events since the last time."""
        events, self.events = self.events, []
        return [each.kind for each in events]
