"""Views: what a panel shows of the registry.

Each has an argument and reads what belongs to it alone, by index: a review of one
project costs those nothing who look at another one.
"""

import qsdb
from examples.qsbridge.mods.extensions import ModYank
from examples.qsbridge.mods.finding import project_by_id, version_of
from examples.qsbridge.mods.kinds import ConfigType, ModKind
from examples.qsbridge.mods.semver import precedence
from examples.qsbridge.mods.tables import (
    InstalledMod,
    ModConfigField,
    ModConfigValue,
    ModReview,
    ModServiceState,
    ModVersion,
    registry,
)
from qsdb import Timestamp, f64, u8, u16, u32, u64

__all__ = [
    "RatingSummary",
    "ServerMod",
    "SettingLine",
    "mod_config",
    "mod_rating",
    "server_mods",
]


class RatingSummary(qsdb.Product):
    """What players think of a project."""

    project_id: u64
    reviews: u32
    mean: f64
    """1 to 5."""
    worst: u8
    best: u8


class ServerMod(qsdb.Product):
    """A mod on a server, with what its row refers to.

    `newest` is the newest version that is not yanked, None if all are; port, health
    and check are those of a service.
    """

    install_id: u64
    slug: str
    name: str
    mod_kind: ModKind
    version: str
    newest: str | None
    status: str
    port: u16 | None
    health: str | None
    last_check: Timestamp | None


class SettingLine(qsdb.Product):
    """A setting of an install: what is asked, and what is given.

    `value` is what counts, the default where nothing was set; None where there is
    neither, and for a secret.
    """

    key: str
    config_type: ConfigType
    label: str
    description: str
    required: bool
    is_set: bool
    value: str | None


@registry.view(public=True, primary_key="project_id")
def mod_rating(ctx: qsdb.AnonymousViewContext, project_id: u64) -> RatingSummary | None:
    """Give the rating of a project; none without a review.

    Cost: O(reviews of the project), again with each of its reviews.
    """
    found = ctx.db[ModReview].project_id.filter(project_id)
    ratings = [review.rating for review in found]
    if not ratings:
        return None
    return RatingSummary(
        project_id=project_id,
        reviews=len(ratings),
        mean=sum(ratings) / len(ratings),
        worst=min(ratings),
        best=max(ratings),
    )


@registry.view(public=True, primary_key="install_id")
def server_mods(ctx: qsdb.AnonymousViewContext, server_id: str) -> list[ServerMod]:
    """Give the mods of one server.

    Cost: O(its mods and their versions).
    """
    return [
        _server_mod(ctx.db, install)
        for install in ctx.db[InstalledMod].server_id.filter(server_id)
    ]


@registry.view(public=True, primary_key="key")
def mod_config(ctx: qsdb.AnonymousViewContext, install_id: u64) -> list[SettingLine]:
    """Give the settings of an install, without the text of any secret.

    Cost: O(its settings).
    """
    install = ctx.db[InstalledMod].get(install_id)
    if install is None:
        return []
    version = version_of(ctx.db, install)
    values = {
        row.key: row for row in ctx.db[ModConfigValue].install_id.filter(install_id)
    }
    fields = ctx.db[ModConfigField].version_id.filter(version.version_id)
    return [_setting_line(field, values.get(field.key)) for field in fields]


def _server_mod(db: qsdb.Transaction, install: InstalledMod) -> ServerMod:
    project = project_by_id(db, install.project_id)
    offered = [
        version.version
        for version in db[ModVersion].project_id.filter(install.project_id)
        if db[ModYank].get(version.version_id) is None
    ]
    service = db[ModServiceState].get(install.install_id)
    return ServerMod(
        install_id=install.install_id,
        slug=project.slug,
        name=project.name,
        mod_kind=project.mod_kind,
        version=install.version,
        newest=max(offered, key=precedence, default=None),
        status=install.status,
        port=None if service is None else service.port,
        health=None if service is None else service.health,
        last_check=None if service is None else service.last_check,
    )


def _setting_line(field: ModConfigField, row: ModConfigValue | None) -> SettingLine:
    value = field.default if row is None else row.value
    is_secret = field.config_type is ConfigType.Secret or (row and row.is_secret)
    return SettingLine(
        key=field.key,
        config_type=field.config_type,
        label=field.label,
        description=field.description,
        required=field.required,
        is_set=row is not None,
        value=None if is_secret else value,
    )
