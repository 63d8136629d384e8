"""Tables besides the ten: what the ten have no column for.

The suggested columns (N20) leave no place for an archived project, a yanked
version, the reason of a failure, and most of a manifest; each has a small table of
its own, so that the ten stay as they are specified. The registry is also a database
of its own, and has to be told what the platform knows of servers.
"""

import qsdb
from examples.qsbridge.mods.tables import registry
from qsdb import Identity, Timestamp, u64

__all__ = [
    "GameEngine",
    "ModArchive",
    "ModInstallFailure",
    "ModProjectPage",
    "ModServiceSpec",
    "ModYank",
    "RegistryConfig",
    "ServerMirror",
]


class RegistryConfig(qsdb.Row, module=registry, public=True):
    """One row, written by `init` and never changed: the root of trust."""

    owner_identity: Identity


class ServerMirror(qsdb.Row, module=registry, public=True):
    """What the registry knows of a server of the platform; see `mirror`."""

    server_id: str = qsdb.primary_key()
    stdb_identity: Identity = qsdb.unique()
    version: str
    game_module: str


class GameEngine(qsdb.Row, module=registry, public=True):
    """The engine that a game runs on; the platform does not say it."""

    game_module: str = qsdb.primary_key()
    engine: str


class ModProjectPage(qsdb.Row, module=registry, public=True):
    """What a manifest says of a project besides its name; empty where it is silent."""

    project_id: u64 = qsdb.primary_key()
    license: str
    homepage: str
    repository: str


class ModArchive(qsdb.Row, module=registry, public=True):
    """An archived project: what is installed stays, nothing new comes."""

    project_id: u64 = qsdb.primary_key()
    archived_at: Timestamp


class ModYank(qsdb.Row, module=registry, public=True):
    """A yanked version: where it is installed it stays, nobody installs it anew."""

    version_id: u64 = qsdb.primary_key()
    reason: str
    yanked_at: Timestamp


class ModServiceSpec(qsdb.Row, module=registry, public=True):
    """How a version is run: what a manifest says of kind and resources.

    `entry` is a path in the mod's directory, `health_check` a URL with ``${PORT}``,
    `memory_max` and `cpu_quota` are systemd's; each is empty where there is none.
    """

    version_id: u64 = qsdb.primary_key()
    entry: str
    health_check: str
    memory_max: str
    cpu_quota: str


class ModInstallFailure(qsdb.Row, module=registry, public=True):
    """Why an install failed last."""

    install_id: u64 = qsdb.primary_key()
    reason: str
    failed_at: Timestamp
