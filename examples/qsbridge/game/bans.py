"""The platform's bans, copied into the game's database by subscription.

A ban is a state and no event: what counts is whether a player is banned, and not how
often he was told so. So nothing is queued. A `BanWatch` keeps `platform_ban` like the
platform's `ban_entry`, and when it begins, after whatever crash, it corrects what is
different. To copy twice is to copy once.

It sees only what is on the platform's disk (``confirmed=True``). A banned player is
thrown out of the world, and no ban that a crash takes back shall have done that.

Callbacks go one way here, from the platform to the game. A callback of the game's
database must not call the platform: each could wait for the other.
"""

import threading

import qsdb
from examples.qsbridge.game.guards import PlayerInWorld
from examples.qsbridge.game.players import store
from examples.qsbridge.game.tables import (
    PlatformBan,
    PlayerPosition,
    PlayerVitals,
    survival,
)
from examples.qsbridge.hub.limits import check_player_id
from examples.qsbridge.hub.tables import BanEntry
from qsdb import Timestamp

__all__ = ["BanWatch", "copy_ban", "drop_ban"]


@survival.reducer(private=True)
def copy_ban(
    ctx: qsdb.ReducerContext, player_id: str, expires_at: Timestamp | None
) -> None:
    """Note a ban, and take the player out of the world; again changes nothing.

    His character is stored: it is there again when the ban has ended.

    Raises:
        ReducerError: InvalidArgument.
    """
    check_player_id(player_id)
    ban = PlatformBan(player_id, expires_at)
    ctx.db[PlatformBan].upsert(ban)
    position = ctx.db[PlayerPosition].get(player_id)
    vitals = ctx.db[PlayerVitals].get(player_id)
    if position is not None and vitals is not None and ban.is_active(ctx.timestamp):
        store(ctx, PlayerInWorld(position, vitals), is_captured=False)


@survival.reducer(private=True)
def drop_ban(ctx: qsdb.ReducerContext, player_id: str) -> None:
    """Note that a player is not banned; again changes nothing."""
    ctx.db[PlatformBan].delete_by_key(player_id)


class BanWatch:
    """Keeps the bans in a game's database like the platform's, until `close`."""

    def __init__(self, game: qsdb.Database, platform: qsdb.Database) -> None:
        """Correct what is different, and begin.

        Raises:
            StorageError: one of the disks has failed.
            UsageError: this thread is in a transaction.
        """
        self._game = game
        self._one_at_a_time = threading.Lock()
        self._platform = platform.connect(confirmed=True)
        bans = self._platform.db[BanEntry]
        bans.on_insert(lambda _event, ban: self._copy(ban.player_id))
        bans.on_update(lambda _event, _old, ban: self._copy(ban.player_id))
        bans.on_delete(lambda _event, ban: self._copy(ban.player_id))
        self._platform.subscribe("SELECT * FROM ban_entry")  # inserts what is there
        with game.read() as tx:
            copied = [ban.player_id for ban in tx[PlatformBan]]
        for player_id in copied:
            self._copy(player_id)

    def _copy(self, player_id: str) -> None:
        """Have a player's ban in the game be what his bans on the platform say."""
        with self._one_at_a_time:  # or what was read first could be written last
            bans = self._platform.db[BanEntry].player_id.filter(player_id)
            ends = [ban.expires_at for ban in bans if not ban.revoked]
            if not ends:
                self._game.call(drop_ban, player_id)
                return
            last = max((end for end in ends if end is not None), default=None)
            self._game.call(copy_ban, player_id, None if None in ends else last)

    def close(self) -> None:
        """Copy no more; twice is no error."""
        self._platform.close()
