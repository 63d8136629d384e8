"""Views of the cluster, asked once and listened to, held against slow counting.

Strategy: random rows of all tables that the views read, come and gone at random. The
judge goes through all rows and asks the plain question of each.

Invariants: a view that is asked, and one that is listened to since the beginning, give
what the judge gives. The bans that `active_bans` gave for a time, less those that say
they are over, are the active ones at each later time.
"""

import doctest
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qsdb
from examples.qsbridge import (
    BanEntry,
    ClusterOverview,
    Flow,
    PanelAuditLog,
    PlayerMovement,
    PlayerServerPresence,
    ServerOverview,
    ServerRegistry,
    admin_unban,
    platform,
    server_heartbeat,
    step_of,
)
from examples.qsbridge.hub import views as views_module
from qsdb import Identity, TimeDuration, Timestamp
from qsdb.testing import FakeClock
from tests.examples.hub import EAST, START, WEST, Hub

HOUR = TimeDuration.from_seconds(3600)
STATUSES = ("online", "offline", "restarting", "wiping")
SERVERS = ("east", "north", "west")
PLACES = ("", *SERVERS)

Change = Callable[[qsdb.Transaction], object]

# Hours about START, so that bounds are met: 24 h ago, 0, now, an hour on.
hours = st.sampled_from((-25, -24, -2, -1, 0, 1, 2))
players = st.sampled_from(("anna", "ben", "cem"))


def after(hours_count: float) -> Timestamp:
    return START + TimeDuration.from_seconds(3600 * hours_count)


times = hours.map(after)


def server(
    server_id: str,
    status: str,
    at: Timestamp,
    online_count: int = 1,
    max_players: int = 8,
) -> ServerRegistry:
    return ServerRegistry(
        server_id=server_id,
        stdb_identity=Identity.from_claims("test", server_id),
        display_name=server_id.title(),
        region="eu",
        game_module="humanitz",
        game_mode="pvp",
        hosting_id="",
        status=status,
        last_heartbeat=at,
        version="1.0",
        max_players=max_players,
        online_count=online_count,
        wipe_schedule="",
        config_template_id="",
    )


def ban(player_id: str, expires_at: Timestamp | None, *, revoked: bool) -> BanEntry:
    return BanEntry(
        player_id=player_id,
        player_name=player_id.title(),
        reason="aimbot",
        banned_by="owner",
        banned_at=START,
        expires_at=expires_at,
        revoked=revoked,
        revoked_by="",
        revoked_at=None,
    )


@st.composite
def server_changes(draw: st.DrawFn) -> Change:
    row = server(
        draw(st.sampled_from(SERVERS)),
        draw(st.sampled_from(STATUSES)),
        draw(times),
        draw(st.integers(0, 9)),
    )
    return lambda tx: tx[ServerRegistry].upsert(row)


@st.composite
def ban_changes(draw: st.DrawFn) -> Change:
    ends = draw(st.none() | times)
    row = ban(draw(players), ends, revoked=draw(st.booleans()))
    return lambda tx: tx[BanEntry].insert(row)


@st.composite
def unban_changes(draw: st.DrawFn) -> Change:
    player = draw(players)

    def unban(tx: qsdb.Transaction) -> None:
        for row in list(tx[BanEntry].player_id.filter(player)):
            tx[BanEntry].update(row.replace(revoked=True))

    return unban


@st.composite
def presence_changes(draw: st.DrawFn) -> Change:
    player, place, at = draw(players), draw(st.sampled_from(PLACES)), draw(times)
    if not place:
        return lambda tx: tx[PlayerServerPresence].delete_by_key(player)
    row = PlayerServerPresence(player, place, at, at)
    return lambda tx: tx[PlayerServerPresence].upsert(row)


@st.composite
def log_changes(draw: st.DrawFn) -> Change:
    row = PanelAuditLog("owner", "kick", "{}", draw(times))
    return lambda tx: tx[PanelAuditLog].insert(row)


@st.composite
def move_changes(draw: st.DrawFn) -> Change:
    places = st.sampled_from(PLACES)
    row = PlayerMovement(draw(players), draw(places), draw(places), draw(times), "join")
    return lambda tx: tx[PlayerMovement].insert(row)


changes = st.one_of(
    server_changes(),
    ban_changes(),
    unban_changes(),
    presence_changes(),
    log_changes(),
    move_changes(),
)


def slow_servers(tx: qsdb.Transaction) -> set[ServerOverview]:
    found = set()
    for row in tx[ServerRegistry]:
        present = [each for each in tx[PlayerServerPresence] if on(each, row)]
        found.add(
            ServerOverview(
                row.server_id,
                row.display_name,
                row.region,
                row.game_mode,
                row.status,
                row.last_heartbeat,
                row.version,
                row.max_players,
                row.online_count,
                len(present),
            )
        )
    return found


def on(presence: PlayerServerPresence, row: ServerRegistry) -> bool:
    return presence.server_id == row.server_id


def slow_bans(tx: qsdb.Transaction, now: Timestamp) -> set[BanEntry]:
    found = set()
    for row in tx[BanEntry]:
        if row.revoked:
            continue
        if row.expires_at is None or row.expires_at.micros > now.micros:
            found.add(row)
    return found


def slow_overview(tx: qsdb.Transaction, now: Timestamp) -> ClusterOverview:
    rows = list(tx[ServerRegistry])
    status = [row.status for row in rows]
    silent = [row for row in rows if (now - row.last_heartbeat).micros > 90_000_000]
    day = [row for row in tx[PanelAuditLog] if row.timestamp >= now - DAY]
    return ClusterOverview(
        at=now,
        servers=len(rows),
        online=status.count("online"),
        offline=status.count("offline"),
        restarting=status.count("restarting"),
        wiping=status.count("wiping"),
        degraded=len([row for row in silent if row.status == "online"]),
        players_online=sum([row.online_count for row in rows]),
        players_max=sum([row.max_players for row in rows]),
        active_bans=len(slow_bans(tx, now)),
        admin_actions=len(day),
    )


DAY = TimeDuration.from_seconds(24 * 3600)


def slow_flow(
    tx: qsdb.Transaction, begin: Timestamp, end: Timestamp
) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for row in tx[PlayerMovement]:
        if begin <= row.moved_at < end:
            counts[row.from_server_id, row.to_server_id] += 1
    return counts


class Views:
    """All views of the cluster, listened to for one time and window."""

    def __init__(self, db: qsdb.Database, now: Timestamp, begin: Timestamp) -> None:
        self.db, self.now, self.begin = db, now, begin
        self.params = {"now": now, "begin": begin}
        self.queries = (
            "SELECT * FROM cluster_servers",
            "SELECT * FROM cluster_overview(:now)",
            "SELECT * FROM active_bans(:now)",
            "SELECT * FROM population_flow(:begin, :now)",
        )
        self.live = [
            db.subscribe(each, params=self.given(each)) for each in self.queries
        ]

    def given(self, query: str) -> dict[str, object]:
        return {name: at for name, at in self.params.items() if f":{name}" in query}

    def asked(self) -> list[set[object]]:
        found = [self.db.sql(each, self.given(each)).rows for each in self.queries]
        return [set(rows) for rows in found]

    def heard(self) -> list[set[object]]:
        assert [each.error for each in self.live] == [None] * len(self.live)
        return [set(each.rows) for each in self.live]

    def judged(self) -> list[set[object]]:
        with self.db.read() as tx:
            flow = slow_flow(tx, self.begin, self.now)
            return [
                {*slow_servers(tx)},
                {slow_overview(tx, self.now)},
                {*slow_bans(tx, self.now)},
                {Flow(*places, count) for places, count in flow.items()},
            ]


@contextmanager
def platform_database() -> Iterator[qsdb.Database]:
    with qsdb.Database(platform, clock=FakeClock(START)) as db:
        yield db


@given(now=times, begin=times, steps=st.lists(changes, max_size=12), later=times)
@settings(max_examples=settings().max_examples // 8)
@pytest.mark.slow
def test_views_are_what_counting_gives(
    now: Timestamp, begin: Timestamp, steps: list[Change], later: Timestamp
) -> None:
    with platform_database() as db:
        views = Views(db, now, begin)
        for change in steps:
            with db.write() as tx:
                change(tx)
            assert views.heard() == views.judged()
        assert views.asked() == views.judged()

        # What was listened to at `now` holds at any later time.
        bans = [each for each in views.live[2].rows if isinstance(each, BanEntry)]
        with db.read() as tx:
            at = max(now, later)
            assert {each for each in bans if each.is_active(at)} == slow_bans(tx, at)


def test_a_server_that_is_silent_for_over_90_s_is_degraded_while_online() -> None:
    row = ServerOverview("east", "East", "eu", "pvp", "online", START, "1", 8, 0, 0)

    assert not row.is_degraded(START + TimeDuration.from_seconds(90))
    assert row.is_degraded(START + TimeDuration.from_micros(90_000_001))
    assert not row.replace(status="offline").is_degraded(after(1))


def test_views_follow_what_reducers_do(hub: Hub) -> None:
    overview = hub.db.subscribe(
        "SELECT * FROM cluster_overview(:now)", params={"now": hub.now}
    )
    bans = hub.db.subscribe("SELECT * FROM active_bans(:now)", params={"now": hub.now})

    hub.ban("anna")
    hub.db.caller(EAST).call(server_heartbeat, 2)
    hub.db.caller(WEST).call(server_heartbeat, 1)

    (row,) = overview.rows
    assert row == ClusterOverview(hub.now, 2, 2, 0, 0, 0, 0, 3, 6, 1, 1)
    assert bans.rows == hub.bans()

    hub.db.call(admin_unban, "anna")

    assert bans.rows == []
    assert overview.rows[0].active_bans == 0
    assert overview.rows[0].admin_actions == 2


def test_strangers_may_look_at_the_cluster(hub: Hub) -> None:
    stranger = hub.db.caller(Identity.from_claims("test", "stranger"))

    assert len(stranger.sql("SELECT * FROM cluster_servers").rows) == 2


def test_who_asks_within_one_step_shares_a_result(hub: Hub) -> None:
    text = "SELECT * FROM cluster_overview(:now)"
    runs = hub.db.stats().view_runs
    for seconds in (0, 9.9):
        now = step_of(START + TimeDuration.from_seconds(seconds))
        hub.db.subscribe(text, params={"now": now})

    assert hub.db.stats().view_runs == runs + 1


def test_doctests_of_views_hold() -> None:
    assert doctest.testmod(views_module).failed == 0


@pytest.mark.parametrize(
    ("time", "step"), [("00", "00"), ("09.999999", "00"), ("10", "10")]
)
def test_steps_are_of_10_s(time: str, step: str) -> None:
    def parse(seconds: str) -> Timestamp:
        return Timestamp.parse(f"2026-03-06T18:00:{seconds}Z")

    assert step_of(parse(time)) == parse(step)
