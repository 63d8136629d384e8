"""The platform under random calls by everybody, with sweeps, crashes and reopening.

**Strategy**: Hypothesis draws calls of all reducers: by the bridges of three
servers, by one that takes a server over, by the owner and by a stranger; time that
passes; connections that come and go; power losses. The platform is small (three
servers with room for two players each, four players), so that everything happens
to everybody. A twin of dicts (`tests.examples.twin`) does the same and is the
judge of presence, vaults and transfers (`tests.examples.cluster_driver`).

**Invariants**: those of `reference/qsbridge.md`, section 7.4.

1. A player is on one server at most, and where the twin has him.
2. A player has one open transfer at most; `completed_at` is there exactly in the
   two last states; transfers go along the five documented edges, as a live query
   sees them.
3. Each item that was ever deposited is in one vault, or was withdrawn once.
4. The audit log only grows; a refused call makes no commit.
5. There is one row of `module_config`, and it never changes.
6. A subscriber's cache is what a fresh query gives.
"""

import os
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

import examples.qsbridge as hub
from examples.qsbridge import AdminLevel, AdminRoleLevel
from examples.qsbridge.hub.tables import SERVER_STATUSES
from qsdb import Identity, TimeDuration
from qsdb.testing import Policy
from tests.examples.cluster_driver import BRIDGES, Driver
from tests.examples.hub import STRANGER
from tests.examples.twin import OPEN, SECOND, Twin

HEIR = Identity.from_claims("test", "heir")
"""A bridge that takes servers over which are silent."""

POLICIES: tuple[Policy, ...] = ("kept", "dropped", "torn", "garbage")
IS_NIGHTLY = os.environ.get("QSDB_TEST_PROFILE") == "nightly"

PLAYERS = ("p1", "p2", "p3", "p4")
SPANS = (1, 1, 29, 31, 61, 91, 301, 7 * 86_400)
"""Seconds, about the bounds that there are."""

players = st.sampled_from((*PLAYERS, *PLAYERS, *PLAYERS, ""))
servers = st.sampled_from((*BRIDGES, *BRIDGES, "south"))
callers = st.sampled_from((*BRIDGES, *BRIDGES, *BRIDGES, "heir", "owner", "stranger"))
numbers = st.integers(0, 7)

Arguments = Callable[[str, str, int], tuple[object, ...]]

OTHERS: dict[str, Arguments] = {
    "admin_ban": lambda player, _, n: (player, "otter", "why", n % 3 or None),
    "admin_unban": lambda player, *_: (player,),
    "admin_kick": lambda player, *_: (player, "why"),
    "admin_whitelist_add": lambda player, *_: (player,),
    "admin_whitelist_remove": lambda player, *_: (player,),
    "admin_toggle_whitelist": lambda _, server, n: (server, n == 0),
    "admin_set_max_players": lambda _, server, n: (server, n % 4),
    "admin_set_motd": lambda _, server, n: (server, f"Hello {n}"),
    "admin_set_server_name": lambda _, server, n: (server, f"Name {n}"),
    "admin_set_password": lambda _, server, __: (server, ""),
    "server_set_status": lambda _, server, n: (server, SERVER_STATUSES[n % 4]),
    "admin_grant_role": lambda player, _, n: (player, [*AdminRoleLevel][n % 3]),
    "admin_revoke_role": lambda player, *_: (player,),
    "admin_announce": lambda _, __, n: ("Hello" * n,),
    "bridge_command_ack": lambda _, __, n: (n,),
    "panel_register_session": lambda player, _, n: (
        player,
        "Otter",
        [*AdminLevel, None, None, None, None][n],
    ),
    "panel_end_session": lambda player, *_: (player,),
    "panel_log_action": lambda player, *_: (player, "hosting_start", "{}"),
    "panel_ban_player": lambda player, _, n: ("p1", player, "otter", "", n % 3 or None),
    "panel_unban_player": lambda player, *_: ("p1", player),
    "panel_kick_player": lambda player, *_: ("p1", player, "why"),
    "panel_announcement": lambda player, server, _: (player, server, "Hello"),
    "panel_set_motd": lambda player, server, _: (player, server, "Hello"),
    "panel_set_max_players": lambda _, server, n: ("p1", server, n % 4),
    "panel_set_password": lambda player, server, _: (player, server, ""),
    "panel_set_server_name": lambda player, server, _: (player, server, "Name"),
    "panel_toggle_whitelist": lambda _, server, n: ("p1", server, n == 0),
    "panel_whitelist_add": lambda player, *_: ("p1", player),
    "panel_whitelist_remove": lambda player, *_: ("p1", player),
    "panel_grant_role": lambda player, _, n: ("p1", player, [*AdminRoleLevel][n % 3]),
    "panel_revoke_role": lambda player, *_: ("p1", player),
    "event_start": lambda _, __, n: (n,),
    "event_complete": lambda _, __, n: (n, None if n % 2 else "{}"),
    "event_delete": lambda _, __, n: (n,),
    "sweep_events": lambda *_: (),
    "sweep_commands": lambda *_: (),
    "sweep_sessions": lambda *_: (),
}
"""Reducers that the twin does not judge → arguments from a player, a server, and a
number from 0 to 7."""


def banned(twin: Twin, player: str, hours: int | None) -> None:
    until = None if hours is None else twin.now + hours * 3600 * SECOND
    twin.bans.append((player, until))
    twin.fail_of(player)


def unbanned(twin: Twin, player: str) -> None:
    twin.bans = [each for each in twin.bans if each[0] != player]


def kicked(twin: Twin, player: str) -> None:
    twin.drop(player)
    twin.fail_of(player)


EFFECTS: dict[str, Callable[..., None]] = {
    "admin_ban": lambda twin, player, _, __, hours: banned(twin, player, hours),
    "panel_ban_player": lambda twin, _, *rest: EFFECTS["admin_ban"](twin, *rest),
    "admin_unban": unbanned,
    "panel_unban_player": lambda twin, _, player: unbanned(twin, player),
    "admin_kick": lambda twin, player, _: kicked(twin, player),
    "panel_kick_player": lambda twin, _, player, __: kicked(twin, player),
    "admin_whitelist_add": lambda twin, player: twin.whitelist.add(player),
    "admin_whitelist_remove": lambda twin, player: twin.whitelist.discard(player),
    "panel_whitelist_add": lambda twin, _, player: twin.whitelist.add(player),
    "panel_whitelist_remove": lambda twin, _, player: twin.whitelist.discard(player),
    "admin_toggle_whitelist": Twin.set_whitelist,
    "panel_toggle_whitelist": lambda twin, _, *rest: twin.set_whitelist(*rest),
    "admin_set_max_players": Twin.set_room,
    "panel_set_max_players": lambda twin, _, *rest: twin.set_room(*rest),
    "server_set_status": Twin.set_status,
}
"""What of it the twin has to follow."""


class Act(NamedTuple):
    """Something that is done; what its numbers mean is its own matter."""

    name: str
    who: str
    player: str
    server: str
    n: int
    m: int


class Acts:
    """All that can be done, by the driver and by the twin."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver

    @property
    def twin(self) -> Twin:
        return self.driver.twin

    def who(self, name: str) -> Identity:
        others = {"heir": HEIR, "owner": self.twin.owner, "stranger": STRANGER}
        return {**BRIDGES, **others}[name]

    def at_home(self, act: Act) -> Identity:
        """Give as a rule the bridge of the server that the player is on."""
        place = self.twin.presence.get(act.player)
        if place is None or act.n == 0:
            return self.who(act.who)
        return self.twin.servers[place[0]].bridge

    def someone(self, act: Act) -> str:
        """Give as a rule a player who is on a server."""
        there = sorted(self.twin.presence)
        return there[act.m % len(there)] if there and act.n > 1 else act.player

    def join(self, act: Act) -> None:
        who = self.who(act.who)
        refusals = self.twin.join(who, act.player)
        self.driver.judged(refusals, who, hub.presence_join, act.player)

    def beat(self, act: Act) -> None:
        who, some = self.who(act.who), [*PLAYERS[: act.n], act.player]
        self.driver.judged(self.twin.beat(who, some), who, hub.presence_beat, some)

    def leave(self, act: Act) -> None:
        who = self.at_home(act)
        refusals = self.twin.leave(who, act.player)
        self.driver.judged(refusals, who, hub.presence_leave, act.player)

    def deposit(self, act: Act) -> None:
        act = act._replace(player=self.someone(act))
        driver, who = self.driver, self.at_home(act)
        slot = [None, None, None, None, 0, 1, 2, 100][act.m]
        driver.items += 1
        arguments = (act.player, f"item {driver.items}", slot)
        refusals = self.twin.deposit(who, act.player, slot)
        result = driver.judged(refusals, who, hub.vault_deposit, *arguments)
        if not refusals:
            self.twin.deposited_as(result, who, *arguments)

    def withdraw(self, act: Act) -> None:
        act = act._replace(player=self.someone(act))
        who, vault = self.at_home(act), self.twin.vault
        own = [key for key, each in vault.items() if each[0] == act.player]
        some = [*own, *own, *vault, 99]
        number = some[act.m % len(some)]
        item = vault[number][1] if number in vault else ""
        refusals = self.twin.withdraw(who, act.player, number)
        call = (who, hub.vault_withdraw, act.player, number)
        assert self.driver.judged(refusals, *call) == item or refusals

    def request(self, act: Act) -> None:
        act = act._replace(player=self.someone(act))
        who = self.at_home(act)
        refusals = self.twin.request(who, act.player, act.server)
        call = (who, hub.transfer_request, act.player, act.server)
        result = self.driver.judged(refusals, *call)
        if not refusals:
            self.twin.requested_as(result, act.player, act.server)

    def step(self, act: Act) -> None:
        """Bring a transfer, open ones as a rule, to a state, the next as a rule."""
        rows = self.twin.transfers
        opened = [key for key, each in rows.items() if each.status in OPEN]
        some = opened if opened and act.n else [*rows, 99]
        number = some[act.m % len(some)]
        row = rows.get(number)
        is_captured = row is not None and row.status == "in_transit"
        goal = "completed" if is_captured else "in_transit"
        if act.n > 5:
            goal = ["failed", "completed", "in_transit"][act.m % 3]
        who = self.who(act.who)
        if row is not None and act.n % 4:
            side = row.goal if goal == "completed" else row.origin
            who = self.twin.servers[side].bridge
        text = "" if act.m == 7 else "{}"
        call: dict[str, tuple[Any, ...]] = {
            "in_transit": (hub.transfer_snapshot, number, text),
            "completed": (hub.transfer_complete, number),
            "failed": (hub.transfer_fail, number, text),
        }
        refusals = self.twin.step(who, number, goal, text)
        self.driver.judged(refusals, who, *call[goal])

    def heartbeat(self, act: Act) -> None:
        who = self.who(act.who)
        refusals = self.twin.heartbeat(who)
        self.driver.judged(refusals, who, hub.server_heartbeat, act.n)

    def register(self, act: Act) -> None:
        if act.server in BRIDGES:
            self.driver.register(self.who(act.who), act.server)

    def other(self, act: Act) -> None:
        """Call what the twin does not judge, three times of four as the owner."""
        names = [*OTHERS]
        reducer = names[(act.n * 8 + act.m) % len(names)]
        is_owner = act.n % 4 and reducer != "bridge_command_ack"
        who = self.twin.owner if is_owner else self.who(act.who)
        arguments = OTHERS[reducer](act.player, act.server, act.m)
        is_granted = self.driver.follows(who, getattr(hub, reducer), *arguments)
        if is_granted and reducer in EFFECTS:
            EFFECTS[reducer](self.twin, *arguments)

    def plan(self, act: Act) -> None:
        start = self.driver.clock.now()
        end = start + TimeDuration.from_seconds(60 * act.m)
        who = self.twin.owner if act.n else self.who(act.who)
        arguments = ("raid", "Kraken", "", [act.server], start, end, "{}")
        self.driver.follows(who, hub.event_create, *arguments)

    def live(self, _: Act) -> None:
        """Have half a minute pass in which all servers and players are heard of."""
        self.driver.advance(30)
        self.driver.run_due()
        for server in [*self.twin.servers.values()]:
            for reducer, given in (
                (hub.server_heartbeat, 1),
                (hub.presence_beat, [*PLAYERS]),
            ):
                assert self.driver.follows(server.bridge, reducer, given)
            self.twin.heartbeat(server.bridge)
            self.twin.beat(server.bridge, [*PLAYERS])

    def silence(self, act: Act) -> None:
        """Have time pass in which nobody is heard of."""
        self.driver.advance(SPANS[act.m])
        if act.n % 2:
            self.driver.run_due()

    def stray(self, act: Act) -> None:
        """Have a player turn up somewhere who has not been heard of for long."""
        self.driver.advance(91)
        self.join(act._replace(player=self.someone(act)))

    def sweep(self, act: Act) -> None:
        what = ("servers", "presence", "transfers", "snapshots")[act.m % 4]
        who = self.twin.owner if act.n else self.who(act.who)
        refusals: set[str] = set() if who == self.twin.owner else {"NotAuthorized"}
        if not refusals:
            getattr(self.twin, f"sweep_{what}")()
        self.driver.judged(refusals, who, getattr(hub, f"sweep_{what}"))

    def connect(self, act: Act) -> None:
        self.driver.connect(self.who(act.who))

    def disconnect(self, act: Act) -> None:
        if self.driver.connections:
            self.driver.disconnect(act.n % len(self.driver.connections))

    def flush(self, _: Act) -> None:
        self.driver.flush()

    def crash(self, act: Act) -> None:
        """Lose power as a rule, or close the database, and open it again."""
        if act.m == 7:
            self.driver.reopen()
        else:
            self.driver.crash(POLICIES[act.m % len(POLICIES)])


WEIGHTS = {
    "join": 6,
    "step": 8,
    "request": 4,
    "deposit": 3,
    "withdraw": 3,
    "live": 3,
    "other": 8,
    "beat": 2,
    "sweep": 2,
    "silence": 2,
    **dict.fromkeys(("leave", "heartbeat", "register", "plan", "connect"), 1),
    **dict.fromkeys(("disconnect", "flush", "crash", "stray"), 1),
}
"""Of each act: how often it is done."""

names = st.sampled_from([each for each, count in WEIGHTS.items() for _ in range(count)])
acts = st.builds(Act, names, callers, players, servers, numbers, numbers)

SEEN: Counter[str] = Counter()
"""What has happened in all examples."""


class PlatformMachine(RuleBasedStateMachine):
    """Draws what is done; `Acts` does it, and the driver compares."""

    driver: Driver

    @initialize(durability=st.sampled_from(("always", "interval")), seed=numbers)
    def begin(self, durability: str, seed: int) -> None:
        """Begin with an admin, and with players on two servers."""
        self.driver = Driver(durability, seed)
        self.acts = Acts(self.driver)
        owner = self.acts.twin.owner
        self.driver.follows(owner, hub.admin_grant_role, "p1", AdminRoleLevel.Owner)
        self.driver.follows(owner, hub.panel_register_session, "p1", "Otter", None)
        for player, server in (("p1", "east"), ("p2", "east"), ("p3", "west")):
            self.acts.join(Act("join", server, player, "", 0, 0))
            self.driver.note()

    @rule(some=st.lists(acts, min_size=1, max_size=8))
    def act(self, some: list[Act]) -> None:
        for each in some:
            getattr(self.acts, each.name)(each)
            self.driver.note()
            self.driver.check()
        self.driver.check_invariants()

    def teardown(self) -> None:
        if hasattr(self, "driver"):
            self.driver.end()
            SEEN.update(self.driver.seen)


TestPlatform = pytest.mark.slow(PlatformMachine.TestCase)
TestPlatform.settings = settings(
    max_examples=500 if IS_NIGHTLY else 8, stateful_step_count=20
)
