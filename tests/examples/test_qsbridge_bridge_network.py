"""Bridges of a platform that is served: over real sockets, which are cut."""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import qsdb
from examples.qsbridge import (
    BridgeCommand,
    admin_announce,
    admin_ban,
    admin_kick,
    admin_set_motd,
    platform,
)
from examples.qsbridge.bridge import Bridge, BridgeThread, OfflineError
from examples.qsbridge.bridge.network import RemotePort, over_network
from examples.qsbridge.bridge.port import Port, TellsLoss
from qsdb.client import NotConnectedError, RemoteError, UnansweredError
from qsdb.files import open_directory
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.server.app import service_of
from qsdb.server.serving import Running
from qsdb.testing import FakeClock
from tests.examples.bridges import Game, details, is_online
from tests.examples.hub import START, Hub
from tests.support.cutting_proxy import CuttingProxy
from tests.support.served_app import running, serving

SECONDS = 30

pytestmark = pytest.mark.slow


class Site:
    """A platform that is served behind a proxy, a bridge of it, and a game."""

    def __init__(self, port: int, db: qsdb.Database, clock: FakeClock) -> None:
        self.clock = clock
        self.hub = Hub(db, clock)
        self.game = Game()
        self.ports: list[Port] = []
        self.bridge = self.bridge_of("east", port, self.game)

    def bridge_of(
        self, server_id: str, port: int, game: Game, **options: Any
    ) -> Bridge:
        connect = over_network(f"ws://127.0.0.1:{port}", "hub", **options)

        def noted(token: str | None) -> Port:
            self.ports.append(connect(token))
            return self.ports[-1]

        return Bridge(
            noted, details(server_id), game, now=self.clock.now, chance=lambda: 1.0
        )

    def until(self, is_so: Callable[[], object], bridge: Bridge | None = None) -> None:
        """Drive a bridge whenever it has something to do, until something is so."""
        driven = bridge or self.bridge
        driven.tick()
        while not is_so():
            assert driven._has_work.wait(SECONDS), driven.link.fault
            driven.tick()

    def come_back(self) -> None:
        """Notice that the connection is lost, and make the next one."""
        self.until(lambda: not is_online(self.bridge))
        self.clock.advance(1)
        self.bridge.tick()
        assert is_online(self.bridge), self.bridge.link.fault


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START)


@pytest.fixture
def db(clock: FakeClock) -> Iterator[qsdb.Database]:
    with qsdb.Database(platform, clock=clock, scheduler="manual") as db:
        yield db


@pytest.fixture
def proxy(db: qsdb.Database) -> Iterator[CuttingProxy]:
    with serving({"hub": db}) as server:
        port = urlsplit(server.address).port
        assert port is not None
        with CuttingProxy(port) as proxy:
            yield proxy


@pytest.fixture
def site(proxy: CuttingProxy, db: qsdb.Database, clock: FakeClock) -> Iterator[Site]:
    site = Site(proxy.port, db, clock)
    site.bridge.tick()
    assert is_online(site.bridge), site.bridge.link.fault
    site.game.taken()
    yield site
    site.bridge.close()


def row_comes(db: qsdb.Database, query: str) -> threading.Event:
    """Give what is set when a query's result changes."""
    changed = threading.Event()
    db.subscribe(query, lambda _: changed.set())
    return changed


def test_a_bridge_registers_and_decides_by_what_it_knows(site: Site) -> None:
    server = site.hub.server("east")
    assert (server.status, server.max_players) == ("online", 3)
    assert isinstance(site.ports[0], TellsLoss)
    assert site.bridge.link.token == site.ports[0].token

    site.hub.db.call(admin_ban, "ben", "Ben", "aimbot", None)
    site.until(lambda: ("ban", "ben") in site.game.told)
    assert site.bridge.may_join("ben").reason == "banned"
    assert site.bridge.player_joined("anna").is_allowed
    assert [each.player_id for each in site.bridge.known.players] == ["anna"]
    assert site.hub.presence("anna") is not None
    site.bridge.player_left("anna")
    assert site.hub.presence("anna") is None


def test_a_bridge_says_every_30_seconds_that_it_lives(site: Site) -> None:
    site.bridge.player_joined("anna")
    before = site.hub.server("east").last_heartbeat
    for _ in range(30):
        site.clock.advance(1)
        site.bridge.tick()
    server = site.hub.server("east")

    assert (server.last_heartbeat - before).micros == 30_000_000
    assert server.online_count == 1


def test_what_the_platform_refuses_is_refused(site: Site) -> None:
    with pytest.raises(qsdb.ReducerError, match="NotFound"):
        site.bridge.vault.deposit("nobody", "sword", None)
    assert is_online(site.bridge)


def test_a_server_goes_offline_with_its_bridge(site: Site) -> None:
    offline = row_comes(
        site.hub.db, "SELECT * FROM server_registry WHERE status = 'offline'"
    )
    site.bridge.close()

    assert offline.wait(SECONDS)
    assert site.hub.server("east").status == "offline"


# The connection is lost.


def test_a_bridge_comes_back_as_the_same_and_is_told_what_changed(
    site: Site, proxy: CuttingProxy
) -> None:
    before = site.hub.server("east").stdb_identity
    site.bridge.player_joined("anna")
    proxy.cut()
    site.until(lambda: not is_online(site.bridge))
    assert "the subscription has ended" in site.bridge.link.fault
    assert site.bridge.player_joined("ben").reason == "offline"
    assert site.bridge.known.presence("anna") is not None, "it is known still"
    db = site.hub.db
    db.call(admin_ban, "carl", "Carl", "aimbot", None)
    db.call(admin_set_motd, "east", "we are back")
    db.call(admin_kick, "anna", "sorry")

    site.come_back()

    assert site.game.taken() == [
        ("config", "we are back"),
        ("ban", "carl"),
        ("kick", "anna", "sorry"),
    ]
    assert site.hub.server("east").stdb_identity == before
    assert site.hub.server("east").status == "online"
    assert site.hub.presence("anna") is None
    site.until(lambda: site.bridge.known.commands == [])
    proxy.cut()
    site.come_back()
    assert site.game.taken() == []


def test_a_loss_wakes_the_bridge_at_once(site: Site, proxy: CuttingProxy) -> None:
    site.bridge.tick()
    assert not site.bridge._has_work.is_set()
    assert site.bridge.link.seconds_left(site.clock.now()) == 30
    proxy.cut()
    assert site.bridge._has_work.wait(SECONDS)
    site.bridge.tick()
    assert not is_online(site.bridge)


class Loss:
    """Loses the next request to a reducer, or the answer to it, and all connections."""

    def __init__(
        self, site: Site, proxy: CuttingProxy, lost: str, reducer: str
    ) -> None:
        self._site = site
        self._proxy = proxy
        self._valve = proxy.requests if lost == "request" else proxy.answers
        self.is_done = threading.Event()
        self.may_be_done = lost == "answer"
        link, call = site.bridge.link, site.bridge.link.call

        def losing(name: str, *arguments: object) -> Any:
            if name == reducer:
                link.call = call  # type: ignore[method-assign]
                self._valve.is_shut = True
            return call(name, *arguments)

        link.call = losing  # type: ignore[assignment, method-assign]

    def during(self, act: Callable[..., Any], *arguments: object, table: str) -> Any:
        """Do what calls the reducer, which changes a table; give what comes of it."""
        self._site.hub.db.subscribe(
            f"SELECT * FROM {table}", lambda _: self.is_done.set()
        )
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(act, *arguments)
            assert self._valve.has_lost.wait(SECONDS)
            if self.may_be_done:
                assert self.is_done.wait(SECONDS)
            self._proxy.cut()
            return future.result(SECONDS)


LOSSES = pytest.mark.parametrize("lost", ["request", "answer"])


@LOSSES
def test_a_deposit_in_doubt_is_settled(
    site: Site, proxy: CuttingProxy, lost: str
) -> None:
    site.bridge.player_joined("anna")
    vault = site.bridge.vault
    loss = Loss(site, proxy, lost, "vault_deposit")
    with pytest.raises(OfflineError) as caught:
        loss.during(vault.deposit, "anna", "sword", None, table="global_vault")
    assert caught.value.may_have_run
    assert loss.is_done.is_set() == loss.may_be_done

    site.come_back()

    assert site.game.taken() == [("deposit", "sword", loss.may_be_done)]
    stored = [each.item_data for each in vault.items("anna")]
    assert stored == ["sword"] * loss.may_be_done
    site.bridge.tick()
    assert site.game.taken() == []


@LOSSES
def test_a_withdrawal_in_doubt_is_settled(
    site: Site, proxy: CuttingProxy, lost: str
) -> None:
    site.bridge.player_joined("anna")
    vault = site.bridge.vault
    vault.deposit("anna", "sword", None)
    [item] = vault.items("anna")
    loss = Loss(site, proxy, lost, "vault_withdraw")
    with pytest.raises(OfflineError) as caught:
        loss.during(vault.withdraw, "anna", item.vault_id, table="global_vault")
    assert caught.value.may_have_run

    site.come_back()

    assert site.game.taken() == [("item", "sword")] * loss.may_be_done
    left = [] if loss.may_be_done else [item]
    assert vault.items("anna") == left
    site.bridge.tick()
    assert site.game.taken() == []


@LOSSES
def test_a_join_whose_answer_is_lost_leaves_nobody_behind(
    site: Site, proxy: CuttingProxy, lost: str
) -> None:
    loss = Loss(site, proxy, lost, "presence_join")
    table = "player_server_presence"
    decision = loss.during(site.bridge.player_joined, "anna", table=table)
    assert decision.reason == "offline"

    site.come_back()

    assert site.hub.presence("anna") is None
    assert site.bridge.player_joined("anna").is_allowed


@LOSSES
def test_a_command_is_done_once_though_its_acknowledgement_is_lost(
    site: Site, proxy: CuttingProxy, lost: str
) -> None:
    site.bridge.player_joined("anna")
    has_come = threading.Event()
    commands = site.ports[0].db[BridgeCommand]
    commands.on_insert(lambda *_: has_come.set())
    site.hub.db.call(admin_kick, "anna", "sorry")
    assert has_come.wait(SECONDS)
    loss = Loss(site, proxy, lost, "bridge_command_ack")
    loss.during(site.bridge.tick, table="bridge_command")
    assert site.game.taken() == [("kick", "anna", "sorry")]

    site.come_back()

    site.until(lambda: site.bridge.known.commands == [])
    assert site.hub.commands() == []
    assert site.game.taken() == []


def test_an_answer_that_does_not_come_is_a_loss(
    proxy: CuttingProxy, db: qsdb.Database, clock: FakeClock
) -> None:
    site = Site(proxy.port, db, clock)
    bridge = site.bridge_of("west", proxy.port, Game(), timeout=0.5)
    bridge.tick()
    proxy.answers.is_shut = True
    assert bridge.player_joined("anna").reason == "offline"
    assert "no answer came within 0.5 seconds" in bridge.link.fault
    assert site.hub.presence("anna") is not None
    proxy.cut()
    clock.advance(1)
    bridge.tick()  # from now on it waits for the next attempt
    clock.advance(1)
    bridge.tick()
    assert is_online(bridge), bridge.link.fault
    assert site.hub.presence("anna") is None
    bridge.close()


# The platform is away, or another one.


class Restarted:
    """A served platform on a disk that goes away and comes back at the same port."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self._folder = folder
        self._clock = clock
        self._port = 0
        self._stack = contextlib.ExitStack()

    def begin(self) -> int:
        """Serve; give the port."""
        self.db = self._stack.enter_context(
            qsdb.Database(
                platform, self._folder / "hub", clock=self._clock, scheduler="manual"
            )
        )
        service = service_of({"hub": self.db}, directory=open_directory(self._folder))
        server = Running(service, host="127.0.0.1", port=self._port)
        address = self._stack.enter_context(running(server)).address
        self._port = urlsplit(address).port or 0
        return self._port

    def end(self) -> None:
        """Go away."""
        self._stack.close()


def test_a_platform_that_is_served_anew_is_found_again(
    tmp_path: Path, clock: FakeClock
) -> None:
    hub = Restarted(tmp_path, clock)
    site = Site(hub.begin(), hub.db, clock)
    site.bridge.tick()
    site.bridge.player_joined("anna")
    site.bridge.vault.deposit("anna", "sword", None)
    before = site.hub.server("east").stdb_identity

    hub.end()
    site.until(lambda: not is_online(site.bridge))
    clock.advance(1)
    site.bridge.tick()
    assert not is_online(site.bridge)
    assert "no answer from 127.0.0.1" in site.bridge.link.fault

    hub.begin()
    site.hub = Hub(hub.db, clock)
    clock.advance(2)
    site.bridge.tick()

    assert is_online(site.bridge), site.bridge.link.fault
    assert site.hub.server("east").stdb_identity == before
    assert [each.player_id for each in site.bridge.known.players] == ["anna"]
    site.bridge.vault.withdraw("anna", site.bridge.vault.items("anna")[0].vault_id)
    site.bridge.tick()
    assert ("item", "sword") in site.game.taken()
    site.bridge.close()
    hub.end()


@pytest.mark.parametrize(
    ("name", "token", "fault"),
    [
        (
            "other",
            None,
            "the server has another module than qs-bridge-platform: table server_",
        ),
        ("nowhere", None, "the server has no such database: 404 `nowhere` not found"),
        ("hub", "x.y.z", "the connection was refused: 401 "),
    ],
)
def test_what_is_no_platform_for_it_keeps_a_bridge_away(
    db: qsdb.Database, name: str, token: str | None, fault: str
) -> None:
    other = qsdb.Module("other")

    class ServerConfig(qsdb.Row, module=other, public=True):
        server_id: str = qsdb.primary_key()

    with (
        qsdb.Database(other) as another,
        serving({"hub": db, "other": another}) as server,
    ):
        connect = over_network(server.address, name)
        bridge = Bridge(connect, details("east"), Game(), token=token)
        bridge.tick()

        assert not is_online(bridge)
        assert bridge.link.fault.startswith("server 'east' is offline: ")
        assert fault in bridge.link.fault
        assert bridge.may_join("anna").reason == "offline"
        bridge.close()


def test_what_is_no_address_is_told_at_once() -> None:
    bridge = Bridge(over_network("hub.example"), details("east"), Game())

    with pytest.raises(qsdb.ArgumentError, match="a server is at ws://host:port"):
        bridge.tick()


# Errors of the client, in a link's words.


class Failing:
    """A connection whose calls fail as they shall."""

    is_closed = False

    def __init__(self) -> None:
        self.error: Exception = AssertionError()
        self.lose: Callable[[object], object] = lambda _: None

    def on_disconnect(self, callback: Callable[[object], object]) -> None:
        self.lose = callback

    def call(self, *_: object, **__: object) -> None:
        raise self.error

    sql = subscribe = call


@pytest.mark.parametrize(
    ("error", "may_have_run"),
    [
        (NotConnectedError("no"), False),
        (qsdb.NotFoundError("no"), False),
        (UnansweredError("no"), True),
        (RemoteError("no"), True),
        (qsdb.ClosedError("no"), True),
        (qsdb.SchemaError("no"), True),
        (ProtocolError("frame", 0, "no"), True),
    ],
)
def test_errors_say_whether_it_may_have_run(
    error: Exception, *, may_have_run: bool
) -> None:
    connection: Any = Failing()
    connection.error = error
    port = RemotePort(connection)

    for act in (
        lambda: port.call("presence_join", "anna"),
        lambda: port.sql("SELECT * FROM global_vault", {}),
        lambda: port.subscribe("", on_applied=repr, on_error=repr, params={}),
    ):
        with pytest.raises(OfflineError, match="no") as caught:
            act()
        assert caught.value.may_have_run == may_have_run
        assert caught.value.__cause__ is error


def test_nothing_is_sent_when_it_is_lost() -> None:
    connection: Any = Failing()
    port = RemotePort(connection)
    told: list[str] = []
    port.on_lost(lambda: told.append("early"))
    connection.lose(None)
    port.on_lost(lambda: told.append("late"))

    with pytest.raises(OfflineError, match="the connection is lost") as caught:
        port.call("presence_join", "anna")
    assert not caught.value.may_have_run
    assert told == ["early", "late"]


# All of it by itself.


def test_a_thread_drives_a_bridge_through_a_loss(
    proxy: CuttingProxy, db: qsdb.Database
) -> None:
    told: queue.SimpleQueue[str] = queue.SimpleQueue()

    class Listening(Game):
        def on_announce(self, message: str) -> None:
            told.put(message)

    connect = over_network(f"ws://127.0.0.1:{proxy.port}", "hub")
    bridge = Bridge(connect, details("east"), Listening(), chance=lambda: 0.0)
    db.call(admin_announce, "hello")  # which is there when it comes
    with BridgeThread(bridge):
        assert told.get(timeout=SECONDS) == "hello"
        db.call(admin_announce, "tea at five")
        assert told.get(timeout=SECONDS) == "tea at five"
        proxy.cut()
        db.call(admin_announce, "tea is over")
        assert told.get(timeout=SECONDS) == "tea is over"
    assert told.empty()
