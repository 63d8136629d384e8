"""What clients call: the gateway's five hosting routes.

They are procedures: a reducer may not reach out, and would keep all who write waiting
for the provider. A plain function, it runs on the thread that calls, or with `start`
and `call_async` in the database's pool.
"""

import qsdb
from examples.qsbridge.hosting.desks import desk_of
from examples.qsbridge.hub.tables import platform

__all__ = ["hosting_action", "hosting_command"]


@platform.procedure
def hosting_action(
    ctx: qsdb.ProcedureContext, actor_player_id: str, server_id: str, action: str
) -> str:
    """Start, stop, restart or wipe a server; give what the provider says.

    Raises:
        ReducerError: WrongState, no provider is at hand; what `HostingDesk.act`
            raises.
    """
    return desk_of(ctx).act(ctx, actor_player_id, server_id, action)


@platform.procedure
def hosting_command(
    ctx: qsdb.ProcedureContext, actor_player_id: str, server_id: str, command: str
) -> str:
    """Type a line into a server's console; give what it prints.

    Raises:
        ReducerError: WrongState, no provider is at hand; what `HostingDesk.command`
            raises.
    """
    return desk_of(ctx).command(ctx, actor_player_id, server_id, command)
