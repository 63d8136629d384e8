"""Reducers for projects: what a mod is called, and whether it is still offered.

A project is never deleted. Archived it takes no new version, review or install,
and what is installed stays; that can be taken back.
"""

import qsdb
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.extensions import ModArchive, ModProjectPage
from examples.qsbridge.mods.finding import open_project_by_id, project_by_id
from examples.qsbridge.mods.guards import require_owner
from examples.qsbridge.mods.kinds import ModKind
from examples.qsbridge.mods.limits import (
    DESCRIPTION_CHARS_MAX,
    check_id,
    check_line,
    check_slug,
    check_text,
    check_web_address,
)
from examples.qsbridge.mods.tables import ModProject, registry
from qsdb import u64

__all__ = [
    "mod_project_archive",
    "mod_project_create",
    "mod_project_page_set",
    "mod_project_restore",
    "mod_project_update",
]

NAME_CHARS_MAX = 64


@registry.reducer
def mod_project_create(
    ctx: qsdb.ReducerContext,
    slug: str,
    name: str,
    author: str,
    description: str,
    mod_kind: ModKind,
) -> u64:
    """Make a project and give its id; author and description may be empty.

    Raises:
        ReducerError: NotAuthorized, not the owner; InvalidArgument; AlreadyExists,
            the slug is taken.
    """
    require_owner(ctx)
    check_slug("slug", slug)
    _check_texts(name, author, description)
    projects = ctx.db[ModProject]
    if projects.slug.find(slug) is not None:
        raise refusal("AlreadyExists", f"there is a project {slug!r} already")
    return projects.insert(
        ModProject(
            slug=slug,
            name=name,
            author=author,
            description=description,
            mod_kind=mod_kind,
            created_at=ctx.timestamp,
        )
    ).project_id


@registry.reducer
def mod_project_update(
    ctx: qsdb.ReducerContext, project_id: u64, name: str, author: str, description: str
) -> None:
    """Change what a project says of itself; slug and kind stay.

    Raises:
        ReducerError: NotAuthorized, not the owner; InvalidArgument; NotFound;
            WrongState, it is archived.
    """
    require_owner(ctx)
    _check_texts(name, author, description)
    project = open_project_by_id(ctx.db, project_id)
    ctx.db[ModProject].update(
        project.replace(name=name, author=author, description=description)
    )


@registry.reducer
def mod_project_page_set(
    ctx: qsdb.ReducerContext,
    project_id: u64,
    license: str,  # noqa: A002  the manifest's word
    homepage: str,
    repository: str,
) -> None:
    """Set a project's license and addresses, each empty where there is none.

    Raises:
        ReducerError: NotAuthorized, not the owner; InvalidArgument; NotFound;
            WrongState, it is archived.
    """
    require_owner(ctx)
    check_line("license", license, NAME_CHARS_MAX)
    check_web_address("homepage", homepage)
    check_web_address("repository", repository)
    open_project_by_id(ctx.db, project_id)
    ctx.db[ModProjectPage].upsert(
        ModProjectPage(project_id, license, homepage, repository)
    )


@registry.reducer
def mod_project_archive(ctx: qsdb.ReducerContext, project_id: u64) -> None:
    """Archive a project.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound; WrongState, it is
            archived already.
    """
    require_owner(ctx)
    open_project_by_id(ctx.db, project_id)
    ctx.db[ModArchive].insert(ModArchive(project_id, ctx.timestamp))


@registry.reducer
def mod_project_restore(ctx: qsdb.ReducerContext, project_id: u64) -> None:
    """Offer an archived project again.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound; WrongState, it is not
            archived.
    """
    require_owner(ctx)
    project = project_by_id(ctx.db, project_id)
    if not ctx.db[ModArchive].delete_by_key(project_id):
        raise refusal("WrongState", f"project {project.slug!r} is not archived")


def _check_texts(name: str, author: str, description: str) -> None:
    check_id("name", name)
    check_line("name", name, NAME_CHARS_MAX)
    check_line("author", author, NAME_CHARS_MAX)
    check_text("description", description, DESCRIPTION_CHARS_MAX)
