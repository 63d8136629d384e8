"""News: from what changed in a server's cache to what its game is told.

A change is a row as it was and as it is. While the connection lasts, each commit brings
its changes. When it was lost, and another has been subscribed, what changed meanwhile
is found by comparing the two caches; the game is told of it in the same way, and sees
no difference.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

import qsdb
from examples.qsbridge.bridge.calls import Call
from examples.qsbridge.bridge.hooks import GameHooks
from examples.qsbridge.bridge.port import Port
from examples.qsbridge.hub.extensions import BridgeCommand
from examples.qsbridge.hub.tables import (
    BanEntry,
    CrossServerEvent,
    ServerConfig,
    ServerTransferQueue,
)

__all__ = ["WATCHED", "Change", "call_for", "differences", "tell"]

_KEYS: Final[Mapping[type[qsdb.Row], Callable[[Any], Any]]] = {
    ServerConfig: attrgetter("server_id"),
    BanEntry: attrgetter("ban_id"),
    ServerTransferQueue: attrgetter("transfer_id"),
    CrossServerEvent: attrgetter("event_id"),
    BridgeCommand: attrgetter("command_id"),
}
WATCHED: Final = tuple(_KEYS)
"""The tables of which changes are told."""


@dataclass(frozen=True, slots=True)
class Change:
    """A row as it was and as it is; None where it was not there, or is gone."""

    old: qsdb.Row | None
    new: qsdb.Row | None


def differences(old: Port | None, new: Port) -> Iterator[Change]:
    """Yield what one connection knew otherwise than the next one knows.

    With no connection before, that is every row there is, but not the bans: who
    begins today has not missed the bans of last year. Cost: O(rows of both).
    """
    for row_class, key_of in _KEYS.items():
        if old is None and row_class is BanEntry:
            continue
        before = {} if old is None else {key_of(row): row for row in old.db[row_class]}
        for row in sorted(new.db[row_class], key=key_of):
            known = before.pop(key_of(row), None)
            if known != row:
                yield Change(known, row)
        for row in before.values():
            yield Change(row, None)


def call_for(change: Change, server_id: str, hooks: GameHooks) -> Call:
    """Give the call that tells a game of a change.

    Its name has ids alone: settings hold a password's hash, transfers a character. Who
    wants the rest finds it in the platform's tables.
    """
    match change.old if change.new is None else change.new:
        case BanEntry(player_id=player_id) as ban:
            subject, name = ("bans", player_id), f"ban {ban.ban_id} of {player_id!r}"
        case ServerTransferQueue(player_id=player_id) as transfer:
            subject = ("transfers", player_id)
            name = f"transfer {transfer.transfer_id} of {player_id!r}"
        case CrossServerEvent(event_id=event_id):
            subject, name = ("event", str(event_id)), f"event {event_id}"
        case _:
            subject, name = ("settings", server_id), f"the settings of {server_id!r}"
    act = functools.partial(tell, change, server_id, hooks)
    return Call(act, subject, name)


def tell(change: Change, server_id: str, hooks: GameHooks) -> None:
    """Tell a game of a change, if it is one that a game does something about.

    Args:
        change: It.
        server_id: The game's server.
        hooks: The game's; whatever they raise passes through.
    """
    match change:
        case Change(new=ServerConfig() as config):
            hooks.on_config(config)
        case Change(old=old, new=BanEntry() as ban):
            _tell_ban(old, ban, hooks)
        case Change(old=old, new=ServerTransferQueue() as transfer):
            _tell_transfer(old, transfer, server_id, hooks)
        case Change(old=old, new=CrossServerEvent() as event):
            if server_id in event.participating_servers:
                _tell_event(old, event, hooks)
        case _:  # commands are done by whoever finds them; other rows do not go
            pass


def _tell_ban(old: qsdb.Row | None, ban: BanEntry, hooks: GameHooks) -> None:
    was_revoked = isinstance(old, BanEntry) and old.revoked
    if old is None and not ban.revoked:
        hooks.on_ban(ban)
    elif old is not None and ban.revoked and not was_revoked:
        hooks.on_unban(ban)


def _tell_transfer(
    old: qsdb.Row | None,
    transfer: ServerTransferQueue,
    server_id: str,
    hooks: GameHooks,
) -> None:
    before = old.status if isinstance(old, ServerTransferQueue) else ""
    if transfer.status == before:
        return
    if transfer.status == "pending" and transfer.from_server_id == server_id:
        hooks.on_transfer_requested(transfer)
    elif transfer.status == "in_transit" and transfer.to_server_id == server_id:
        hooks.on_transfer_arriving(transfer)
    elif before and not transfer.is_open:
        hooks.on_transfer_ended(transfer)


def _tell_event(
    old: qsdb.Row | None, event: CrossServerEvent, hooks: GameHooks
) -> None:
    before = old.status if isinstance(old, CrossServerEvent) else ""
    if event.status == "active" and before != "active":
        hooks.on_event_started(event)
    elif event.status == "completed" and before == "active":
        hooks.on_event_ended(event)
