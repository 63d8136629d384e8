"""Cross-server events: a tournament, a season, a raid boss on several servers at once.

The wiki shows the table and its three states, and nobody who changes them. Here the
owner does, and time::

    event_create                         → scheduled   shown as upcoming
    event_start, or start_at is there    → active      servers turn their part on
    event_complete, or end_at is there   → completed   results are in `metadata`

Servers subscribe to the table and act on the changes of `status`. What time brings
about is done by a sweep (`sweep_events`), so up to half a minute late.
"""

import qsdb
from examples.qsbridge.hub.audit import write_audit
from examples.qsbridge.hub.guards import OWNER, require_known_server, require_owner
from examples.qsbridge.hub.limits import (
    DESCRIPTION_CHARS_MAX,
    METADATA_BYTES_MAX,
    TITLE_CHARS_MAX,
    check_bytes,
    check_filled,
    check_id,
    check_text,
)
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.hub.tables import CrossServerEvent, platform
from qsdb import Timestamp, u64

__all__ = [
    "complete_event",
    "event_complete",
    "event_create",
    "event_delete",
    "event_start",
    "start_event",
]


@platform.reducer
def event_create(  # noqa: PLR0913, PLR0917  one for each column that is given
    ctx: qsdb.ReducerContext,
    event_type: str,
    title: str,
    description: str,
    participating_servers: list[str],
    start_at: Timestamp,
    end_at: Timestamp | None,
    metadata: str,
) -> u64:
    """Plan an event, and give its id.

    Args:
        ctx: The call's; the caller is the owner.
        event_type: A short id for programs, as ``raid_boss``.
        title: For people, 1 to 512 characters.
        description: For people, at most 4,096 characters.
        participating_servers: Ids of registered servers, each once.
        start_at: When it is to start; a time that has passed starts it by the
            next sweep.
        end_at: When it is to end, after it starts; None for an open end.
        metadata: At most 64 KiB; JSON by custom.

    Raises:
        ReducerError: NotAuthorized, not the owner; InvalidArgument; NotFound, a
            server is not registered.
    """
    require_owner(ctx)
    check_id("event_type", event_type)
    check_filled("title", title, TITLE_CHARS_MAX)
    check_text("description", description, DESCRIPTION_CHARS_MAX)
    _check_servers(ctx, participating_servers)
    if end_at is not None and end_at <= start_at:
        raise refusal("InvalidArgument", f"end_at is {end_at}, not after {start_at}")
    check_bytes("metadata", metadata, METADATA_BYTES_MAX)
    event = ctx.db[CrossServerEvent].insert(
        CrossServerEvent(
            event_type=event_type,
            title=title,
            description=description,
            participating_servers=tuple(participating_servers),
            start_at=start_at,
            end_at=end_at,
            status="scheduled",
            metadata=metadata,
        )
    )
    _note(ctx, OWNER, "event_create", "planned", event)
    return event.event_id


@platform.reducer
def event_start(ctx: qsdb.ReducerContext, event_id: u64) -> None:
    """Start an event now, whatever was planned.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound; WrongState, it is
            active or over.
    """
    require_owner(ctx)
    start_event(ctx, OWNER, _find(ctx, event_id, "scheduled"))


@platform.reducer
def event_complete(
    ctx: qsdb.ReducerContext, event_id: u64, metadata: str | None
) -> None:
    """End an event now, whatever was planned.

    Args:
        ctx: The call's; the caller is the owner.
        event_id: Which.
        metadata: The results, in place of what is stored; None leaves that.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound; WrongState, it is
            not active; InvalidArgument.
    """
    require_owner(ctx)
    event = _find(ctx, event_id, "active")
    if metadata is not None:
        check_bytes("metadata", metadata, METADATA_BYTES_MAX)
        event = event.replace(metadata=metadata)
    complete_event(ctx, OWNER, event)


@platform.reducer
def event_delete(ctx: qsdb.ReducerContext, event_id: u64) -> None:
    """Take back an event that has not started.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound; WrongState, it is
            active or over.
    """
    require_owner(ctx)
    event = _find(ctx, event_id, "scheduled")
    ctx.db[CrossServerEvent].delete_by_key(event_id)
    _note(ctx, OWNER, "event_delete", "took back", event)


def start_event(
    ctx: qsdb.ReducerContext, actor: str, event: CrossServerEvent
) -> CrossServerEvent:
    """Start a scheduled event in the name of `actor`, and give its row."""
    _note(ctx, actor, "event_start", "started", event)
    return ctx.db[CrossServerEvent].update(event.replace(status="active"))


def complete_event(
    ctx: qsdb.ReducerContext, actor: str, event: CrossServerEvent
) -> None:
    """End an active event in the name of `actor`."""
    _note(ctx, actor, "event_complete", "ended", event)
    ctx.db[CrossServerEvent].update(event.replace(status="completed"))


def _check_servers(ctx: qsdb.ReducerContext, server_ids: list[str]) -> None:
    if not server_ids:
        raise refusal("InvalidArgument", "participating_servers is empty")
    seen: set[str] = set()
    for server_id in server_ids:
        if server_id in seen:
            raise refusal(
                "InvalidArgument", f"participating_servers has {server_id!r} twice"
            )
        seen.add(server_id)
        require_known_server(ctx, server_id)


def _find(ctx: qsdb.ReducerContext, event_id: int, status: str) -> CrossServerEvent:
    """Give an event that is in the wanted state."""
    event = ctx.db[CrossServerEvent].get(event_id)
    if event is None:
        raise refusal("NotFound", f"there is no event {event_id}")
    if event.status != status:
        raise refusal("WrongState", f"event {event_id} is {event.status}, not {status}")
    return event


def _note(
    ctx: qsdb.ReducerContext,
    actor: str,
    action: str,
    done: str,
    event: CrossServerEvent,
) -> None:
    write_audit(
        ctx,
        actor,
        action,
        f"{done} the event {event.title!r} ({event.event_type})",
        event_id=event.event_id,
    )
