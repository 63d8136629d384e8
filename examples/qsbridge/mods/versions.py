"""Reducers for versions: what is released, and what is taken back.

A version is never deleted, since servers may have it. Yanked, nobody installs it
anew; that can be taken back too.
"""

import qsdb
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.extensions import ModServiceSpec, ModYank
from examples.qsbridge.mods.finding import (
    open_project_by_id,
    project_by_id,
    unused_version_by_id,
    version_by_id,
)
from examples.qsbridge.mods.guards import require_owner
from examples.qsbridge.mods.limits import (
    DESCRIPTION_CHARS_MAX,
    REASON_CHARS_MAX,
    check_names,
    check_semver,
    check_text,
)
from examples.qsbridge.mods.semver import precedence
from examples.qsbridge.mods.service_limits import (
    check_cpu_quota,
    check_entry,
    check_health_check,
    check_memory_max,
)
from examples.qsbridge.mods.tables import ModVersion, registry
from qsdb import u64

__all__ = [
    "mod_service_spec_set",
    "mod_version_publish",
    "mod_version_restore",
    "mod_version_yank",
]


@registry.reducer
def mod_version_publish(  # noqa: PLR0913, PLR0917  one for each column
    ctx: qsdb.ReducerContext,
    project_id: u64,
    version: str,
    changelog: str,
    platform_min: str,
    engines: list[str],
    games: list[str],
) -> u64:
    """Release a version and give its id.

    It may be older than others, as a mend of an old line is. `platform_min` may be
    empty; `engines` and `games` are names, or ``*`` alone.

    Raises:
        ReducerError: NotAuthorized, not the owner; InvalidArgument; NotFound, no
            such project; WrongState, it is archived; AlreadyExists, it has the
            version, or one that differs in its build only.
    """
    require_owner(ctx)
    check_semver("version", version)
    check_text("changelog", changelog, DESCRIPTION_CHARS_MAX)
    if platform_min:
        check_semver("platform_min", platform_min)
    check_names("engines", engines)
    check_names("games", games)
    project = open_project_by_id(ctx.db, project_id)
    versions = ctx.db[ModVersion]
    for other in versions.project_id.filter(project_id):
        if precedence(other.version) == precedence(version):
            raise refusal(
                "AlreadyExists",
                f"project {project.slug!r} has version {other.version} already",
            )
    return versions.insert(
        ModVersion(
            project_id=project_id,
            version=version,
            changelog=changelog,
            platform_min=platform_min,
            engines=tuple(engines),
            games=tuple(games),
            published_at=ctx.timestamp,
        )
    ).version_id


@registry.reducer
def mod_version_yank(ctx: qsdb.ReducerContext, version_id: u64, reason: str) -> None:
    """Yank a version: it is installed nowhere anew.

    Raises:
        ReducerError: NotAuthorized, not the owner; InvalidArgument; NotFound;
            WrongState, it is yanked already.
    """
    require_owner(ctx)
    check_text("reason", reason, REASON_CHARS_MAX)
    version = version_by_id(ctx.db, version_id)
    yanks = ctx.db[ModYank]
    if yanks.get(version_id) is not None:
        raise refusal("WrongState", f"{_named(ctx, version)} is yanked already")
    yanks.insert(ModYank(version_id, reason, ctx.timestamp))


@registry.reducer
def mod_version_restore(ctx: qsdb.ReducerContext, version_id: u64) -> None:
    """Offer a yanked version again.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound; WrongState, it is not
            yanked.
    """
    require_owner(ctx)
    version = version_by_id(ctx.db, version_id)
    if not ctx.db[ModYank].delete_by_key(version_id):
        raise refusal("WrongState", f"{_named(ctx, version)} is not yanked")


@registry.reducer
def mod_service_spec_set(
    ctx: qsdb.ReducerContext,
    version_id: u64,
    entry: str,
    health_check: str,
    memory_max: str,
    cpu_quota: str,
) -> None:
    """Set how a version is run; all but `entry` may be empty for any kind of mod.

    Raises:
        ReducerError: NotAuthorized, not the owner; InvalidArgument; NotFound;
            WrongState, the version is installed somewhere.
    """
    require_owner(ctx)
    check_entry("entry", entry)
    check_health_check("health_check", health_check)
    check_memory_max("memory_max", memory_max)
    check_cpu_quota("cpu_quota", cpu_quota)
    unused_version_by_id(ctx.db, version_id)
    ctx.db[ModServiceSpec].upsert(
        ModServiceSpec(version_id, entry, health_check, memory_max, cpu_quota)
    )


def _named(ctx: qsdb.ReducerContext, version: ModVersion) -> str:
    return f"{project_by_id(ctx.db, version.project_id).slug} {version.version}"
