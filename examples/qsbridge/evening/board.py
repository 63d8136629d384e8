"""The board: the cluster as a table in the terminal, live while events are played.

It is a client like any other: a connection with subscriptions, whose cache it draws
whenever something in it has changed, and not more often than people can see.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TextIO

import qsdb
from examples.qsbridge.bridge.knowledge import Knowledge
from examples.qsbridge.evening.events import format_time
from examples.qsbridge.evening.wording import plain
from examples.qsbridge.hub.tables import BanEntry, PlayerServerPresence, ServerRegistry
from qsdb import Timestamp

__all__ = ["Board"]

FRAMES_A_SECOND = 20
BAR_WIDTH = 20
TITLES = ("server", "status", "players", "", "bans known")


class Board:
    """Draws the cluster over what it drew before."""

    def __init__(
        self,
        db: qsdb.Database,
        known: Mapping[str, Knowledge],
        out: TextIO,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect and subscribe.

        Args:
            db: The platform.
            known: What each server knows; shown as the number of bans.
            out: A terminal; into anything else only the last drawing goes.
            seconds: Tells the time.
        """
        self._known = known
        self._out = out
        self._seconds = seconds
        self._drawn_at = float("-inf")
        self._height = 0
        self._has_changed = True
        self._connection = db.connect()
        for row_class in (ServerRegistry, PlayerServerPresence, BanEntry):
            table = self._connection.db[row_class]
            table.on_insert(self._note)
            table.on_update(self._note)
            table.on_delete(self._note)
        self._connection.subscribe(
            "SELECT * FROM server_registry",
            "SELECT * FROM player_server_presence",
            "SELECT * FROM ban_entry",
        )

    def _note(self, *_: object) -> None:
        self._has_changed = True

    def refresh(self, now: Timestamp) -> None:
        """Draw, if something has changed and the last drawing was seen."""
        is_due = self._seconds() - self._drawn_at > 1 / FRAMES_A_SECOND
        if self._has_changed and is_due and self._out.isatty():
            self.draw(now)

    def draw(self, now: Timestamp) -> None:
        """Draw over what was drawn before."""
        lines = [*self._lines(now)]
        up = f"\x1b[{self._height}A" if self._height else ""
        erase = "\x1b[2K" if self._out.isatty() else ""
        self._out.write(up + "".join([f"{erase}{line}\n" for line in lines]))
        self._out.flush()
        self._height = max(self._height, len(lines))
        self._drawn_at, self._has_changed = self._seconds(), False

    def _lines(self, now: Timestamp) -> Iterator[str]:
        cells = [TITLES, *self._rows(now)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for row in cells:
            parts = [f"{cell:<{n}}" for cell, n in zip(row, widths, strict=True)]
            yield "  ".join(parts).rstrip()
        tables = self._connection.db
        yield (
            f"{format_time(now.micros)}  {len(tables[PlayerServerPresence])} players, "
            f"{len(tables[BanEntry])} bans"
        )

    def _rows(self, now: Timestamp) -> Iterator[tuple[str, ...]]:
        tables = self._connection.db
        servers = sorted(tables[ServerRegistry], key=lambda each: each.server_id)
        for server in servers:
            known = self._known.get(server.server_id)
            is_degraded = server.status == "online" and server.is_degraded(now)
            present = tables[PlayerServerPresence].server_id.count(server.server_id)
            filled = BAR_WIDTH * min(present, server.max_players)
            filled //= max(server.max_players, 1)
            yield (
                plain(server.server_id),
                "degraded" if is_degraded else plain(server.status),
                f"{present}/{server.max_players}",
                "█" * filled + "·" * (BAR_WIDTH - filled),
                str(len(known.bans) if known else 0),
            )
