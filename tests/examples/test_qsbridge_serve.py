"""The platform as it is served: by its command, in a process of its own.

Admins order servers about over the network, servers' bridges work with a platform that
keeps secrets from strangers, and the registry learns of servers.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import qsdb
import qsdb.client
from examples.qsbridge import (
    AdminRoleLevel,
    GlobalVault,
    ServerConfig,
    ServerTransferQueue,
    platform,
    registry,
)
from examples.qsbridge.__main__ import main
from examples.qsbridge.bridge import Bridge, GameHooks, ServerDetails
from examples.qsbridge.bridge.network import over_network
from examples.qsbridge.mods import ServerMirror
from qsdb.cli.program import run_program
from tests.examples.hosting_server import KEY, says, serving
from tests.examples.test_qsbridge_cluster import Output
from tests.support.sources import ROOT

SECRETS = (ServerConfig, ServerTransferQueue, GlobalVault)
SECONDS_MAX = 60


@dataclass
class Served:
    """A platform that is served, and where."""

    process: subprocess.Popen[str]
    folder: Path
    page: str

    @property
    def url(self) -> str:
        found = re.search(r"served at (http://\S+)", self.page)
        assert found is not None, self.page
        return found[1]

    def token(self, database: str) -> str:
        return (self.folder / f"{database}.owner-token").read_text().strip()

    def connect(
        self, database: str, module: qsdb.Module, *, is_owner: bool
    ) -> qsdb.client.Connection:
        token = self.token(database) if is_owner else None
        return qsdb.client.connect(self.url, database, token, module)


@contextlib.contextmanager
def served(folder: Path, *options: str, **environment: str) -> Iterator[Served]:
    """Serve until the block ends; then Ctrl-C ends it well."""
    command = ["-m", "examples.qsbridge", "serve", f"--data={folder}", "--port=0"]
    process = subprocess.Popen(
        [sys.executable, *command, *options],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        page = ""
        while "Ctrl-C ends it" not in page:
            line = process.stdout.readline()
            assert line, f"it has ended: {page}"
            page += line
        yield Served(process, folder, page)
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS_MAX) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Game(GameHooks):
    """A game that notes what it is given."""

    def __init__(self) -> None:
        self.items: list[str] = []
        self.snapshots: list[str] = []

    def on_item_withdrawn(self, item: GlobalVault) -> None:
        self.items.append(item.item_data)

    def on_transfer_arriving(self, transfer: ServerTransferQueue) -> None:
        self.snapshots.append(transfer.character_snapshot)


def bridge_of(url: str, server_id: str, game: Game) -> Bridge:
    details = ServerDetails(
        server_id=server_id,
        display_name=server_id,
        region="us-east",
        game_module="survival",
        game_mode="pvp",
        version="1.0",
        max_players=8,
        hosting_id=f"host-{server_id}",
    )
    bridge = Bridge(over_network(url), details, game)
    bridge.tick()
    assert bridge.link.is_online, bridge.link.fault
    return bridge


def until(condition: Callable[[], object], bridge: Bridge) -> None:
    """Drive a bridge until it has heard of something."""
    patience = time.monotonic() + SECONDS_MAX
    while not condition():
        assert time.monotonic() < patience
        bridge.tick()
        time.sleep(0.01)


def rows_seen(connection: qsdb.client.Connection) -> list[int]:
    """Give how many rows of each secret somebody is told of, asked once and live."""
    names = ["server_config", "server_transfer_queue", "global_vault"]
    once = [len(connection.sql(f"SELECT * FROM {name}").rows) for name in names]
    connection.subscribe(*[f"SELECT * FROM {name}" for name in names])
    live = [len([*connection.db[table]]) for table in SECRETS]
    assert once == live
    return once


@pytest.mark.slow
def test_admins_order_servers_about_over_the_network(tmp_path: Path) -> None:
    with (
        serving(says(200, {"message": "stopping"})) as provider,
        served(tmp_path, BISECT_API_KEY=KEY, BISECT_API_URL=provider.url) as hub,
        contextlib.closing(bridge_of(hub.url, "east", Game())),
        hub.connect("platform", platform, is_owner=True) as gateway,
    ):
        assert f"hosting   StarbaseProvider('{provider.url}')" in hub.page
        assert KEY not in hub.page
        gateway.call("admin_grant_role", "Steam:1", AdminRoleLevel.Admin)
        gateway.call("panel_register_session", "Steam:1", "Ann", None)
        said = gateway.call("hosting_action", "Steam:1", "east", "stop")

        assert said == "stopping"
        (request,) = provider.received
        assert request.path == "/api/servers/host-east/stop"
        rows = gateway.sql("SELECT * FROM panel_audit_log WHERE action LIKE 'host%'")
        (entry,) = rows
        assert json.loads(entry.details)["outcome"] == "done"


@pytest.mark.slow
def test_secrets_are_kept_from_strangers_and_bridges_work(tmp_path: Path) -> None:
    games = Game(), Game()
    with served(tmp_path, "--private") as hub, contextlib.ExitStack() as stack:
        east, west = (
            stack.enter_context(contextlib.closing(bridge_of(hub.url, name, game)))
            for name, game in zip(("east", "west"), games, strict=True)
        )
        owner, stranger = (
            stack.enter_context(hub.connect("platform", platform, is_owner=each))
            for each in (True, False)
        )
        owner.call("admin_set_password", "east", "open sesame")
        assert east.player_joined("anna").is_allowed
        for item in ("axe", "map"):
            east.vault.deposit("anna", item, None)
        transfer = east.request_transfer("anna", "west")
        east.hand_over(transfer, "level 12")

        assert rows_seen(stranger) == [0, 0, 0]
        assert rows_seen(owner) == [2, 1, 2]
        until(lambda: games[1].snapshots == ["level 12"], west)
        west.complete_transfer(transfer)
        first, second = west.vault.items("anna")
        west.vault.withdraw("anna", first.vault_id)
        west.tick()
        assert games[1].items == ["axe"]
        assert [item.item_data for item in east.vault.items("anna")] == ["map"]
        assert second.item_data == "map"
        until(lambda: not east.known.is_opened_by("wrong"), east)
        assert east.known.is_opened_by("open sesame")
        assert rows_seen(stranger) == [0, 0, 0]


@pytest.mark.slow
def test_the_registry_learns_of_servers_and_an_owner_acts_by_command(
    tmp_path: Path, capsys: Output
) -> None:
    with (
        served(tmp_path) as hub,
        contextlib.closing(bridge_of(hub.url, "east", Game())),
        hub.connect("registry", registry, is_owner=False) as mods,
    ):
        assert "hosting   none; BISECT_API_KEY and BISECT_API_URL are not" in hub.page
        mods.subscribe("SELECT * FROM server_mirror")
        assert [row.server_id for row in mods.db[ServerMirror]] == ["east"]
        token = f"@{tmp_path}/platform.owner-token"
        where = ["--server", hub.url, "--database", "platform", "--token", token]
        role = ["call", *where, "admin_grant_role", '"Steam:1"', '{"Owner": []}']
        assert run_program(role) == 0
        assert run_program(["sql", *where, "--csv", "SELECT role FROM admin_role"]) == 0
        assert "Owner" in capsys.readouterr().out


def refused(capsys: Output, *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(["serve", *arguments])
    assert caught.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("port", ["65536", "-1", "http", "³"])
def test_a_port_is_a_number(capsys: Output, tmp_path: Path, port: str) -> None:
    why = refused(capsys, "--data", str(tmp_path), f"--port={port}")

    assert why.endswith(f"argument --port: {port} is no port from 0 to 65535")


def test_half_a_provider_is_refused(
    capsys: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BISECT_API_KEY", KEY)
    monkeypatch.delenv("BISECT_API_URL", raising=False)

    why = refused(capsys, "--data", str(tmp_path))

    assert why.endswith("the environment variable BISECT_API_URL is not set")


def test_a_folder_that_cannot_be_used_is_told(capsys: Output, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    why = refused(capsys, "--data", str(tmp_path / "file"), "--port=0")

    assert why.startswith(f"cannot serve {tmp_path / 'file'}: ")
