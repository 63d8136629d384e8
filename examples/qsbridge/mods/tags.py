"""Reducers for tags: words by which projects are found."""

import qsdb
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.finding import project_by_id
from examples.qsbridge.mods.guards import require_owner
from examples.qsbridge.mods.limits import check_slug
from examples.qsbridge.mods.tables import ModTag, registry
from qsdb import u64

__all__ = ["mod_tag_add", "mod_tag_remove"]

TAGS_MAX = 16


@registry.reducer
def mod_tag_add(ctx: qsdb.ReducerContext, project_id: u64, tag: str) -> None:
    """Tag a project; it may have 16 tags.

    Raises:
        ReducerError: NotAuthorized, not the owner; InvalidArgument; NotFound, no
            such project; AlreadyExists, it has the tag; WrongState, it has 16.
    """
    require_owner(ctx)
    check_slug("tag", tag)
    project = project_by_id(ctx.db, project_id)
    tags = ctx.db[ModTag]
    if tags.project_id_tag.find(project_id, tag) is not None:
        raise refusal("AlreadyExists", f"project {project.slug!r} has the tag {tag!r}")
    if tags.project_id.count(project_id) >= TAGS_MAX:
        raise refusal(
            "WrongState",
            f"project {project.slug!r} has {TAGS_MAX} tags, and may have no more",
        )
    tags.insert(ModTag(project_id=project_id, tag=tag))


@registry.reducer
def mod_tag_remove(ctx: qsdb.ReducerContext, project_id: u64, tag: str) -> None:
    """Take a tag off a project.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound, no such project, or it
            has no such tag.
    """
    require_owner(ctx)
    project = project_by_id(ctx.db, project_id)
    if not ctx.db[ModTag].project_id_tag.delete(project_id, tag):
        raise refusal("NotFound", f"project {project.slug!r} has no tag {tag!r}")
