"""Reducers for reviews: one of each player for a project.

Players reach the registry through the gateway, which says who they are.
"""

import qsdb
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.finding import open_project_by_id, project_by_id
from examples.qsbridge.mods.guards import require_owner
from examples.qsbridge.mods.limits import (
    DESCRIPTION_CHARS_MAX,
    check_player_id,
    check_rating,
    check_text,
)
from examples.qsbridge.mods.tables import ModReview, registry
from qsdb import u8, u64

__all__ = ["mod_review_delete", "mod_review_put"]


@registry.reducer
def mod_review_put(
    ctx: qsdb.ReducerContext, project_id: u64, player_id: str, rating: u8, body: str
) -> None:
    """Write a player's review of a project, in the place of an earlier one.

    Raises:
        ReducerError: NotAuthorized, not the owner; InvalidArgument; NotFound, no
            such project; WrongState, it is archived.
    """
    require_owner(ctx)
    check_player_id(player_id)
    check_rating(rating)
    check_text("body", body, DESCRIPTION_CHARS_MAX)
    open_project_by_id(ctx.db, project_id)
    reviews = ctx.db[ModReview]
    old = reviews.project_id_player_id.find(project_id, player_id)
    if old is not None:
        reviews.update(old.replace(rating=rating, body=body, created_at=ctx.timestamp))
        return
    reviews.insert(
        ModReview(
            project_id=project_id,
            player_id=player_id,
            rating=rating,
            body=body,
            created_at=ctx.timestamp,
        )
    )


@registry.reducer
def mod_review_delete(
    ctx: qsdb.ReducerContext, project_id: u64, player_id: str
) -> None:
    """Delete a player's review of a project, archived or not.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound, no such project, or no
            review of this player.
    """
    require_owner(ctx)
    project = project_by_id(ctx.db, project_id)
    if not ctx.db[ModReview].project_id_player_id.delete(project_id, player_id):
        raise refusal(
            "NotFound", f"player {player_id!r} has no review of {project.slug!r}"
        )
