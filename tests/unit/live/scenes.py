"""The tables of the scenarios, and an ear for what a live query tells."""

from collections.abc import Callable
from typing import Any

import qsdb
from qsdb import i32, u8
from qsdb.live.engine import Engine

__all__ = [
    "FILTER",
    "JOIN",
    "KINDRED",
    "Ear",
    "Edge",
    "Guild",
    "Odd",
    "Player",
    "engine_of",
    "opened",
    "put",
]

scenes = qsdb.Module("scenes")


class Player(qsdb.Row, module=scenes, public=True):
    id: i32 = qsdb.primary_key()
    g: i32 | None = qsdb.index(default=None)
    lvl: i32 = 0
    name: str = ""


class Guild(qsdb.Row, module=scenes, public=True):
    id: i32 = qsdb.primary_key()
    own: i32 = 0
    kind: i32 = 0


class Edge(qsdb.Row, module=scenes):
    src: i32
    dst: i32


class Odd(qsdb.Row, module=scenes):
    """Values that are equal in Python and are not, and the contrary."""

    id: i32 = qsdb.primary_key()
    number: float | None = qsdb.index("hash", default=None)
    flag: bool = False
    small: u8 = 0
    text: str = qsdb.index(default="")


FILTER = "SELECT * FROM player WHERE lvl > 5"
JOIN = "SELECT p.* FROM player p JOIN guild g ON p.g = g.id WHERE g.kind = 1"
KINDRED = "SELECT g.* FROM player p JOIN guild g ON p.g = g.id WHERE g.kind = 1"


def opened(*rows: Any) -> qsdb.Database:
    """Open a database with some rows."""
    db = qsdb.Database(scenes, seed=1)
    if rows:
        put(db, *rows)
    return db


def put(db: qsdb.Database, *rows: Any) -> None:
    """Insert rows, or change those with their keys, in one transaction."""
    with db.write() as tx:
        for row in rows:
            table = tx[type(row)]
            table.insert(row) if isinstance(row, Edge) else table.upsert(row)


def engine_of(db: qsdb.Database) -> Engine:
    """Give what keeps live queries current."""
    return db._subscriptions.engine


class Ear:
    """Subscribes, and notes what it is told.

    Attributes:
        query: The live query.
    """

    def __init__(
        self,
        db: qsdb.Database,
        text: str,
        react: Callable[[], object] | None = None,
        **options: Any,
    ) -> None:
        self.updates: list[Any] = []
        self.errors: list[qsdb.QueryError] = []
        self._react = react
        self.query = db.subscribe(
            text, self._hear, on_error=self.errors.append, **options
        )

    def _hear(self, update: Any) -> None:
        self.updates.append(update)
        if self._react is not None:
            self._react()

    def heard(self) -> list[tuple[list[Any], list[Any]]]:
        """Give what came and what went, of each message since the last time."""
        updates, self.updates = self.updates, []
        return [(each.inserts, each.deletes) for each in updates]

    def paired(self) -> list[list[tuple[Any, Any]]]:
        """Give the pairs of old and new, of each message since the last time."""
        updates, self.updates = self.updates, []
        return [each.updates for each in updates]
