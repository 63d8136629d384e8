"""Panels: what a picture has to say, each as a title and lines of a given width.

Whatever comes from outside (names, reasons, ids) goes through `plain`, so that no
control character reaches the terminal.
"""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Final

from examples.qsbridge.dashboard.picture import Picture
from examples.qsbridge.hub.tables import BanEntry, PanelAuditLog
from examples.qsbridge.hub.views import ServerOverview
from examples.qsbridge.wording import plain, span
from examples.terminal.lines import Line, Part, Style, line, width_of
from examples.terminal.tables import Column, table
from qsdb import Timestamp

__all__ = [
    "Panel",
    "audit",
    "bans",
    "cards",
    "flows",
    "players",
    "regions",
    "servers",
]

Panel = tuple[str, Sequence[Line]]
"""A title, and lines that are as wide as was asked for or less."""

BAR_WIDTH: Final = 12
EIGHTHS: Final = " ▏▎▍▌▋▊▉"
STATUS_STYLES: Final[dict[str, Style]] = {
    "online": "good",
    "restarting": "fair",
    "wiping": "fair",
    "degraded": "fair",
    "offline": "bad",
}
SERVER_COLUMNS: Final = (
    Column("server", least=20),
    Column("status"),
    Column("players", is_right=True),
    Column("", rank=3),
    Column("heartbeat", is_right=True, rank=1),
    Column("region", least=8, rank=2),
    Column("mode", least=8, rank=4),
    Column("version", least=6, rank=5),
    Column("name", least=12, rank=6),
)
BAN_COLUMNS: Final = (
    Column("time", rank=3),
    Column("player", least=12),
    Column("reason", least=10, rank=2),
    Column("term", rank=1),
)
PLAYER_COLUMNS: Final = (
    Column("since", rank=1),
    Column("player", least=23),
    Column("server", least=11),
)
AUDIT_COLUMNS: Final = (
    Column("time", rank=2),
    Column("actor", least=10, rank=1),
    Column("what", least=24),
)
REGION_COLUMNS: Final = (
    Column("region", least=6),
    Column("mode", least=6, rank=1),
    Column("servers", is_right=True, rank=3),
    Column("players", is_right=True),
    Column("present", is_right=True, rank=2),
)
FLOW_COLUMNS: Final = (
    Column("from", least=16),
    Column("to", least=16),
    Column("moves", is_right=True),
    Column("", rank=1),
)


def cards(picture: Picture, width: int) -> list[Panel]:
    """Give the four cards."""
    now = picture.overview
    under_way = now.restarting + now.wiping
    trouble = [f"{now.degraded} degraded"] * (now.degraded > 0)
    trouble += [f"{under_way} under way"] * (under_way > 0)
    percent = 100 * now.players_online // max(now.players_max, 1)
    split = f"{now.online} up, {now.offline} down"
    contents = (
        ("Servers", now.servers, Part(", ".join(trouble), "fair"), split),
        (
            "Players",
            now.players_online,
            Part(f"{percent} %", "dim"),
            f"{now.players_max:,} places",
        ),
        ("Active bans", now.active_bans, Part(""), "in the cluster"),
        ("Admin actions", now.admin_actions, Part(""), "in 24 hours"),
    )
    return [
        (title, [_ends(Part(f"{number:,}", "accent"), note, width), line(below)])
        for title, number, note, below in contents
    ]


def _ends(left: Part, right: Part, width: int) -> Line:
    """Put one part at each end of a line."""
    room = width - width_of((left, right))
    return (left, Part(" " * max(room, 1)), right)


def servers(picture: Picture, width: int, rows_max: int) -> Panel:
    """Give the servers: all by id or, where room is short, those in trouble first."""
    now, shown = picture.now, list(picture.servers)
    if not shown:
        return "Servers", [(Part("none is registered", "dim"),)]
    if len(shown) > rows_max:
        shown.sort(key=lambda each: _status(each, now) == "online")
        shown = shown[: max(rows_max - 1, 0)]
    rows = [_server_row(each, now) for each in shown]
    lines = table(SERVER_COLUMNS, rows, width)
    if missing := len(picture.servers) - len(shown):
        lines.append((Part(f"and {missing} more", "dim"),))
    return "Servers", lines


def _status(server: ServerOverview, now: Timestamp) -> str:
    return "degraded" if server.is_degraded(now) else server.status


def _server_row(server: ServerOverview, now: Timestamp) -> list[Line]:
    status = _status(server, now)
    age = now.micros - server.last_heartbeat.micros
    return [
        line(plain(server.server_id)),
        (Part(plain(status), STATUS_STYLES.get(status, "")),),
        line(f"{server.online_count}/{server.max_players}"),
        bar(server.online_count, server.max_players, BAR_WIDTH),
        line(f"{_coarse(age)} ago"),
        line(plain(server.region)),
        line(plain(server.game_mode)),
        line(plain(server.version)),
        line(plain(server.display_name)),
    ]


def bar(part: int, whole: int, width: int) -> Line:
    """Give a bar: filled by eighths of a cell, yellow from 80 % on, red when full."""
    eighths = min(part, whole) * width * 8 // max(whole, 1)
    full, rest = divmod(eighths, 8)
    filled = "█" * full + (EIGHTHS[rest] if rest else "")
    style: Style = "good"
    if part * 5 >= whole * 4:
        style = "bad" if part >= whole else "fair"
    return line(Part(filled, style), Part("·" * (width - len(filled)), "dim"))


def bans(picture: Picture, width: int, rows_max: int) -> Panel:
    """Give the newest bans."""
    rows = [_ban_row(each, picture.now) for each in picture.bans[:rows_max]]
    return _listed("Bans of the last day", BAN_COLUMNS, rows, width)


def _ban_row(ban: BanEntry, now: Timestamp) -> list[Line]:
    if ban.revoked:
        term = Part("lifted", "dim")
    elif not ban.is_active(now):
        term = Part("over", "dim")
    elif ban.expires_at is None:
        term = Part("for ever", "bad")
    else:
        term = Part(_coarse(ban.expires_at.micros - now.micros), "fair")
    name = ban.player_name or ban.player_id
    return [
        (Part(_clock(ban.banned_at), "dim"),),
        line(plain(name)),
        line(plain(ban.reason)),
        (term,),
    ]


def players(picture: Picture, width: int, rows_max: int) -> Panel:
    """Give the players who came last: by name where a ban tells it, else by id."""
    rows = [
        (
            (Part(_clock(each.connected_at), "dim"),),
            line(plain(each.name or each.player_id)),
            line(plain(each.server_id)),
        )
        for each in picture.players[:rows_max]
    ]
    return _listed("Players, the newest", PLAYER_COLUMNS, rows, width)


def audit(picture: Picture, width: int, rows_max: int) -> Panel:
    """Give the newest entries of the audit log, each as its summary."""
    rows = [
        (
            (Part(_clock(each.timestamp), "dim"),),
            line(plain(each.actor_player_id)),
            line(plain(_summary(each))),
        )
        for each in picture.actions[:rows_max]
    ]
    return _listed("Audit log", AUDIT_COLUMNS, rows, width)


def _summary(entry: PanelAuditLog) -> str:
    """Give an entry's sentence; the action and all details where there is none."""
    try:
        details = json.loads(entry.details)
    except (ValueError, RecursionError):  # the latter of a thousand brackets
        details = None
    if isinstance(details, dict) and isinstance(details.get("summary"), str):
        return str(details["summary"])
    return f"{entry.action} {entry.details}".strip()


def regions(picture: Picture, width: int, rows_max: int) -> Panel:
    """Give player counts by region and mode: as heartbeats, as presence has them."""
    servers_count: Counter[tuple[str, str]] = Counter()
    players: Counter[tuple[str, str]] = Counter()
    present: Counter[tuple[str, str]] = Counter()
    for each in picture.servers:
        place = each.region, each.game_mode
        servers_count[place] += 1
        players[place] += each.online_count
        present[place] += each.present_count
    # The most players first, and places by name among equals.
    places = sorted(servers_count, key=lambda place: (-players[place], place))
    rows = [
        (
            line(plain(place[0])),
            line(plain(place[1])),
            line(str(servers_count[place])),
            (Part(f"{players[place]:,}", "accent"),),
            line(f"{present[place]:,}"),
        )
        for place in places[:rows_max]
    ]
    return _listed("Players by region", REGION_COLUMNS, rows, width)


def flows(picture: Picture, width: int, rows_max: int) -> Panel:
    """Give the largest flows of the last hour; ``-`` is from or to no server."""
    largest = max((each.count for each in picture.flows), default=0)
    rows = [
        (
            line(plain(each.from_server_id or "-")),
            line(plain(each.to_server_id or "-")),
            (Part(f"{each.count:,}", "accent"),),
            (Part("█" * max(each.count * BAR_WIDTH // largest, 1), "accent"),),
        )
        for each in picture.flows[:rows_max]
    ]
    return _listed("Population flow, last hour", FLOW_COLUMNS, rows, width)


def _listed(
    title: str, columns: Sequence[Column], rows: Sequence[Sequence[Line]], width: int
) -> Panel:
    if not rows:
        return title, [(Part("none", "dim"),)]
    return title, table(columns, rows, width)


def _coarse(micros: int) -> str:
    """Give a length of time in its largest unit."""
    return " ".join(span(max(micros, 0)).split()[:2])


def _clock(at: Timestamp) -> str:
    """Give the time of day, HH:MM."""
    return str(at)[11:16]
