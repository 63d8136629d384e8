"""The two transactions of a hosting action: before the provider is asked, and after.

Both are private: they are steps of the procedures, and no calls for clients. In
between no transaction is open, so everything may have changed when the second begins.
It refuses nothing therefore: what the provider has done has happened, also if the
admin has logged out meanwhile.
"""

from types import MappingProxyType
from typing import Final

import qsdb
from examples.qsbridge.hosting.provider import HostingAction
from examples.qsbridge.hub.audit import write_audit
from examples.qsbridge.hub.guards import check_session, require_known_server
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.hub.suggested.status import set_status
from examples.qsbridge.hub.tables import (
    AdminLevel,
    PanelSession,
    ServerRegistry,
    platform,
)

__all__ = ["hosting_permit", "hosting_record"]

STATUS_AFTER: Final = MappingProxyType(
    {"stop": "offline", "restart": "restarting", "wipe": "wiping"}
)
"""Order → status. A start has none: a server is online when its bridge says so."""


@platform.reducer(private=True)
def hosting_permit(
    ctx: qsdb.ReducerContext, actor_player_id: str, server_id: str, order: str
) -> str:
    """Give the hosting id of a server if the admin may give it the order.

    Changes nothing.

    Raises:
        ReducerError: NotAuthorized, not the owner, or the admin is not logged in or
            below Admin (to wipe: Owner); NotFound; WrongState, the server has no
            hosting id; Conflict, another server has the same, so that it is not
            certain which of them is meant.
    """
    least = AdminLevel.Owner if order == HostingAction.wipe.value else AdminLevel.Admin
    check_session(ctx, actor_player_id, least)
    hosting_id = require_known_server(ctx, server_id).hosting_id
    if not hosting_id:
        raise refusal("WrongState", f"server {server_id!r} has no hosting id")
    for server in ctx.db[ServerRegistry]:
        if server.hosting_id == hosting_id and server.server_id != server_id:
            raise refusal(
                "Conflict",
                f"servers {server_id!r} and {server.server_id!r} have the same hosting "
                f"id {hosting_id!r}",
            )
    return hosting_id


@platform.reducer(private=True)
def hosting_record(
    ctx: qsdb.ReducerContext,
    actor_player_id: str,
    server_id: str,
    order: str,
    outcome: str,
    summary: str,
) -> None:
    """Write down an order that was, or may have been, carried out.

    The audit entry says so; the server's status is changed only if it is certain.

    Args:
        ctx: The call's.
        actor_player_id: Who gave the order.
        server_id: To which server.
        order: `HostingAction`'s name, or ``command``.
        outcome: ``done`` or ``unknown``.
        summary: What was done, as a sentence.
    """
    server = ctx.db[ServerRegistry].get(server_id)
    status = STATUS_AFTER.get(order) if outcome == "done" else None
    if server is not None and status is not None:
        set_status(ctx, server, status)
    session = ctx.db[PanelSession].get(actor_player_id)
    if session is not None:
        ctx.db[PanelSession].update(session.replace(last_activity=ctx.timestamp))
    write_audit(
        ctx,
        actor_player_id,
        f"hosting_{order}",
        summary,
        server_id=server_id,
        outcome=outcome,
    )
