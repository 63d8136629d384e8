"""Reducers for dependencies: which projects a version needs beside it.

A dependency is on a project, from some version on, so any of several versions may
fulfil it. A new one is refused where some choice of versions would then need
itself: two mods that wait for each other could never be installed. Seen as a graph,
versions with a line to each version that may fulfil a dependency, there is never a
circle, and so none among those that a server has chosen.
"""

from collections.abc import Iterator

import qsdb
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.finding import (
    project_by_id,
    unused_version_by_id,
    version_by_id,
)
from examples.qsbridge.mods.guards import require_owner
from examples.qsbridge.mods.limits import check_semver
from examples.qsbridge.mods.semver import precedence
from examples.qsbridge.mods.tables import ModDependency, ModVersion, registry
from qsdb import u64

__all__ = ["mod_dependency_add", "mod_dependency_remove"]

DEPENDENCIES_MAX = 32


@registry.reducer
def mod_dependency_add(
    ctx: qsdb.ReducerContext, version_id: u64, needs_project_id: u64, version_min: str
) -> None:
    """Have a version need a project, in `version_min` or a newer version.

    Raises:
        ReducerError: NotAuthorized, not the owner; InvalidArgument; NotFound, no
            such version or project; WrongState, the version is installed somewhere,
            or has 32 dependencies; AlreadyExists, it needs the project already;
            Conflict, it would need itself.

    Cost: O(versions that it may come to need, of all depths).
    """
    require_owner(ctx)
    check_semver("version_min", version_min)
    version = unused_version_by_id(ctx.db, version_id)
    needed = project_by_id(ctx.db, needs_project_id)
    dependencies = ctx.db[ModDependency]
    named = _named(ctx, version)
    if dependencies.version_id_needs_project_id.find(version_id, needs_project_id):
        raise refusal("AlreadyExists", f"{named} needs {needed.slug!r} already")
    if dependencies.version_id.count(version_id) >= DEPENDENCIES_MAX:
        raise refusal(
            "WrongState", f"{named} needs {DEPENDENCIES_MAX} mods, and may no more"
        )
    if needs_project_id == version.project_id:
        raise refusal("Conflict", f"{named} would need itself")
    added = ModDependency(
        version_id=version_id,
        needs_project_id=needs_project_id,
        version_min=version_min,
    )
    _check_no_circle(ctx, version, added)
    dependencies.insert(added)


@registry.reducer
def mod_dependency_remove(
    ctx: qsdb.ReducerContext, version_id: u64, needs_project_id: u64
) -> None:
    """Have a version need a project no more.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound, no such version or
            project, or the version does not need it; WrongState, the version is
            installed somewhere.
    """
    require_owner(ctx)
    version = unused_version_by_id(ctx.db, version_id)
    needed = project_by_id(ctx.db, needs_project_id)
    dependencies = ctx.db[ModDependency].version_id_needs_project_id
    if not dependencies.delete(version_id, needs_project_id):
        raise refusal("NotFound", f"{_named(ctx, version)} needs no {needed.slug!r}")


def _check_no_circle(
    ctx: qsdb.ReducerContext, version: ModVersion, added: ModDependency
) -> None:
    """Follow all that a version may come to need, and refuse to meet it there."""
    came_from = dict.fromkeys(_candidates(ctx, added), version.version_id)
    waiting = [*came_from]
    while waiting:
        version_id = waiting.pop()
        for dependency in ctx.db[ModDependency].version_id.filter(version_id):
            for candidate in _candidates(ctx, dependency):
                if candidate not in came_from:
                    came_from[candidate] = version_id
                    waiting.append(candidate)
    if version.version_id not in came_from:
        return
    path = [version.version_id]
    while len(path) == 1 or path[-1] != version.version_id:
        path.append(came_from[path[-1]])
    names = (_named(ctx, version_by_id(ctx.db, each)) for each in reversed(path))
    raise refusal(
        "Conflict", f"{_named(ctx, version)} would need itself: {' -> '.join(names)}"
    )


def _candidates(ctx: qsdb.ReducerContext, dependency: ModDependency) -> Iterator[int]:
    """Yield the versions that may fulfil a dependency, yanked ones too."""
    least = precedence(dependency.version_min)
    for version in ctx.db[ModVersion].project_id.filter(dependency.needs_project_id):
        if precedence(version.version) >= least:
            yield version.version_id


def _named(ctx: qsdb.ReducerContext, version: ModVersion) -> str:
    return f"{project_by_id(ctx.db, version.project_id).slug} {version.version}"
