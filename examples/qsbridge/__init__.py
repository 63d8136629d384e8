"""QS-Bridge's platform on qsdb: the hub of a cluster of game servers.

`platform` is the module: tables in `tables`, reducers that the public wiki names
in `documented`, reducers that it leaves out in `suggested`. The runnable cluster
(``python -m examples.qsbridge``) is built on top and not imported here.
"""

from examples.qsbridge.documented import (
    admin_ban,
    admin_unban,
    init,
    server_heartbeat,
    server_register,
)
from examples.qsbridge.suggested import presence_beat, presence_join, presence_leave
from examples.qsbridge.tables import (
    SILENCE_MAX,
    BanEntry,
    ModuleConfig,
    PlayerServerPresence,
    ServerConfig,
    ServerRegistry,
    platform,
)

__all__ = [
    "SILENCE_MAX",
    "BanEntry",
    "ModuleConfig",
    "PlayerServerPresence",
    "ServerConfig",
    "ServerRegistry",
    "admin_ban",
    "admin_unban",
    "init",
    "platform",
    "presence_beat",
    "presence_join",
    "presence_leave",
    "server_heartbeat",
    "server_register",
]
