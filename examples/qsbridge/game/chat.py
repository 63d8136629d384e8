"""Chat: what players say, kept as it was said."""

from typing import Final

import qsdb
from examples.qsbridge.game.guards import require_player
from examples.qsbridge.game.tables import ChatLog, survival
from examples.qsbridge.hub.limits import check_filled

__all__ = ["TEXT_CHARS_MAX", "send_chat"]

TEXT_CHARS_MAX: Final = 512


@survival.reducer
def send_chat(ctx: qsdb.ReducerContext, player_id: str, text: str) -> None:
    """Say something to all on the caller's server.

    Raises:
        ReducerError: NotAuthorized, the caller is no server of this game; NotFound,
            the player is not on it; InvalidArgument, the text has not 1 to 512
            characters.
    """
    server_id = require_player(ctx, player_id).vitals.server_id
    check_filled("text", text, TEXT_CHARS_MAX)
    ctx.db[ChatLog].insert(
        ChatLog(
            player_id=player_id, server_id=server_id, text=text, sent_at=ctx.timestamp
        )
    )
