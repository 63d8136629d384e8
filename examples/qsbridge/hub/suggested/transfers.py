"""Transfers: a character's way from one server to another.

The states and their edges are documented; who moves a transfer along is not::

    transfer_request    source, owner        → pending      a row, no snapshot yet
    transfer_snapshot   source               → in_transit   the character is captured
    transfer_complete   destination          → completed    the player is there now
    transfer_fail       source, destination, → failed       the player stays where he is
                        owner

A player has at most one open transfer. Where he is changes in one place only, and
by one commit: `transfer_complete` ends the transfer and moves his presence, so
that he is never on two servers and never lost between them.

Whether the destination admits him is asked at the request, when a refusal costs
nothing. From then on he is expected there: a ban ends his transfer, but neither a
whitelist nor a last place that is taken meanwhile sends him back.

While a transfer is in transit the character is in the snapshot. So his player is
on the source or on no server, and his vault is closed (`presence_join`,
`vault_deposit`, `vault_withdraw`).
"""

from typing import Final

import qsdb
from examples.qsbridge.hub.documented.settings import require_config
from examples.qsbridge.hub.guards import (
    OWNER,
    is_owner,
    require_admin,
    require_bridge,
    require_known_server,
)
from examples.qsbridge.hub.limits import (
    REASON_CHARS_MAX,
    SNAPSHOT_BYTES_MAX,
    check_bytes,
    check_player_id,
    check_text,
)
from examples.qsbridge.hub.movements import NOWHERE, record_movement
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.hub.suggested.admission import check_room, check_welcome
from examples.qsbridge.hub.tables import (
    PlayerServerPresence,
    ServerTransferQueue,
    platform,
)
from examples.qsbridge.hub.transfers import end_transfer, fail_transfer, open_transfer
from qsdb import u64

__all__ = [
    "transfer_complete",
    "transfer_fail",
    "transfer_request",
    "transfer_snapshot",
]

EDGES: Final = {
    "pending": ("in_transit", "failed"),
    "in_transit": ("completed", "failed"),
    "completed": (),
    "failed": (),
}


@platform.reducer
def transfer_request(
    ctx: qsdb.ReducerContext, player_id: str, to_server_id: str
) -> u64:
    """Begin a player's transfer from the server that he is on; give its id.

    Raises:
        ReducerError: NotAuthorized, neither the owner nor the bridge of the server
            that the player is on, or the destination does not admit him (a ban,
            its whitelist); InvalidArgument, he is there already; NotFound, no such
            server, or the player is on none; WrongState, the destination is not
            online, or full; Conflict, he has an open transfer.
    """
    actor = require_admin(ctx)
    check_player_id(player_id)
    presence = ctx.db[PlayerServerPresence].get(player_id)
    if presence is None:
        raise refusal("NotFound", f"player {player_id!r} is on no server")
    origin = presence.server_id
    if actor not in {OWNER, f"server:{origin}"}:
        raise refusal(
            "NotAuthorized",
            f"player {player_id!r} is on {origin!r}, not on the caller's",
        )
    destination = require_known_server(ctx, to_server_id)
    if to_server_id == origin:
        raise refusal(
            "InvalidArgument", f"player {player_id!r} is on {to_server_id!r} already"
        )
    if destination.status != "online":
        raise refusal("WrongState", f"server {to_server_id!r} is {destination.status}")
    if (other := open_transfer(ctx, player_id)) is not None:
        raise refusal(
            "Conflict",
            f"player {player_id!r} is on the way to {other.to_server_id!r} already "
            f"(transfer {other.transfer_id})",
        )
    config = require_config(ctx, to_server_id)
    check_welcome(ctx, player_id, config)
    check_room(ctx, config)
    row = ctx.db[ServerTransferQueue].insert(
        ServerTransferQueue(
            player_id=player_id,
            from_server_id=origin,
            to_server_id=to_server_id,
            status="pending",
            character_snapshot="",
            requested_at=ctx.timestamp,
            completed_at=None,
        )
    )
    return row.transfer_id


@platform.reducer
def transfer_snapshot(
    ctx: qsdb.ReducerContext, transfer_id: u64, character_snapshot: str
) -> None:
    """Hand over the character, captured by the source.

    What the snapshot holds must not change any more: a bridge takes it and calls
    this with nothing of the player's in between. He may have left already.

    Raises:
        ReducerError: NotAuthorized, not the source's bridge; NotFound; WrongState,
            not pending; InvalidArgument, empty or larger than 1 MiB; Conflict, the
            player is on another server by now.
    """
    server_id = require_bridge(ctx).server_id
    transfer = _find(ctx, transfer_id)
    if transfer.from_server_id != server_id:
        raise refusal(
            "NotAuthorized",
            f"transfer {transfer_id} is from {transfer.from_server_id!r}, "
            f"not from {server_id!r}",
        )
    _check_edge(transfer, "in_transit")
    if not character_snapshot:
        raise refusal("InvalidArgument", "character_snapshot is empty")
    check_bytes("character_snapshot", character_snapshot, SNAPSHOT_BYTES_MAX)
    presence = ctx.db[PlayerServerPresence].get(transfer.player_id)
    if presence is not None and presence.server_id != server_id:
        raise refusal(
            "Conflict",
            f"player {transfer.player_id!r} is on {presence.server_id!r} by now",
        )
    ctx.db[ServerTransferQueue].update(
        transfer.replace(status="in_transit", character_snapshot=character_snapshot)
    )


@platform.reducer
def transfer_complete(ctx: qsdb.ReducerContext, transfer_id: u64) -> None:
    """Take the player over: he is on the destination from now on.

    He is moved from the source, or appears, if he has left it already.

    Raises:
        ReducerError: NotAuthorized, not the destination's bridge; NotFound;
            WrongState, not in transit.
    """
    server_id = require_bridge(ctx).server_id
    transfer = _find(ctx, transfer_id)
    if transfer.to_server_id != server_id:
        raise refusal(
            "NotAuthorized",
            f"transfer {transfer_id} is to {transfer.to_server_id!r}, "
            f"not to {server_id!r}",
        )
    _check_edge(transfer, "completed")
    player_id = transfer.player_id
    players = ctx.db[PlayerServerPresence]
    presence = players.get(player_id)
    players.upsert(
        PlayerServerPresence(
            player_id=player_id,
            server_id=server_id,
            connected_at=ctx.timestamp,
            last_heartbeat=ctx.timestamp,
        )
    )
    origin = NOWHERE if presence is None else presence.server_id
    record_movement(ctx, player_id, origin, server_id, "transfer")
    end_transfer(ctx, transfer, "completed")


@platform.reducer
def transfer_fail(ctx: qsdb.ReducerContext, transfer_id: u64, reason: str) -> None:
    """Give a transfer up; the player stays where he is.

    Raises:
        ReducerError: NotAuthorized, neither the owner nor the bridge of one of the
            two servers; NotFound; WrongState, it has ended; InvalidArgument.
    """
    actor = require_admin(ctx)
    transfer = _find(ctx, transfer_id)
    ends = {f"server:{transfer.from_server_id}", f"server:{transfer.to_server_id}"}
    if not is_owner(ctx) and actor not in ends:
        raise refusal(
            "NotAuthorized", f"transfer {transfer_id} is not one of the caller's server"
        )
    check_text("reason", reason, REASON_CHARS_MAX)
    _check_edge(transfer, "failed")
    fail_transfer(ctx, transfer, actor, reason)


def _find(ctx: qsdb.ReducerContext, transfer_id: int) -> ServerTransferQueue:
    transfer = ctx.db[ServerTransferQueue].get(transfer_id)
    if transfer is None:
        raise refusal("NotFound", f"there is no transfer {transfer_id}")
    return transfer


def _check_edge(transfer: ServerTransferQueue, status: str) -> None:
    if status not in EDGES[transfer.status]:
        raise refusal(
            "WrongState",
            f"transfer {transfer.transfer_id} is {transfer.status} "
            f"and cannot become {status}",
        )
