"""A picture: what one frame shows, as rows and the time that they are seen at."""

from collections.abc import Sequence
from dataclasses import dataclass

from examples.qsbridge.hub.tables import BanEntry, PanelAuditLog
from examples.qsbridge.hub.views import ClusterOverview, Flow, ServerOverview
from qsdb import Timestamp

__all__ = ["Picture", "PresentPlayer"]


@dataclass(frozen=True, slots=True)
class PresentPlayer:
    """A player who is on a server."""

    player_id: str
    name: str
    """As a ban has it; empty where there was none, as presence knows no names."""
    server_id: str
    connected_at: Timestamp


@dataclass(frozen=True, slots=True)
class Picture:
    """The cluster at one time."""

    now: Timestamp
    overview: ClusterOverview
    servers: Sequence[ServerOverview]
    """By id."""
    bans: Sequence[BanEntry]
    """The newest first, as are the next."""
    actions: Sequence[PanelAuditLog]
    flows: Sequence[Flow]
    """Of the last hour, the largest first."""
    players: Sequence[PresentPlayer] = ()
    """Those who came last, the newest first."""
    is_past: bool = False
    """Whether `now` has passed where the picture is seen."""
