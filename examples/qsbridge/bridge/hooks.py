"""Hooks: what the bridge has the game do.

A game subclasses `GameHooks` and overrides what it attends to; the others do nothing.
All hooks are called one after the other by the thread that drives the bridge
(`Bridge.tick`), never in the middle of a call to the platform, so a hook may call the
bridge's methods.

A hook that raises is logged and called again at the next tick, until it returns; so one
that cannot do all of what it is told does nothing of it, and raises. Meanwhile others
are called, but for those about the same player's bans or transfers, the same event, or
the settings: these are told in order. `Bridge.close` calls what is left, and names in
the log what the game has not taken even then.
"""

from typing import Protocol

from examples.qsbridge.hub.tables import (
    BanEntry,
    CrossServerEvent,
    GlobalVault,
    ServerConfig,
    ServerTransferQueue,
)

__all__ = ["GameHooks"]


class GameHooks(Protocol):
    """What a game does when it is told to; each method does nothing by itself."""

    def on_config(self, config: ServerConfig) -> None:
        """Apply settings: the first ones, and those that come later."""
        return

    def on_kick(self, player_id: str, reason: str) -> None:
        """Throw a player out.

        He may be gone already. When this has returned he has left, and the command is
        acknowledged; if it raises, it is called again after the next heartbeat.
        """
        return

    def on_presence_lost(self, player_id: str) -> None:
        """Learn that the platform had a player no more on this server.

        It had not heard of him for too long, as when the connection was away; another
        server may have let him in. The bridge has asked for his place again: if he has
        not got it, `on_kick` is called next, and otherwise he is here as before.
        """
        return

    def on_announce(self, message: str) -> None:
        """Show a message to all players."""
        return

    def on_ban(self, ban: BanEntry) -> None:
        """Take note of a new ban; if its player is here, `on_kick` is called too."""
        return

    def on_unban(self, ban: BanEntry) -> None:
        """Take note of a ban that was revoked."""
        return

    def on_transfer_requested(self, transfer: ServerTransferQueue) -> None:
        """Capture a player's character, and hand it over with `Bridge.hand_over`."""
        return

    def on_transfer_arriving(self, transfer: ServerTransferQueue) -> None:
        """Load its ``character_snapshot``, then call `Bridge.complete_transfer`."""
        return

    def on_transfer_ended(self, transfer: ServerTransferQueue) -> None:
        """Let a player go who has arrived elsewhere (completed), or keep him (failed).

        Called at both ends of the transfer.
        """
        return

    def on_event_started(self, event: CrossServerEvent) -> None:
        """Turn on what belongs to an event in which this server takes part."""
        return

    def on_event_ended(self, event: CrossServerEvent) -> None:
        """Turn it off again."""
        return

    def on_item_withdrawn(self, item: GlobalVault) -> None:
        """Give an item out that ``bridge.vault.withdraw`` has taken from the vault."""
        return

    def on_deposit_settled(
        self, player_id: str, item_data: str, *, is_stored: bool
    ) -> None:
        """Learn what became of a deposit in whose middle the connection was lost.

        An item that is not stored is the game's again. `is_stored` is true also where
        nobody can tell any more: to give the item back could double it. Not called for
        other deposits: they are done, or refused, when ``bridge.vault.deposit`` ends.
        """
        return
