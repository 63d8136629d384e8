"""Privacy: what servers have to know, and others need not.

All documented tables are public, so whoever connects reads the hashes of passwords, the
characters that are under way, and every vault. A deployment to which more than its own
servers connect keeps these from strangers by row filters::

    keep_from_strangers(platform)       # once, before the database is opened
    with qsdb.Database(platform, …) as db:

The owner, as whom the gateway connects, still sees all, and so do reducers and views. A
server's bridge sees what it works with: its own settings, the transfers that it is an
end of, and the vaults of players who are on its server or have been there; of one who
has left it may have to find out what became of a call. Anybody else sees no row. The
tables stay public, and bridges ask as before.
"""

import qsdb

__all__ = ["keep_from_strangers"]


def keep_from_strangers(module: qsdb.Module) -> None:
    """Have databases of the platform's module keep secrets, if opened from now on.

    Called once in a process. It changes no table: a database that was open to all can
    be opened so, and the other way round.
    """
    module.row_filter(
        "SELECT c.* FROM server_config c"
        " JOIN server_registry s ON s.server_id = c.server_id"
        " WHERE s.stdb_identity = :sender"
    )
    module.row_filter(
        "SELECT t.* FROM server_transfer_queue t"
        " JOIN server_registry s ON s.server_id = t.from_server_id"
        " WHERE s.stdb_identity = :sender"
    )
    module.row_filter(
        "SELECT t.* FROM server_transfer_queue t"
        " JOIN server_registry s ON s.server_id = t.to_server_id"
        " WHERE s.stdb_identity = :sender"
    )
    module.row_filter(
        "SELECT v.* FROM global_vault v"
        " JOIN player_movement m ON m.player_id = v.player_id"
        " JOIN server_registry s ON s.server_id = m.to_server_id"
        " WHERE s.stdb_identity = :sender"
    )
