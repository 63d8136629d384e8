"""The servers' subscriptions: bans reach all of them, presence only its own server."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.qsbridge.__main__ import main
from examples.qsbridge.evening.cluster import Cluster
from tests.examples.hub import events_of
from tests.examples.test_qsbridge_cluster import Output, at, register, write

EAST, WEST = "us-east-pvp-1", "eu-west-pve-1"
BEGIN = (
    register(EAST, "2026-03-06T18:00:00Z", max_players=4),
    register(WEST, "2026-03-06T18:00:00Z"),
    at("18:00:10", "join", server=EAST, player="anna"),
    at("18:00:11", "join", server=WEST, player="ben"),
)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        play(cluster, *BEGIN)
        yield cluster


def play(cluster: Cluster, *lines: dict[str, object]) -> None:
    """Play events that come after `BEGIN`, or are it."""
    played = cluster.played
    before = () if played is None else BEGIN
    text = "".join(f"{json.dumps(each)}\n" for each in (*before, *lines))
    for event in events_of(text.encode())[len(before) :]:
        line = event.line if played is None else played.lines_read + event.line
        later = dataclasses.replace(event, line=line)
        assert cluster.apply(later).refusal is None


def test_a_server_knows_its_own_players_and_settings(cluster: Cluster) -> None:
    east, west = cluster.known[EAST], cluster.known[WEST]
    assert [each.player_id for each in east.players] == ["anna"]
    assert [each.player_id for each in west.players] == ["ben"]
    assert east.config is not None
    assert east.config.max_players == 4
    play(cluster, at("18:00:20", "leave", server=EAST, player="anna"))
    assert east.players == []
    assert len(west.players) == 1


def test_a_ban_is_known_to_every_server_at_once(cluster: Cluster) -> None:
    east, west = cluster.known.values()
    assert west.may_join("anna", cluster.now).is_allowed
    ban = at("18:00:40", "ban", player="anna", name="Anna", reason="aimbot", hours=1)
    play(cluster, ban)
    assert east.bans == west.bans
    assert [each.reason for each in west.bans] == ["aimbot"]
    assert west.may_join("anna", cluster.now).reason == "banned"
    play(cluster, at("18:00:50", "unban", player="anna"))
    assert west.may_join("anna", cluster.now).is_allowed
    assert len(west.bans) == 1


def test_servers_are_connected_again_where_a_directory_is_opened(
    tmp_path: Path,
) -> None:
    with Cluster(tmp_path / "data") as cluster:
        play(cluster, *BEGIN)
    with Cluster(tmp_path / "data") as cluster:
        assert len(cluster.known) == 2
        assert [each.player_id for each in cluster.known[WEST].players] == ["ben"]


def test_what_is_no_terminal_gets_the_last_frame_only(
    tmp_path: Path, capsys: Output
) -> None:
    file = write(tmp_path / "events.jsonl", *BEGIN)
    assert main(["--live", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert printed.count("QS-Bridge  events.jsonl") == 1
    assert "bridges  2: each knows all 0 bans, and all together 2 players" in printed
