"""What the mods of one server need of each other.

What is asked of the needed mod depends on what is done with the one that needs it.
To be requested or updated, it is enough that the others are there or come; to be
enabled, they must be enabled. The other way round, a mod that others need is not
taken from under them.
"""

from collections.abc import Collection, Iterator

import qsdb
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.finding import project_by_id, version_by_id
from examples.qsbridge.mods.semver import precedence
from examples.qsbridge.mods.tables import InstalledMod, ModDependency, ModVersion

__all__ = ["check_fits_those_that_need_it", "check_needs", "check_not_needed"]


def check_needs(
    db: qsdb.Transaction,
    server_id: str,
    version: ModVersion,
    statuses: Collection[str],
) -> None:
    """Check that a server has what a version needs, in one of some states.

    Raises:
        ReducerError: Conflict, something is missing, too old or in another state.
    """
    for dependency in db[ModDependency].version_id.filter(version.version_id):
        needed = project_by_id(db, dependency.needs_project_id).slug
        slug = project_by_id(db, version.project_id).slug
        sentence = f"{slug} {version.version} needs {needed} {dependency.version_min}"
        installs = db[InstalledMod].server_id_project_id
        install = installs.find(server_id, dependency.needs_project_id)
        if install is None:
            raise refusal(
                "Conflict", f"{sentence} or newer, and {server_id!r} does not have it"
            )
        if precedence(install.version) < precedence(dependency.version_min):
            raise refusal(
                "Conflict",
                f"{sentence} or newer, and {server_id!r} has an older one: "
                f"{install.version}",
            )
        if install.status not in statuses:
            raise refusal(
                "Conflict",
                f"{sentence} or newer, and on {server_id!r} it is "
                f"{install.status}, not {' or '.join(sorted(statuses))}",
            )


def check_not_needed(
    db: qsdb.Transaction, install: InstalledMod, statuses: Collection[str]
) -> None:
    """Check that no mod in one of some states needs an install.

    Raises:
        ReducerError: Conflict.
    """
    for other, _ in _those_that_need(db, install, statuses):
        raise refusal(
            "Conflict",
            f"{_named(db, other)} on {install.server_id!r} is {other.status} and "
            f"needs {_named(db, install)}",
        )


def check_fits_those_that_need_it(
    db: qsdb.Transaction,
    install: InstalledMod,
    version: ModVersion,
    statuses: Collection[str],
) -> None:
    """Check that another version would do for the mods that need an install.

    Raises:
        ReducerError: Conflict.
    """
    for other, dependency in _those_that_need(db, install, statuses):
        if precedence(version.version) < precedence(dependency.version_min):
            raise refusal(
                "Conflict",
                f"{_named(db, other)} on {install.server_id!r} needs "
                f"{_named(db, install).split()[0]} {dependency.version_min} or newer, "
                f"not {version.version}",
            )


def _those_that_need(
    db: qsdb.Transaction, install: InstalledMod, statuses: Collection[str]
) -> Iterator[tuple[InstalledMod, ModDependency]]:
    for dependency in db[ModDependency].needs_project_id.filter(install.project_id):
        version = version_by_id(db, dependency.version_id)
        installs = db[InstalledMod].server_id_project_id
        other = installs.find(install.server_id, version.project_id)
        if (
            other is not None
            and other.version == version.version
            and other.status in statuses
        ):
            yield other, dependency


def _named(db: qsdb.Transaction, install: InstalledMod) -> str:
    return f"{project_by_id(db, install.project_id).slug} {install.version}"
