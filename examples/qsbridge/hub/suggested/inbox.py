"""The inbox: what other databases tell the platform, each message once in effect.

A game keeps an outbox (`examples.qsbridge.game.outbox`): messages numbered 1, 2, 3 …
without gaps, of which a courier brings each one *at least* once. Here stands how far
each source has come, and that place moves in the transaction that applies a message::

    inbox_position  survival  7        all up to 7 have been applied, and none after

    message 7 again      known: nothing happens
    message 8            applied, and the position is 8, in one commit
    message 9, no 8      Conflict: a message has been lost, and somebody must look

So a message that comes twice is applied once, and one that a crash took away with its
position is applied when it comes again.

A message that cannot be applied (its kind is unknown here, its payload is wrong) would
come again for ever and hold up all behind it. It becomes a *dead letter*, with the
reason, and the queue goes on. When the platform has learned the kind, `inbox_retry`
applies it; `inbox_discard` puts it away.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Literal

import qsdb
from examples.qsbridge.hub.audit import write_audit
from examples.qsbridge.hub.guards import OWNER, require_owner
from examples.qsbridge.hub.json_objects import Fields, read_object
from examples.qsbridge.hub.limits import (
    METADATA_BYTES_MAX,
    check_bytes,
    check_count,
    check_id,
    check_player_id,
    check_server_id,
)
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.hub.tables import platform
from qsdb import Timestamp, u64

__all__ = [
    "DeadLetter",
    "InboxOutcome",
    "InboxPosition",
    "inbox_advance",
    "inbox_apply",
    "inbox_discard",
    "inbox_retry",
]

InboxOutcome = Literal["applied", "known", "dead"]
SEVERITY_MAX: Final = 10


class InboxPosition(qsdb.Row, module=platform):
    """How far the messages of one source have been applied."""

    source: str = qsdb.primary_key()
    applied: u64


class DeadLetter(qsdb.Row, module=platform, unique=[("source", "sequence")]):
    """A message that could not be applied."""

    letter_id: u64 = qsdb.primary_key(auto_inc=True)
    source: str
    sequence: u64
    kind: str
    payload: str
    reason: str
    """The refusal's text."""
    received_at: Timestamp


@platform.reducer
def inbox_apply(
    ctx: qsdb.ReducerContext, source: str, sequence: u64, kind: str, payload: str
) -> str:
    """Apply the next message of a source, unless it has been.

    Gives an `InboxOutcome`: ``applied`` now; ``known``, it was before; ``dead``, it
    cannot be and is a dead letter. Who acknowledges a message to its source first
    waits until the platform's last commit is on the disk, whatever was given.

    Raises:
        ReducerError: NotAuthorized, the caller is not the owner; InvalidArgument;
            Conflict, messages before this one have not come.
    """
    require_owner(ctx)
    check_id("source", source)
    if not sequence:
        raise refusal("InvalidArgument", "sequence is 0, and messages begin with 1")
    positions = ctx.db[InboxPosition]
    position = positions.get(source)
    applied = 0 if position is None else position.applied
    if sequence <= applied:
        return "known"
    if sequence != applied + 1:
        raise refusal(
            "Conflict",
            f"message {sequence} of {source!r} comes after {applied}: those between "
            f"are lost, or another courier is to bring them",
        )
    positions.upsert(InboxPosition(source, sequence))
    reason = _reason_against(ctx, source, kind, payload)
    if reason is None:
        return "applied"
    ctx.db[DeadLetter].insert(
        DeadLetter(
            source=source,
            sequence=sequence,
            kind=kind,
            payload=payload,
            reason=reason,
            received_at=ctx.timestamp,
        )
    )
    return "dead"


@platform.reducer
def inbox_retry(ctx: qsdb.ReducerContext, letter_id: u64) -> None:
    """Apply a dead letter after all; it goes when that succeeds.

    Raises:
        ReducerError: NotAuthorized, the caller is not the owner; NotFound; WrongState,
            it still cannot be applied.
    """
    letter = _letter(ctx, letter_id)
    reason = _reason_against(ctx, letter.source, letter.kind, letter.payload)
    if reason is not None:
        raise refusal("WrongState", f"letter {letter_id} is still refused: {reason}")
    ctx.db[DeadLetter].delete_by_key(letter_id)


@platform.reducer
def inbox_discard(ctx: qsdb.ReducerContext, letter_id: u64) -> None:
    """Put a dead letter away; the audit log keeps what it was.

    Raises:
        ReducerError: NotAuthorized, the caller is not the owner; NotFound.
    """
    letter = _letter(ctx, letter_id)
    ctx.db[DeadLetter].delete_by_key(letter_id)
    write_audit(
        ctx,
        OWNER,
        "inbox_discard",
        f"message {letter.sequence} of {letter.source} was put away: {letter.reason}",
        source=letter.source,
        sequence=letter.sequence,
        kind=letter.kind,
    )


@platform.reducer
def inbox_advance(ctx: qsdb.ReducerContext, source: str, applied: u64) -> None:
    """Go on without messages that are lost: take all up to `applied` for applied.

    Needed when the platform was set back to a backup that is older than what a game
    has already crossed off.

    Raises:
        ReducerError: NotAuthorized, the caller is not the owner; InvalidArgument;
            Conflict, the position would not move on.
    """
    require_owner(ctx)
    check_id("source", source)
    positions = ctx.db[InboxPosition]
    position = positions.get(source)
    before = 0 if position is None else position.applied
    if applied <= before:
        raise refusal("Conflict", f"{source!r} is at {before}, not before {applied}")
    positions.upsert(InboxPosition(source, applied))
    write_audit(
        ctx,
        OWNER,
        "inbox_advance",
        f"messages {before + 1} to {applied} of {source} are given up",
        source=source,
        before=before,
        applied=applied,
    )


def _letter(ctx: qsdb.ReducerContext, letter_id: int) -> DeadLetter:
    require_owner(ctx)
    letter = ctx.db[DeadLetter].get(letter_id)
    if letter is None:
        raise refusal("NotFound", f"there is no dead letter {letter_id}")
    return letter


def _reason_against(
    ctx: qsdb.ReducerContext, source: str, kind: str, payload: str
) -> str | None:
    """Apply a message; give why it cannot be, having changed nothing then."""
    try:
        with ctx.savepoint():
            if kind not in _KINDS:
                raise refusal("InvalidArgument", f"kind {kind!r} is unknown here")
            check_bytes("payload", payload, METADATA_BYTES_MAX)
            _KINDS[kind](ctx, source, payload)
    except qsdb.ReducerError as error:
        return str(error)
    return None


# The kinds of messages.

_SECURITY_EVENT: Final[Fields] = {
    "player_id": str,
    "server_id": str,
    "event_type": str,
    "severity": int,
    "evidence": str,
}


def _apply_security_event(ctx: qsdb.ReducerContext, source: str, payload: str) -> None:
    """Have admins see what a game's anti-cheat has found; it bans nobody."""
    found = read_object("the payload", payload, _SECURITY_EVENT)
    player_id, server_id = found["player_id"], found["server_id"]
    event_type, severity = found["event_type"], found["severity"]
    check_player_id(player_id)
    check_server_id(server_id)
    check_id("event_type", event_type)
    check_count("severity", severity, SEVERITY_MAX)
    write_audit(
        ctx,
        f"server:{server_id}",
        "security_event",
        f"{event_type} of {player_id} on {server_id}, "
        f"severity {severity} of {SEVERITY_MAX}, told by {source}",
        source=source,
        player_id=player_id,
        event_type=event_type,
        severity=severity,
        evidence=found["evidence"],
    )


_KINDS: Final[Mapping[str, Callable[[qsdb.ReducerContext, str, str], None]]] = (
    MappingProxyType({"security_event": _apply_security_event})
)
