"""Reducers for installs: which mods a server has, in which version, in which state.

The owner asks (request, update, enable, disable, uninstall); the gateway, which is
the owner too, does the work on the machine and says how far it is (begin,
mark_installed, fail, mark_removed). Every step is one of `lifecycle`.
"""

import qsdb
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.compatibility import check_compatible, server_by_id
from examples.qsbridge.mods.config_values import check_configured, seal_secrets
from examples.qsbridge.mods.extensions import ModInstallFailure, ModYank
from examples.qsbridge.mods.finding import (
    find_version,
    install_by_id,
    open_project_by_id,
    version_of,
)
from examples.qsbridge.mods.guards import require_owner
from examples.qsbridge.mods.lifecycle import (
    DELETED,
    DISABLED,
    ENABLED,
    FAILED,
    INSTALLED,
    INSTALLING,
    PENDING,
    PRESENT,
    REMOVING,
    check_status,
    check_step,
)
from examples.qsbridge.mods.limits import REASON_CHARS_MAX, check_text
from examples.qsbridge.mods.needs import (
    check_fits_those_that_need_it,
    check_needs,
    check_not_needed,
)
from examples.qsbridge.mods.services import (
    check_runnable,
    forget_health,
    give_port,
)
from examples.qsbridge.mods.tables import (
    InstalledMod,
    ModConfigValue,
    ModProject,
    ModServiceState,
    ModVersion,
    registry,
)
from qsdb import u64

__all__ = [
    "mod_install_begin",
    "mod_install_disable",
    "mod_install_enable",
    "mod_install_fail",
    "mod_install_mark_installed",
    "mod_install_mark_removed",
    "mod_install_request",
    "mod_install_uninstall",
    "mod_install_update",
]


@registry.reducer
def mod_install_request(
    ctx: qsdb.ReducerContext, server_id: str, project_id: u64, version: str
) -> u64:
    """Choose a version of a project for a server, and give the install's id.

    A ProcessService is given the lowest port that is free, of 8900 to 9899.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound, no such server, project
            or version; WrongState, the project is archived, the version is yanked,
            or is a service that does not say what to run; AlreadyExists, the server
            has the project; Conflict, the version is not for this server, needs
            something that it does not have, or no port is free.
    """
    require_owner(ctx)
    server = server_by_id(ctx.db, server_id)
    project = open_project_by_id(ctx.db, project_id)
    chosen = _offered_version(ctx, project, version)
    installs = ctx.db[InstalledMod]
    if installs.server_id_project_id.find(server_id, project_id) is not None:
        raise refusal("AlreadyExists", f"{server_id!r} has {project.slug!r} already")
    check_runnable(ctx.db, project, chosen)
    check_compatible(ctx.db, server, chosen)
    check_needs(ctx.db, server_id, chosen, PRESENT)
    install = installs.insert(
        InstalledMod(
            server_id=server_id,
            project_id=project_id,
            version=version,
            status=PENDING,
            installed_at=None,
            updated_at=ctx.timestamp,
        )
    )
    give_port(ctx.db, project, install)
    return install.install_id


@registry.reducer
def mod_install_begin(ctx: qsdb.ReducerContext, install_id: u64) -> None:
    """Note that the gateway is at it: pending becomes installing.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound; WrongState.
    """
    require_owner(ctx)
    _step(ctx, install_by_id(ctx.db, install_id), INSTALLING)


@registry.reducer
def mod_install_mark_installed(ctx: qsdb.ReducerContext, install_id: u64) -> None:
    """Note that the mod is on the server: installing becomes installed.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound; WrongState.
    """
    require_owner(ctx)
    install = install_by_id(ctx.db, install_id)
    check_status(install, (INSTALLING,), "mark_installed")  # or it is an update
    _step(ctx, install.replace(installed_at=ctx.timestamp), INSTALLED)


@registry.reducer
def mod_install_enable(ctx: qsdb.ReducerContext, install_id: u64) -> None:
    """Switch an installed mod on.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound; WrongState, it is not
            installed or disabled, or a required setting has no right value;
            Conflict, a mod that it needs is not enabled.
    """
    require_owner(ctx)
    install = install_by_id(ctx.db, install_id)
    check_step(install, ENABLED)
    check_configured(ctx.db, install)
    version = version_of(ctx.db, install)
    check_needs(ctx.db, install.server_id, version, {ENABLED})
    _step(ctx, install, ENABLED)


@registry.reducer
def mod_install_disable(ctx: qsdb.ReducerContext, install_id: u64) -> None:
    """Switch an enabled mod off.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound; WrongState; Conflict,
            an enabled mod needs it.
    """
    require_owner(ctx)
    install = install_by_id(ctx.db, install_id)
    check_step(install, DISABLED)
    check_not_needed(ctx.db, install, {ENABLED})
    _step(ctx, install, DISABLED)


@registry.reducer
def mod_install_update(ctx: qsdb.ReducerContext, install_id: u64, version: str) -> None:
    """Choose another version, newer or older; an enabled mod becomes installed.

    The gateway brings the new files and may then enable it: no server runs a version
    that it did not get. Values of settings stay.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound, no such install,
            version or server; WrongState, it is not installed, enabled or disabled,
            has the version, the project is archived, or the version is yanked or
            does not say what to run; Conflict, the version is not for this server,
            needs something that it does not have, is too old for a mod that needs
            it, or it is enabled and needed by an enabled one.
    """
    require_owner(ctx)
    install = install_by_id(ctx.db, install_id)
    check_status(install, (INSTALLED, ENABLED, DISABLED), "an update")
    project = open_project_by_id(ctx.db, install.project_id)
    chosen = _offered_version(ctx, project, version)
    if version == install.version:
        raise refusal("WrongState", f"install {install_id} has version {version}")
    check_runnable(ctx.db, project, chosen)
    check_compatible(ctx.db, server_by_id(ctx.db, install.server_id), chosen)
    check_needs(ctx.db, install.server_id, chosen, PRESENT)
    check_fits_those_that_need_it(ctx.db, install, chosen, PRESENT)
    seal_secrets(ctx.db, install, chosen)
    changed = install.replace(version=version)
    if install.status == ENABLED:
        check_not_needed(ctx.db, install, {ENABLED})
        _step(ctx, changed, INSTALLED)
    else:
        ctx.db[InstalledMod].update(changed.replace(updated_at=ctx.timestamp))


@registry.reducer
def mod_install_fail(ctx: qsdb.ReducerContext, install_id: u64, reason: str) -> None:
    """Note that an install failed, and why; in any state.

    Raises:
        ReducerError: NotAuthorized, not the owner; InvalidArgument; NotFound.
    """
    require_owner(ctx)
    check_text("reason", reason, REASON_CHARS_MAX)
    _step(ctx, install_by_id(ctx.db, install_id), FAILED)
    ctx.db[ModInstallFailure].upsert(
        ModInstallFailure(install_id, reason, ctx.timestamp)
    )


@registry.reducer
def mod_install_uninstall(ctx: qsdb.ReducerContext, install_id: u64) -> None:
    """Have the gateway clear the server of a mod.

    One that failed may always go, also where others need it: what comes in its
    place serves them.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound; WrongState, it is being
            removed; Conflict, a mod that is there or comes needs it.
    """
    require_owner(ctx)
    install = install_by_id(ctx.db, install_id)
    check_step(install, REMOVING)
    if install.status != FAILED:
        check_not_needed(ctx.db, install, PRESENT)
    _step(ctx, install, REMOVING)


@registry.reducer
def mod_install_mark_removed(ctx: qsdb.ReducerContext, install_id: u64) -> None:
    """Note that the server is clear of a mod: its rows are deleted, its port is free.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound; WrongState, it is not
            being removed.
    """
    require_owner(ctx)
    check_step(install_by_id(ctx.db, install_id), DELETED)
    ctx.db[ModConfigValue].install_id.delete(install_id)
    ctx.db[ModServiceState].delete_by_key(install_id)
    ctx.db[ModInstallFailure].delete_by_key(install_id)
    ctx.db[InstalledMod].delete_by_key(install_id)


def _step(ctx: qsdb.ReducerContext, install: InstalledMod, status: str) -> None:
    """Bring an install into another state; what a service was like is forgotten."""
    check_step(install, status)
    ctx.db[InstalledMod].update(
        install.replace(status=status, updated_at=ctx.timestamp)
    )
    forget_health(ctx.db, install.install_id)


def _offered_version(
    ctx: qsdb.ReducerContext, project: ModProject, version: str
) -> ModVersion:
    chosen = find_version(ctx.db, project, version)
    yank = ctx.db[ModYank].get(chosen.version_id)
    if yank is not None:
        why = f": {yank.reason}" if yank.reason else ""
        raise refusal("WrongState", f"{project.slug} {version} is yanked{why}")
    return chosen
