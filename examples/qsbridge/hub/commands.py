"""Commands: how the platform tells a bridge to do something.

A reducer cannot reach a game server. It leaves a row, the bridge sees the row by
its subscription, does what it says, and acknowledges it (`bridge_command_ack`),
which deletes the row. One that nobody acknowledges goes after five minutes.
"""

from typing import Final, Literal

import qsdb
from examples.qsbridge.hub.extensions import BridgeCommand

__all__ = ["ALL_SERVERS", "CommandKind", "queue_command"]

ALL_SERVERS: Final = "*"
CommandKind = Literal["kick", "announce"]


def queue_command(
    ctx: qsdb.ReducerContext,
    server_id: str,
    kind: CommandKind,
    player_id: str,
    payload: str,
) -> None:
    """Leave a command for one server, or for `ALL_SERVERS`."""
    ctx.db[BridgeCommand].insert(
        BridgeCommand(
            server_id=server_id,
            kind=kind,
            player_id=player_id,
            payload=payload,
            created_at=ctx.timestamp,
        )
    )
