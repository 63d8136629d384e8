"""Find what an argument names, or refuse the call with the name in the sentence."""

import qsdb
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.extensions import ModArchive
from examples.qsbridge.mods.tables import (
    InstalledMod,
    ModConfigField,
    ModProject,
    ModVersion,
)

__all__ = [
    "field_of",
    "find_version",
    "install_by_id",
    "open_project_by_id",
    "project_by_id",
    "unused_version_by_id",
    "version_by_id",
    "version_of",
]


def project_by_id(db: qsdb.Transaction, project_id: int) -> ModProject:
    """Give a project.

    Raises:
        ReducerError: NotFound.
    """
    project = db[ModProject].get(project_id)
    if project is None:
        raise refusal("NotFound", f"there is no project {project_id}")
    return project


def open_project_by_id(db: qsdb.Transaction, project_id: int) -> ModProject:
    """Give a project that is not archived.

    Raises:
        ReducerError: NotFound; WrongState, it is archived.
    """
    project = project_by_id(db, project_id)
    if db[ModArchive].get(project_id) is not None:
        raise refusal("WrongState", f"project {project.slug!r} is archived")
    return project


def version_by_id(db: qsdb.Transaction, version_id: int) -> ModVersion:
    """Give a version.

    Raises:
        ReducerError: NotFound.
    """
    version = db[ModVersion].get(version_id)
    if version is None:
        raise refusal("NotFound", f"there is no version with the id {version_id}")
    return version


def unused_version_by_id(db: qsdb.Transaction, version_id: int) -> ModVersion:
    """Give a version that may still be changed: no server has it.

    What a server runs never changes under it; a change is a new version.

    Raises:
        ReducerError: NotFound; WrongState, it is installed somewhere.
    """
    version = version_by_id(db, version_id)
    for install in db[InstalledMod].project_id.filter(version.project_id):
        if install.version == version.version:
            slug = project_by_id(db, version.project_id).slug
            raise refusal(
                "WrongState",
                f"{slug} {version.version} is installed on {install.server_id!r}; "
                "a change needs a new version",
            )
    return version


def find_version(db: qsdb.Transaction, project: ModProject, version: str) -> ModVersion:
    """Give the version of a project that has this text.

    Raises:
        ReducerError: NotFound.
    """
    found = db[ModVersion].project_id_version.find(project.project_id, version)
    if not isinstance(found, ModVersion):
        raise refusal("NotFound", f"project {project.slug!r} has no version {version}")
    return found


def install_by_id(db: qsdb.Transaction, install_id: int) -> InstalledMod:
    """Give an install.

    Raises:
        ReducerError: NotFound.
    """
    install = db[InstalledMod].get(install_id)
    if install is None:
        raise refusal("NotFound", f"there is no install {install_id}")
    return install


def version_of(db: qsdb.Transaction, install: InstalledMod) -> ModVersion:
    """Give the version that an install has; no version is ever deleted."""
    return find_version(db, project_by_id(db, install.project_id), install.version)


def field_of(db: qsdb.Transaction, version: ModVersion, key: str) -> ModConfigField:
    """Give a setting of a version.

    Raises:
        ReducerError: NotFound.
    """
    found = db[ModConfigField].version_id_key.find(version.version_id, key)
    if not isinstance(found, ModConfigField):
        slug = project_by_id(db, version.project_id).slug
        raise refusal("NotFound", f"{slug} {version.version} has no setting {key!r}")
    return found
