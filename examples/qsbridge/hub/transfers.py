"""Open transfers: how others find a player's, and how one ends.

Who moves a transfer along is in `suggested.transfers`. But a ban ends one too, as do a
kick and time; and presence and the vault ask whether there is one.
"""

import qsdb
from examples.qsbridge.hub.audit import write_audit
from examples.qsbridge.hub.extensions import KeptSnapshot
from examples.qsbridge.hub.tables import OPEN_TRANSFERS, ServerTransferQueue

__all__ = ["end_transfer", "fail_open_transfer", "fail_transfer", "open_transfer"]


def open_transfer(
    ctx: qsdb.ReducerContext, player_id: str
) -> ServerTransferQueue | None:
    """Give a player's open transfer, if he has one.

    Cost: O(log transfers), however many of his have ended.
    """
    by_player = ctx.db[ServerTransferQueue].index("by_player")
    found = (next(by_player.filter(player_id, each), None) for each in OPEN_TRANSFERS)
    return next((each for each in found if each is not None), None)


def fail_open_transfer(
    ctx: qsdb.ReducerContext, player_id: str, actor: str, reason: str
) -> None:
    """Give a player's open transfer up, if he has one, in the name of `actor`."""
    transfer = open_transfer(ctx, player_id)
    if transfer is not None:
        fail_transfer(ctx, transfer, actor, reason)


def fail_transfer(
    ctx: qsdb.ReducerContext, transfer: ServerTransferQueue, actor: str, reason: str
) -> None:
    """Give an open transfer up in the name of `actor`."""
    end_transfer(ctx, transfer, "failed")
    write_audit(
        ctx,
        actor,
        "transfer_fail",
        f"gave up the transfer of {transfer.player_id} from {transfer.from_server_id} "
        f"to {transfer.to_server_id}" + (f": {reason}" if reason else ""),
        transfer_id=transfer.transfer_id,
        reason=reason,
    )


def end_transfer(
    ctx: qsdb.ReducerContext, transfer: ServerTransferQueue, status: str
) -> None:
    """Bring an open transfer to an end, and have its snapshot blanked some day."""
    ctx.db[ServerTransferQueue].update(
        transfer.replace(status=status, completed_at=ctx.timestamp)
    )
    if transfer.character_snapshot:
        ctx.db[KeptSnapshot].insert(
            KeptSnapshot(transfer_id=transfer.transfer_id, ended_at=ctx.timestamp)
        )
