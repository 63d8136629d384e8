"""The outbox: what a database has to tell another one, written with its cause.

A reducer cannot call another database: one of the two commits could be lost, and the
other not. So it posts a message, which is a row, in the transaction of what it tells
of. Both are there or neither is. A `Courier` brings the message, later, and crosses it
off.

Messages are numbered 1, 2, 3 … without gaps. The number stands in a row of its own and
not in the greatest message, since that may have been crossed off.

The module is mounted in a game's own (``survival.mount("outbox", outbox)``); a reducer
there posts by ``post(ctx.within("outbox"), kind, payload)``.
"""

from typing import Final

import qsdb
from examples.qsbridge.hub.limits import METADATA_BYTES_MAX, check_bytes, check_id
from examples.qsbridge.hub.refusals import refusal
from qsdb import Timestamp, u64

__all__ = [
    "Message",
    "OutboxPosition",
    "acknowledge",
    "advance",
    "outbox",
    "outbox_position",
    "post",
]

outbox: Final = qsdb.Module("qs-bridge-outbox")


class Message(qsdb.Row, module=outbox):
    """Something to tell; gone when it is known to be applied."""

    sequence: u64 = qsdb.primary_key()
    kind: str
    payload: str
    """JSON text; what is in it, sender and receiver agree on."""
    posted_at: Timestamp


class OutboxPosition(qsdb.Row, module=outbox):
    """One row: the messages that are waiting are those between its two numbers."""

    only: bool = qsdb.primary_key()
    """True."""
    posted: u64
    """How many were posted, ever."""
    acknowledged: u64
    """How many of them are crossed off."""


def post(ctx: qsdb.ReducerContext, kind: str, payload: str) -> int:
    """Post a message in the transaction of its cause, and give its number.

    No reducer: whoever may post is who may do what is told of.

    Raises:
        ReducerError: InvalidArgument, the receiver would not take it.
    """
    check_id("kind", kind)
    check_bytes("payload", payload, METADATA_BYTES_MAX)
    position = outbox_position(ctx.db)
    sequence = position.posted + 1
    ctx.db[OutboxPosition].upsert(position.replace(posted=sequence))
    ctx.db[Message].insert(Message(sequence, kind, payload, ctx.timestamp))
    return sequence


@outbox.reducer(private=True)
def acknowledge(ctx: qsdb.ReducerContext, sequence: u64) -> None:
    """Cross off all messages up to a number; again is no error.

    The caller vouches that the receiver has them on its disk.

    Raises:
        ReducerError: WrongState, no such message was posted.
    """
    position = outbox_position(ctx.db)
    if sequence > position.posted:
        raise refusal(
            "WrongState", f"message {sequence} was not posted, of {position.posted}"
        )
    if sequence <= position.acknowledged:
        return
    for number in range(position.acknowledged + 1, sequence + 1):
        ctx.db[Message].delete_by_key(number)
    ctx.db[OutboxPosition].update(position.replace(acknowledged=sequence))


@outbox.reducer(private=True)
def advance(ctx: qsdb.ReducerContext, applied: u64) -> None:
    """Go on with the message after `applied`, and drop those that wait.

    Needed when the game was put back to a backup: the receiver has applied more than
    was posted here, so it has applied all that waits.

    Raises:
        ReducerError: Conflict, that many were posted; nothing would be gained.
    """
    position = outbox_position(ctx.db)
    if applied <= position.posted:
        raise refusal(
            "Conflict", f"{position.posted} were posted, no fewer than {applied}"
        )
    ctx.db[Message].clear()
    ctx.db[OutboxPosition].upsert(OutboxPosition(True, applied, applied))  # noqa: FBT003


def outbox_position(db: qsdb.Transaction) -> OutboxPosition:
    """Give how far posting and acknowledging have come."""
    found = db[OutboxPosition].get(True)
    return found or OutboxPosition(only=True, posted=0, acknowledged=0)
