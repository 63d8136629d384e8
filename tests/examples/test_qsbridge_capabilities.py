"""The eight cross-server capabilities of QS-Bridge, each from one end to the other.

Each test reads like the capability's description: servers with their bridges, the
panel's gateway as the owner, a clock that the test moves. What is not said in a test
is done by the platform itself.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

import qsdb
from examples.qsbridge import (
    AdminRoleLevel,
    BanEntry,
    PlayerServerPresence,
    ServerRegistry,
    platform,
)
from examples.qsbridge.bridge import Bridge
from examples.qsbridge.dashboard.live import Dashboard
from examples.qsbridge.hosting.desks import hosting_desk
from examples.qsbridge.hosting.memory import MemoryProvider
from examples.qsbridge.hub.views import Flow
from examples.terminal.screen import Screen
from qsdb import Timestamp
from qsdb.testing import FakeClock
from tests.examples.bridges import Game, Network, bridge_of, details
from tests.examples.hub import START

ADMIN = "Steam:admin"
OTTER = "Steam:otter"


@dataclass
class Cluster:
    """A platform, three servers with their bridges and games, and a clock."""

    db: qsdb.Database
    clock: FakeClock
    games: dict[str, Game] = field(default_factory=dict)
    bridges: dict[str, Bridge] = field(default_factory=dict)

    def __post_init__(self) -> None:
        network = Network(self.db)
        for name in ("east", "north", "west"):
            self.games[name] = Game()
            self.bridges[name] = Bridge(
                network.connect,
                details(name),
                self.games[name],
                now=self.clock.now,
                chance=lambda: 1.0,
            )
        self.tick()
        self.heard()
        self.db.call("admin_grant_role", ADMIN, AdminRoleLevel.Admin)
        self.db.call("panel_register_session", ADMIN, "Ann")

    def tick(self) -> None:
        """Have every server do what is due."""
        for bridge in self.bridges.values():
            bridge.tick()

    def later(self, seconds: float) -> None:
        """Let time pass; servers and the platform do what is due."""
        self.clock.advance(seconds)
        self.db.run_due()
        self.tick()

    def heard(self) -> dict[str, list[tuple[object, ...]]]:
        """Give what each game has been told since the last time."""
        return {name: game.taken() for name, game in self.games.items()}

    def where(self, player_id: str) -> str | None:
        """Give the server that the platform has a player on."""
        with self.db.read() as tx:
            row = tx[PlayerServerPresence].get(player_id)
        return None if row is None else row.server_id


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    clock = FakeClock(START)
    with qsdb.Database(platform, clock=clock) as db:
        yield Cluster(db, clock)


def test_global_sync_a_ban_on_one_server_holds_on_all(cluster: Cluster) -> None:
    """Bans, roles and the whitelist are the same everywhere, at once."""
    cluster.bridges["east"].link.call("admin_ban", OTTER, "otter", "aimbot", None)

    for bridge in cluster.bridges.values():
        assert [ban.reason for ban in bridge.known.bans] == ["aimbot"]
        assert bridge.may_join(OTTER).reason == "banned"
        assert bridge.known.role(ADMIN) is AdminRoleLevel.Admin
    cluster.tick()
    assert all(("ban", OTTER) in told for told in cluster.heard().values())

    cluster.db.call("panel_unban_player", ADMIN, OTTER)
    assert all(bridge.may_join(OTTER).is_allowed for bridge in cluster.bridges.values())


def test_presence_a_player_is_on_one_server_and_the_cluster_knows_which(
    cluster: Cluster,
) -> None:
    """Where each player is, is known; nobody is on two servers."""
    east, west = cluster.bridges["east"], cluster.bridges["west"]
    assert east.player_joined(OTTER).is_allowed
    assert cluster.where(OTTER) == "east"

    refused = west.player_joined(OTTER)
    assert (refused.is_allowed, refused.reason) == (False, "elsewhere")
    assert cluster.where(OTTER) == "east"

    east.player_left(OTTER)
    assert west.player_joined(OTTER).is_allowed
    assert cluster.where(OTTER) == "west"


def test_presence_of_a_server_that_died_does_not_lock_its_players_out(
    cluster: Cluster,
) -> None:
    """A server that is silent for three minutes is offline, its players free."""
    east, west = cluster.bridges["east"], cluster.bridges.pop("west")
    assert west.player_joined(OTTER).is_allowed
    cluster.later(60)
    assert not east.player_joined(OTTER).is_allowed
    cluster.later(60)
    assert east.player_joined(OTTER).is_allowed  # his row was stale: taken over

    cluster.later(90)
    with cluster.db.read() as tx:
        server = tx[ServerRegistry].get("west")
    assert server is not None
    assert (server.status, server.online_count) == ("offline", 0)


def test_zero_downtime_transfer_a_character_moves_with_everything(
    cluster: Cluster,
) -> None:
    """A character goes to another server with its data, and is always somewhere."""
    east, west = cluster.bridges["east"], cluster.bridges["west"]
    east.player_joined(OTTER)
    character = json.dumps({"level": 7, "items": ["axe", "map"]})

    transfer_id = east.request_transfer(OTTER, "west")
    cluster.tick()
    assert ("requested", transfer_id) in cluster.heard()["east"]
    assert cluster.where(OTTER) == "east"

    east.hand_over(transfer_id, character)
    cluster.tick()
    assert ("arriving", transfer_id, character) in cluster.heard()["west"]
    assert cluster.where(OTTER) == "east"

    west.complete_transfer(transfer_id)
    cluster.tick()
    assert cluster.where(OTTER) == "west"
    told = cluster.heard()
    assert ("ended", transfer_id, "completed") in told["east"]
    assert ("ended", transfer_id, "completed") in told["west"]


def test_zero_downtime_transfer_one_that_fails_leaves_him_where_he_is(
    cluster: Cluster,
) -> None:
    """A destination that never answers costs the player nothing but time."""
    east = cluster.bridges["east"]
    east.player_joined(OTTER)
    transfer_id = east.request_transfer(OTTER, "west")
    east.hand_over(transfer_id, "{}")
    for _ in range(11):
        cluster.later(30)
        east.beat([OTTER])

    assert cluster.where(OTTER) == "east"
    assert ("ended", transfer_id, "failed") in cluster.heard()["east"]
    assert east.request_transfer(OTTER, "north") > transfer_id


def test_vault_what_is_put_in_on_one_server_comes_out_on_another_once(
    cluster: Cluster,
) -> None:
    """Items are left on one server and fetched on another, and never doubled."""
    east, west = cluster.bridges["east"], cluster.bridges["west"]
    axe = json.dumps({"item": "axe", "durability": 0.75})
    east.player_joined(OTTER)
    east.vault.deposit(OTTER, axe, None)
    east.player_left(OTTER)

    west.player_joined(OTTER)
    (item,) = west.vault.items(OTTER)
    assert (item.item_data, item.source_server_id) == (axe, "east")
    west.vault.withdraw(OTTER, item.vault_id)
    cluster.tick()
    assert ("item", axe) in cluster.heard()["west"]

    with pytest.raises(qsdb.ReducerError, match="NotFound"):
        west.vault.withdraw(OTTER, item.vault_id)
    cluster.tick()
    assert all(("item", axe) not in told for told in cluster.heard().values())
    assert west.vault.items(OTTER) == []


def test_events_are_defined_once_and_run_on_the_servers_that_take_part(
    cluster: Cluster,
) -> None:
    """A tournament is planned once; its servers turn it on and off in time."""
    start, end = (
        Timestamp.from_micros(START.micros + minutes * 60_000_000)
        for minutes in (10, 40)
    )
    servers = ["east", "west"]
    cluster.db.call(
        "event_create", "pvp_tournament", "Spring Cup", "", servers, start, end, "{}"
    )
    cluster.later(300)
    assert all("event started" not in str(told) for told in cluster.heard().values())

    cluster.later(330)
    started = cluster.heard()
    assert ("event started", "Spring Cup") in started["east"]
    assert ("event started", "Spring Cup") in started["west"]
    assert ("event started", "Spring Cup") not in started["north"]
    (running,) = cluster.bridges["west"].known.active_events
    assert running.title == "Spring Cup"

    cluster.later(1800)
    ended = cluster.heard()
    assert ("event ended", "Spring Cup") in ended["east"]
    assert ("event ended", "Spring Cup") not in ended["north"]
    assert cluster.bridges["west"].known.active_events == []


def test_hosting_an_admin_restarts_a_server_from_the_panel(cluster: Cluster) -> None:
    """The panel's buttons reach the provider; status and audit log show it."""
    provider = MemoryProvider(["rented-1"])
    with cluster.db.write() as tx:
        server = tx[ServerRegistry].get("east")
        assert server is not None
        tx[ServerRegistry].update(server.replace(hosting_id="rented-1"))
    with hosting_desk(cluster.db, provider):
        cluster.db.call("hosting_action", ADMIN, "east", "stop")

    assert not provider.server("rented-1").is_running
    (row,) = cluster.db.sql("SELECT * FROM server_registry WHERE server_id = 'east'")
    assert row.status == "offline"
    actions = cluster.db.sql("SELECT actor_player_id, action FROM panel_audit_log")
    assert (ADMIN, "hosting_stop") in actions.rows


def test_hosting_a_server_is_restarting_until_it_is_back(cluster: Cluster) -> None:
    """A restart ends the server's bridge, which is no reason to call it offline."""
    with cluster.db.write() as tx:
        server = tx[ServerRegistry].get("east")
        assert server is not None
        tx[ServerRegistry].update(server.replace(hosting_id="rented-1"))
    statuses = cluster.db.subscribe(
        "SELECT status FROM server_registry WHERE server_id = 'east'"
    )
    with hosting_desk(cluster.db, MemoryProvider(["rented-1"])):
        cluster.db.call("hosting_action", ADMIN, "east", "restart")
    token = cluster.bridges["east"].link.token
    cluster.bridges.pop("east").close()
    cluster.later(30)
    assert statuses.rows == [("restarting",)]

    cluster.bridges["east"] = bridge_of(
        Network(cluster.db), "east", cluster.clock.now, token=token
    )
    cluster.tick()
    assert statuses.rows == [("online",)]


def test_live_dashboard_shows_a_ban_without_asking_again(cluster: Cluster) -> None:
    """The dashboard is a client; what changes comes to it."""
    out = io.StringIO()
    with Screen(out) as screen:
        dashboard = Dashboard(cluster.db, screen, "test")
        cluster.bridges["east"].player_joined(OTTER)
        cluster.db.call("panel_ban_player", ADMIN, OTTER, "otter", "aimbot", 24)
        dashboard.draw(cluster.clock.now())
    page = out.getvalue()
    for told in ("otter", "aimbot", "east", "north", "west", "banned"):
        assert told in page


def test_population_flow_counts_who_went_from_where_to_where(cluster: Cluster) -> None:
    """Movements are kept; the flow over any window is a view."""
    flow = cluster.db.subscribe(
        "SELECT * FROM population_flow(:begin, :end)",
        params={
            "begin": START,
            "end": Timestamp.from_micros(START.micros + 3_600_000_000),
        },
    )
    east, west = cluster.bridges["east"], cluster.bridges["west"]
    for player_id in ("Steam:1", "Steam:2"):
        east.player_joined(player_id)
    east.player_left("Steam:1")
    transfer_id = east.request_transfer("Steam:2", "west")
    east.hand_over(transfer_id, "{}")
    west.complete_transfer(transfer_id)

    assert set(flow.rows) == {
        Flow("", "east", 2),
        Flow("east", "", 1),
        Flow("east", "west", 1),
    }


def test_a_ban_is_in_a_hundred_caches_after_one_commit() -> None:
    clock = FakeClock(START)
    with qsdb.Database(platform, clock=clock) as db:
        bridges = [
            Bridge(
                Network(db).connect, details(f"server-{number}"), Game(), now=clock.now
            )
            for number in range(100)
        ]
        for bridge in bridges:
            bridge.tick()
        before = db.offset
        db.call("admin_ban", OTTER, "otter", "aimbot", None)

        assert db.offset == before + 1
        with db.read() as tx:
            expected = list(tx[BanEntry])
        assert all(bridge.known.bans == expected for bridge in bridges)
