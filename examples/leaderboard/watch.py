"""The watch: what the screen shows of the players, kept current by live queries.

Each list is patched by the moves that a commit makes in it. None is asked for again,
however many players there are.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Generic, NamedTuple, Self, TypeVar

import qsdb
from examples.leaderboard import Player

__all__ = [
    "BEST",
    "FREE",
    "FREE_COUNT",
    "GUILDS",
    "GuildCount",
    "PatchedList",
    "Picture",
    "Watch",
]

BEST: Final = "SELECT * FROM player ORDER BY score DESC LIMIT 20"
GUILDS: Final = """
SELECT m.guild, COUNT(*) AS members, SUM(p.score) AS score
FROM membership AS m JOIN player AS p ON p.id = m.player
GROUP BY m.guild ORDER BY members DESC, m.guild
"""
FREE: Final = """
SELECT p.* FROM player AS p
WHERE p.online = true
    AND NOT EXISTS (SELECT * FROM membership AS m WHERE m.player = p.id)
ORDER BY p.score DESC LIMIT 5
"""
"""Who is online without a guild: those whom a guild would like to have."""
FREE_COUNT: Final = """
SELECT COUNT(*) AS n FROM player AS p
WHERE p.online = true
    AND NOT EXISTS (SELECT * FROM membership AS m WHERE m.player = p.id)
"""

R = TypeVar("R")


class GuildCount(NamedTuple):
    """A guild with its members, counted, and their scores, added up."""

    guild: str
    members: int
    score: int


class Picture(NamedTuple):
    """What is to be seen at one time."""

    best: Sequence[Player]
    guilds: Sequence[GuildCount]
    free: Sequence[Player]
    free_count: int


class PatchedList(Generic[R]):
    """The rows of a query in order, as a list that each commit's moves patch.

    Attributes:
        rows: The rows, as of the last commit of the thread that it was made in.
    """

    def __init__(self, db: qsdb.Database, text: str) -> None:
        """Begin to listen.

        Args:
            db: Whom to ask.
            text: A query with ORDER BY.
        """
        self.rows: list[R] = []
        self._live = db.subscribe(text, self._patch)
        self.rows += self._live.initial

    def _patch(self, update: qsdb.Update) -> None:
        for move in update.moves or ():
            row: Any = move.row
            if move.now is not None:
                self.rows.insert(move.now, row)
            elif move.was is not None:
                del self.rows[move.was]

    def close(self) -> None:
        """Listen no more."""
        self._live.close()


class Watch:
    """The best players, the guilds, and who is online without one.

    It is for the thread that makes the commits; leave it by `with` or `close`.
    """

    def __init__(self, db: qsdb.Database) -> None:
        """Begin to listen. Cost: once O(players)."""
        self._best: PatchedList[Player] = PatchedList(db, BEST)
        self._guilds: PatchedList[Any] = PatchedList(db, GUILDS)
        self._free: PatchedList[Player] = PatchedList(db, FREE)
        self._free_count = db.subscribe(FREE_COUNT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Listen no more. Again is no error."""
        for each in (self._best, self._guilds, self._free, self._free_count):
            each.close()

    def picture(self) -> Picture:
        """Give what is to be seen now; nothing is asked of the tables for it."""
        return Picture(
            best=[*self._best.rows],
            guilds=[GuildCount(*row) for row in self._guilds.rows],
            free=[*self._free.rows],
            free_count=self._free_count.rows[0].n,
        )
