"""Whatever happens, and whenever the wire is cut: the game ends up knowing the truth.

A game adds up what its hooks tell it. The twin reads the platform's tables.
"""

import os
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qsdb
from examples.qsbridge import (
    BanEntry,
    BridgeCommand,
    CrossServerEvent,
    PlayerServerPresence,
    admin_announce,
    admin_ban,
    admin_kick,
    admin_set_motd,
    admin_unban,
    platform,
)
from examples.qsbridge.bridge import GameHooks
from examples.qsbridge.hub.tables import EVENT_STATUSES, ServerConfig
from qsdb.testing import FakeClock
from tests.examples.bridges import Network, bridge_of, is_online
from tests.examples.hub import START, Hub
from tests.examples.test_qsbridge_bridge_hooks import event, set_status

IS_NIGHTLY = os.environ.get("QSDB_TEST_PROFILE") == "nightly"
PLAYERS = st.sampled_from(["anna", "ben", "carl"])
STEPS = st.one_of(
    st.tuples(st.sampled_from(["ban", "unban", "kick", "join", "leave"]), PLAYERS),
    st.tuples(
        st.sampled_from(["motd", "announce", "event", "go on", "cut", "wait"]),
        st.sampled_from(["1", "2", "3"]),
    ),
)


class Adding(GameHooks):
    """Adds up what it is told."""

    def __init__(self) -> None:
        self.motd = "?"
        self.bans: set[int] = set()
        self.events: set[int] = set()
        self.heard: Counter[str] = Counter()
        self.players: set[str] = set()

    def on_config(self, config: ServerConfig) -> None:
        self.motd = config.motd

    def on_kick(self, player_id: str, reason: str) -> None:
        self.players.discard(player_id)

    def on_announce(self, message: str) -> None:
        self.heard[message] += 1

    def on_ban(self, ban: BanEntry) -> None:
        assert ban.ban_id not in self.bans
        self.bans.add(ban.ban_id)

    def on_unban(self, ban: BanEntry) -> None:
        self.bans.remove(ban.ban_id)

    def on_event_started(self, event: CrossServerEvent) -> None:
        assert event.event_id not in self.events
        self.events.add(event.event_id)

    def on_event_ended(self, event: CrossServerEvent) -> None:
        self.events.remove(event.event_id)


class Story:
    """A server, and what happens to it."""

    def __init__(self, db: qsdb.Database, clock: FakeClock) -> None:
        self.hub = Hub(db, clock)
        self.network = Network(db)
        self.game = Adding()
        self.bridge = bridge_of(self.network, "east", clock.now, self.game)
        self.announced = 0
        self.wait(1)

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.hub.clock.advance(1)
            self.bridge.tick()

    def do(self, kind: str, what: str) -> None:
        call, bridge = self.hub.db.call, self.bridge
        acts: dict[str, Callable[[], object]] = {
            "ban": lambda: call(admin_ban, what, what, "aimbot", None),
            "unban": lambda: call(admin_unban, what),
            "kick": lambda: call(admin_kick, what, "afk"),
            "join": lambda: self.join(what),
            "leave": lambda: bridge.player_left(what),
            "motd": lambda: call(admin_set_motd, "east", what),
            "announce": self.announce,
            "event": lambda: event(self.hub, what, ("east", "west")[int(what) % 2 :]),
            "go on": lambda: self.move_events(what),
            "cut": self.cut,
            "wait": lambda: self.wait(int(what)),
        }
        if kind == "leave":
            self.game.players.discard(what)
        try:
            acts[kind]()
        except qsdb.ReducerError:
            assert kind in {"unban", "kick"}, "there may be nobody"

    def join(self, player_id: str) -> None:
        if self.bridge.player_joined(player_id).is_allowed:
            self.game.players.add(player_id)

    def announce(self) -> None:
        self.announced += 1
        self.hub.db.call(admin_announce, f"number {self.announced}")

    def cut(self) -> None:
        self.network.wires[-1].is_cut = True
        self.bridge.beat([])

    def move_events(self, what: str) -> None:
        for row in self.hub.rows(CrossServerEvent):
            assert isinstance(row, CrossServerEvent)
            if row.title == what and row.status != "completed":
                place = EVENT_STATUSES.index(row.status)
                set_status(self.hub, row, EVENT_STATUSES[place + 1])

    def judge(self) -> None:
        """Compare what the game has added up with the tables."""
        game, hub = self.game, self.hub
        assert is_online(self.bridge)
        assert game.motd == hub.config("east").motd
        assert game.bans == {ban.ban_id for ban in hub.bans() if not ban.revoked}
        with hub.db.read() as tx:
            assert game.events == {
                row.event_id
                for row in tx[CrossServerEvent]
                if row.status == "active" and "east" in row.participating_servers
            }
            assert {row.player_id for row in tx[PlayerServerPresence]} == game.players
            assert {row.server_id for row in tx[BridgeCommand]} <= {"*"}
            assert set(self.bridge.known.bans) == set(tx[BanEntry])
        numbers = range(1, self.announced + 1)
        assert game.heard == {f"number {number}": 1 for number in numbers}


@pytest.mark.slow
@settings(max_examples=150 if IS_NIGHTLY else 12)
@given(st.lists(STEPS, max_size=30))
def test_the_game_ends_up_knowing_the_truth(steps: list[tuple[str, str]]) -> None:
    clock = FakeClock(START)
    with qsdb.Database(platform, clock=clock) as db:
        story = Story(db, clock)
        for kind, what in steps:
            story.do(kind, what)
        story.wait(4)
        story.bridge.beat(story.game.players)
        story.wait(1)
        story.judge()
        story.bridge.close()
