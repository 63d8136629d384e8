"""Movements: the history from which population flow is counted.

`player_server_presence` knows where a player is and not where he was. So each
change of it adds a row here, in the same transaction.
"""

from typing import Final, Literal

import qsdb
from examples.qsbridge.hub.extensions import PlayerMovement

__all__ = ["NOWHERE", "MovementKind", "record_movement"]

NOWHERE: Final = ""
MovementKind = Literal["join", "leave", "transfer", "takeover"]


def record_movement(
    ctx: qsdb.ReducerContext,
    player_id: str,
    origin: str,
    destination: str,
    kind: MovementKind,
) -> None:
    """Write down that a player has moved; either end may be `NOWHERE`."""
    ctx.db[PlayerMovement].insert(
        PlayerMovement(
            player_id=player_id,
            from_server_id=origin,
            to_server_id=destination,
            moved_at=ctx.timestamp,
            kind=kind,
        )
    )
