"""The registry's module and its ten tables.

Six tables are named in the wiki, four names and nearly all columns are suggested
(N20). All are public: a panel may subscribe to any of them. One column is not for
everybody, the text of a secret setting; see `secrets`.

A project has versions; what a version is (files, settings, dependencies, see also
`extensions.ModServiceSpec`) hangs on the version. A server chooses: an
`InstalledMod` is one project on one server in one version, with values of its own.
"""

from typing import Final

import qsdb
from examples.qsbridge.mods.kinds import ConfigType, ModKind
from qsdb import Timestamp, u8, u16, u64

__all__ = [
    "InstalledMod",
    "ModConfigField",
    "ModConfigValue",
    "ModDependency",
    "ModFile",
    "ModProject",
    "ModReview",
    "ModServiceState",
    "ModTag",
    "ModVersion",
    "registry",
]

registry: Final = qsdb.Module("qs-bridge-registry")


class ModProject(qsdb.Row, module=registry, public=True):
    """A mod, whatever its version; its kind never changes."""

    project_id: u64 = qsdb.primary_key(auto_inc=True)
    slug: str = qsdb.unique()
    name: str
    author: str
    description: str
    mod_kind: ModKind
    created_at: Timestamp


class ModVersion(
    qsdb.Row, module=registry, public=True, unique=[("project_id", "version")]
):
    """A release. `engines` and `games` name what it is for, ``*`` means all.

    `platform_min` is the lowest version of a server that it works with, empty for
    any.
    """

    version_id: u64 = qsdb.primary_key(auto_inc=True)
    project_id: u64 = qsdb.index()
    version: str
    changelog: str
    platform_min: str
    engines: tuple[str, ...]
    games: tuple[str, ...]
    published_at: Timestamp


class ModFile(qsdb.Row, module=registry, public=True):
    """A file of a version; its bytes are in the object store, under the key."""

    file_id: u64 = qsdb.primary_key(auto_inc=True)
    version_id: u64 = qsdb.index()
    object_key: str = qsdb.unique()
    sha256: str
    size: u64
    """In bytes."""


class ModReview(
    qsdb.Row, module=registry, public=True, unique=[("project_id", "player_id")]
):
    """What a player says of a project, with 1 to 5 stars; one review each."""

    review_id: u64 = qsdb.primary_key(auto_inc=True)
    project_id: u64 = qsdb.index()
    player_id: str
    rating: u8
    body: str
    created_at: Timestamp


class InstalledMod(
    qsdb.Row, module=registry, public=True, unique=[("server_id", "project_id")]
):
    """A project on a server; `lifecycle` has the values of `status`.

    `installed_at` is None until the gateway has installed it for the first time.
    """

    install_id: u64 = qsdb.primary_key(auto_inc=True)
    server_id: str = qsdb.index()
    project_id: u64 = qsdb.index()
    version: str
    status: str
    installed_at: Timestamp | None
    updated_at: Timestamp


class ModConfigValue(
    qsdb.Row, module=registry, public=True, unique=[("install_id", "key")]
):
    """The value of one setting of an install; rows of secrets are the owner's."""

    value_id: u64 = qsdb.primary_key(auto_inc=True)
    install_id: u64 = qsdb.index()
    key: str
    value: str
    is_secret: bool


class ModConfigField(
    qsdb.Row, module=registry, public=True, unique=[("version_id", "key")]
):
    """A setting that a version has; `options` are those of a Select."""

    field_id: u64 = qsdb.primary_key(auto_inc=True)
    version_id: u64 = qsdb.index()
    key: str
    config_type: ConfigType
    label: str
    description: str
    required: bool
    default: str | None
    options: tuple[str, ...]


class ModDependency(
    qsdb.Row, module=registry, public=True, unique=[("version_id", "needs_project_id")]
):
    """A version needs another project, in this version or a newer one."""

    dependency_id: u64 = qsdb.primary_key(auto_inc=True)
    version_id: u64 = qsdb.index()
    needs_project_id: u64 = qsdb.index()
    version_min: str


class ModTag(qsdb.Row, module=registry, public=True, unique=[("project_id", "tag")]):
    """A word by which a project is found."""

    tag_id: u64 = qsdb.primary_key(auto_inc=True)
    project_id: u64 = qsdb.index()
    tag: str = qsdb.index()


class ModServiceState(qsdb.Row, module=registry, public=True):
    """The port and the health of an installed ProcessService.

    `last_check` is None until the service was looked at since it was enabled.
    """

    install_id: u64 = qsdb.primary_key()
    port: u16 = qsdb.unique()
    health: str
    last_check: Timestamp | None
