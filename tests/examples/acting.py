"""Who calls what: short ways for tests in which several bridges act."""

import json
from collections.abc import Callable
from typing import Any

from examples.qsbridge import (
    PanelAuditLog,
    PlayerMovement,
    ServerTransferQueue,
    transfer_request,
    transfer_snapshot,
)
from qsdb import Identity
from tests.examples.hub import EAST, Hub

__all__ = [
    "NORTH",
    "ON",
    "audit",
    "call",
    "in_transit",
    "movements",
    "refused",
    "transfer",
]

NORTH = Identity.from_claims("test", "north")
ON = True
"""A whitelist, that is."""

Reducer = Callable[..., Any]


def call(hub: Hub, who: Identity | None, reducer: Reducer, *arguments: object) -> Any:
    """Call a reducer as somebody; None is the owner."""
    return hub.db.caller(hub.db.owner if who is None else who).call(reducer, *arguments)


def refused(
    hub: Hub, who: Identity | None, reducer: Reducer, *arguments: object
) -> str:
    """Give the text with which a call is refused, which has changed nothing."""
    return hub.refusal(lambda: call(hub, who, reducer, *arguments))


def movements(hub: Hub) -> list[str]:
    """Give what has moved, as ``p1 >east join``, in order."""
    with hub.db.read() as tx:
        rows = sorted(tx[PlayerMovement], key=lambda row: row.move_id)
    return [
        f"{row.player_id} {row.from_server_id}>{row.to_server_id} {row.kind}"
        for row in rows
    ]


def audit(hub: Hub) -> list[str]:
    """Give the audit log, as ``actor action: summary``, in order."""
    with hub.db.read() as tx:
        rows = sorted(tx[PanelAuditLog], key=lambda row: row.log_id)
    return [
        f"{row.actor_player_id} {row.action}: {json.loads(row.details)['summary']}"
        for row in rows
    ]


def transfer(hub: Hub, transfer_id: int) -> ServerTransferQueue:
    with hub.db.read() as tx:
        row = tx[ServerTransferQueue].get(transfer_id)
    assert row is not None
    return row


def in_transit(hub: Hub, player_id: str) -> int:
    """Put a player on east, have him go to west, and give the transfer's id."""
    hub.join(EAST, player_id)
    number = call(hub, EAST, transfer_request, player_id, "west")
    assert isinstance(number, int)
    call(hub, EAST, transfer_snapshot, number, '{"gold": 3}')
    return number
