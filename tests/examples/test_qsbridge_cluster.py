import doctest
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from examples.qsbridge import (
    BanEntry,
    ModuleConfig,
    PlayerServerPresence,
    ServerConfig,
    ServerRegistry,
    wording,
)
from examples.qsbridge.__main__ import main
from examples.qsbridge.cli.evening import SHIPPED
from examples.qsbridge.evening import events as events_module
from examples.qsbridge.evening.cluster import Cluster, Outcome, Tally
from examples.qsbridge.evening.events import Heartbeat
from examples.qsbridge.evening.generate import EVENTS_COUNT
from examples.qsbridge.hub import refusals as refusals_module
from tests.examples.hub import events_of

Output = pytest.CaptureFixture[str]


def register(server: str, at: str, **changes: object) -> dict[str, object]:
    return {
        "at": at,
        "kind": "register",
        "server": server,
        "display_name": server,
        "region": server[:7],
        "game_module": "humanitz",
        "game_mode": "pvp",
        "hosting_id": "",
        "version": "1.0",
        "max_players": 2,
        "wipe_schedule": "",
        "config_template_id": "",
        **changes,
    }


def write(path: Path, *lines: dict[str, object] | str) -> Path:
    """Write a file of events; times are of 6 March 2026."""
    texts = [each if isinstance(each, str) else json.dumps(each) for each in lines]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def at(time: str, kind: str, **fields: object) -> dict[str, object]:
    return {"at": f"2026-03-06T{time}Z", "kind": kind, **fields}


SMALL: tuple[dict[str, object] | str, ...] = (
    register("us-east-pvp-1", "2026-03-06T18:00:00Z"),
    register("eu-west-pve-1", "2026-03-06T18:00:00Z", max_players=9, game_mode="pve"),
    at("18:00:10", "join", server="us-east-pvp-1", player="anna"),
    at("18:00:11", "join", server="us-east-pvp-1", player="ben"),
    at("18:00:12", "join", server="us-east-pvp-1", player="cem"),
    at("18:00:13", "join", server="eu-west-pve-1", player="anna"),
    "teleport",
    at("18:00:30", "heartbeat", server="us-east-pvp-1", online_count=2),
    at("18:00:40", "ban", player="ben", name="Ben", reason="aimbot", hours=1),
    at("18:00:41", "leave", server="us-east-pvp-1", player="ben"),
    at("18:00:50", "join", server="eu-west-pve-1", player="ben"),
    at("18:01:40", "heartbeat", server="us-east-pvp-1", online_count=1),
    at("18:01:41", "join", server="eu-west-pve-1", player="anna"),
    at("18:02:00", "unban", player="ben"),
    at("18:02:10", "join", server="us-east-pvp-1", player="ben"),
    at("18:01:00", "unban", player="ben"),
    at("19:00:00", "heartbeat", server="us-east-pvp-1", online_count=1),
)

SMALL_OUTPUT = """\
2026-03-06 18:00
   18:00:00  us-east-pvp-1 is registered: pvp in us-east, version 1.0
   18:00:00  eu-west-pve-1 is registered: pve in eu-west, version 1.0
   18:00:13  join by eu-west-pve-1 is refused, Conflict: player 'anna' is on \
'us-east-pvp-1'
   18:00:40  Ben (ben) is banned for 1 h by the owner: aimbot
   18:00:50  join by eu-west-pve-1 is refused, NotAuthorized: player 'ben' is banned
   18:01:30  eu-west-pve-1 has not been heard for 90 s: degraded
   18:01:41  anna is let into eu-west-pve-1, last shown on us-east-pvp-1 1 min 31 s ago
   18:02:00  ben is unbanned
   18:03:10  us-east-pvp-1 has not been heard for 90 s: degraded
     in all  joins 4, leaves 1, moves 1, refused 3; players at the end 2

2026-03-06 19:00
   19:00:00  us-east-pvp-1 is back after 58 min 20 s of silence
     in all  joins 0, leaves 0, moves 0, refused 0; players at the end 2

server         region   mode  status    players  present  heartbeats  joins  refused  \
last heartbeat
eu-west-pve-1  eu-west  pve   degraded      0/9        1           0      1        2  \
1 h 0 min ago
us-east-pvp-1  us-east  pvp   online        1/2        1           3      3        1  \
0 s ago

kind       granted  refused  because
register         2        0
heartbeat        3        0
join             4        3  Conflict 1, NotAuthorized 1, WrongState 1
beat             0        0
leave            1        0
ban              1        0
unban            1        0

bans     1: 0 active, 1 revoked, 0 expired
players  2 present, of these 2 not shown for over 90 s
lines    17: 12 granted, 3 refused, 2 bad
time     2026-03-06T19:00:00Z
bridges  2: each knows all 1 bans, and all together 2 players
"""


def test_small_file_gives_exactly_this_output(tmp_path: Path, capsys: Output) -> None:
    file = write(tmp_path / "small.jsonl", *SMALL)

    code = main([str(file)])

    captured = capsys.readouterr()
    assert code == 0
    assert captured.out == SMALL_OUTPUT
    assert captured.err == (
        f"{file}:7: not JSON: Expecting value at column 1\n"
        f"{file}:16: time goes back: 2026-03-06T18:01:00Z after 2026-03-06T18:02:10Z\n"
    )


def test_file_without_events_is_played(tmp_path: Path, capsys: Output) -> None:
    code = main([str(write(tmp_path / "empty.jsonl"))])

    captured = capsys.readouterr()
    assert code == 0
    assert captured.out.endswith("lines    0: 0 granted, 0 refused, 0 bad\n")
    assert captured.err == ""


def test_file_of_bad_lines_alone_is_played(tmp_path: Path, capsys: Output) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_bytes(b"\n\xff\n[]\n")

    code = main([str(file)])

    captured = capsys.readouterr()
    assert code == 0
    assert captured.out.endswith("lines    3: 0 granted, 0 refused, 3 bad\n")
    numbers = [text.removeprefix(f"{file}:")[0] for text in captured.err.splitlines()]
    assert numbers == ["1", "2", "3"]


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_file_that_cannot_be_read_ends_with_2(
    tmp_path: Path, capsys: Output, name: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([str(tmp_path / name)])

    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("cannot read ")


def test_text_from_a_file_cannot_steer_the_terminal(
    tmp_path: Path, capsys: Output
) -> None:
    evil = "\x1b[2J\r\n\u202e" * 3
    main(
        [
            str(
                write(
                    tmp_path / "evil.jsonl",
                    register("evil", "2026-03-06T18:00:00Z", region=evil),
                    at("18:00:01", "ban", player="p", name=evil, reason=evil, hours=1),
                    at("18:00:02", "join", server="evil", bridge=evil, player="p"),
                    at("18:00:03", evil),
                )
            )
        ]
    )

    captured = capsys.readouterr()
    for text in (*captured.out.splitlines(), *captured.err.splitlines()):
        assert text.isprintable()
    assert "lines    4: 2 granted, 1 refused, 1 bad" in captured.out


@pytest.mark.parametrize("name", ["", "x" * 5000])
def test_caller_of_any_name_is_judged_by_reducers(
    tmp_path: Path, capsys: Output, name: str
) -> None:
    file = write(tmp_path / "names.jsonl", register(name, "2026-03-06T18:00:00Z"))

    main([str(file)])

    assert "register         0        1  InvalidArgument 1" in capsys.readouterr().out


def test_a_long_name_leaves_the_sentence_whole(tmp_path: Path, capsys: Output) -> None:
    name, long, id_ = "n" * 64, "x" * 150, "i" * 64
    file = write(
        tmp_path / "names.jsonl",
        register(id_, "2026-03-06T18:00:00Z", bridge=long, region="eu"),
        register(long, "2026-03-06T18:00:00Z"),
        at("18:00:01", "ban", player=id_, name=name, reason="aimbot", hours=1),
        at("18:00:02", "unban", player=id_),
        register("other", "2026-03-06T18:00:03Z"),
        at("18:00:04", "join", server=id_, bridge=long, player="p"),
        at("18:03:00", "join", server="other", player="p"),
        at("18:03:00", "heartbeat", server=id_, bridge=long, online_count=0),
    )

    main([str(file)])

    def cut(text: str) -> str:
        return f"{text[:59]}…"

    too_long = "InvalidArgument: server_id has 150 characters, more than 64"
    mode = "pvp in eu, version 1.0"
    told = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert told[1:10] == [
        f"18:00:00  {cut(id_)} is registered by bridge {cut(long)}: {mode}",
        f"18:00:00  register by {cut(long)} is refused, {too_long}",
        f"18:00:01  {cut(name)} ({cut(id_)}) is banned for 1 h by the owner: aimbot",
        f"18:00:02  {cut(id_)} is unbanned",
        "18:00:03  other is registered: pvp in other, version 1.0",
        f"18:01:30  {cut(id_)} has not been heard for 90 s: degraded",
        "18:01:33  other has not been heard for 90 s: degraded",
        f"18:03:00  p is let into other, last shown on {cut(id_)} 2 min 56 s ago",
        f"18:03:00  {cut(id_)} is back after 3 min 0 s of silence",
    ]


def test_highlights_of_one_sort_are_told_up_to_the_limit(
    tmp_path: Path, capsys: Output
) -> None:
    tries = [
        at(f"18:00:{second}", "unban", player=f"p{second}") for second in range(10, 15)
    ]
    file = write(tmp_path / "many.jsonl", *tries)

    main([str(file), "--highlights", "2"])

    out = capsys.readouterr().out
    assert out.count("unban by the owner is refused") == 2
    assert "refused 5, not told 3;" in out


@pytest.mark.parametrize(("time", "count"), [("18:01:30", 0), ("18:01:30.000001", 1)])
def test_server_is_told_degraded_after_more_than_90_seconds(
    tmp_path: Path, capsys: Output, time: str, count: int
) -> None:
    file = write(
        tmp_path / "edge.jsonl",
        register("one", "2026-03-06T18:00:00Z"),
        at(time, "heartbeat", server="one", online_count=0),
    )

    main([str(file)])

    out = capsys.readouterr().out
    assert out.count("one has not been heard for 90 s: degraded") == count
    assert out.count("one is back after 1 min 30 s of silence") == count


def test_counts_go_to_the_server_that_the_caller_is_registered_for(
    tmp_path: Path,
) -> None:
    file = write(
        tmp_path / "odd.jsonl",
        register("one", "2026-03-06T18:00:00Z"),
        register("two", "2026-03-06T18:00:00Z"),
        at("18:00:30", "heartbeat", server="one", bridge="two", online_count=1),
        at("18:00:30", "heartbeat", server="one", bridge="nobody", online_count=1),
    )

    tally = Tally()
    with Cluster() as cluster:
        for event in events_of(file.read_bytes()):
            tally.add(cluster.apply(event))

    assert tally.heartbeats == {"two": 1}
    assert tally.refusals == {"one": 1}


def check_state(cluster: Cluster, counts: Counter[str]) -> None:
    """Compare the tables with what outcomes say must be in them."""
    with cluster.db.read() as tx:
        present = Counter(row.server_id for row in tx[PlayerServerPresence])
        limits = {row.server_id: row.max_players for row in tx[ServerConfig]}
        online = {row.server_id: row.online_count for row in tx[ServerRegistry]}
        assert [row.owner_identity for row in tx[ModuleConfig]] == [cluster.db.owner]
        ban_ids = {ban.ban_id for ban in tx[BanEntry]}

    for server_id, limit in limits.items():
        assert present[server_id] == counts[f"present {server_id}"] <= limit
        assert online[server_id] == counts[f"online {server_id}"]
    assert ban_ids == set(range(1, counts["ban"] + 1))


def follow(counts: Counter[str], outcome: Outcome) -> None:
    """Keep the counts that `check_state` compares with."""
    event, here = outcome.event, f"present {outcome.server_id}"
    if outcome.refusal is not None:
        return
    counts[event.kind] += 1
    counts[here] += outcome.is_arrival
    counts[here] -= outcome.is_departure
    if outcome.is_takeover and outcome.presence is not None:
        counts[f"present {outcome.presence.server_id}"] -= 1
    if isinstance(event, Heartbeat):
        counts[f"online {outcome.server_id}"] = event.online_count
    elif event.kind == "register":
        counts[f"online {outcome.server_id}"] = 0


@pytest.mark.slow
def test_shipped_file_keeps_the_invariants_from_start_to_end() -> None:
    counts: Counter[str] = Counter()
    tally = Tally()
    with Cluster() as cluster:
        for number, event in enumerate(events_of(SHIPPED.read_bytes())):
            outcome = cluster.apply(event)
            tally.add(outcome)
            follow(counts, outcome)
            if number % 25 == 0:
                check_state(cluster, counts)
        check_state(cluster, counts)
        cluster.db.check()

    assert tally.granted.total() + tally.refused.total() == EVENTS_COUNT
    assert tally.heartbeats.total() == tally.granted["heartbeat"]
    assert tally.joins.total() == tally.granted["join"]
    for kind in ("register", "heartbeat", "join", "beat", "leave", "ban", "unban"):
        assert tally.granted[kind] == counts[kind] > 0


@pytest.mark.slow
def test_shipped_file_shows_every_rule_at_work() -> None:
    tally = Tally()
    takeovers = empty_leaves = 0
    with Cluster() as cluster:
        for event in events_of(SHIPPED.read_bytes()):
            outcome = cluster.apply(event)
            tally.add(outcome)
            takeovers += outcome.is_takeover
            empty_leaves += (
                event.kind == "leave"
                and outcome.refusal is None
                and not outcome.is_departure
            )
        with cluster.db.read() as tx:
            servers = {row.server_id: row for row in tx[ServerRegistry]}
            bans = list(tx[BanEntry])

    assert set(tally.refused) == {
        ("register", "Conflict"),
        ("heartbeat", "NotAuthorized"),
        ("join", "Conflict"),
        ("join", "NotAuthorized"),
        ("join", "WrongState"),
        ("ban", "InvalidArgument"),
        ("ban", "NotAuthorized"),
        ("unban", "NotFound"),
    }
    assert takeovers > 0
    assert empty_leaves > 0
    degraded = [
        row.server_id for row in servers.values() if row.is_degraded(cluster.now)
    ]
    assert degraded == ["eu-west-pve-1"]
    assert sorted(servers) == ["ap-south-creative-1", "eu-west-pve-1", "us-east-pvp-1"]
    assert {ban.banned_by for ban in bans} > {"owner", "server:eu-west-pve-1"}
    assert any(ban.expires_at is None for ban in bans)
    assert any(ban.is_active(cluster.now) for ban in bans)
    assert any(ban.revoked for ban in bans)
    assert any(not ban.revoked and not ban.is_active(cluster.now) for ban in bans)


@pytest.mark.slow
def test_shipped_file_is_played_without_a_bad_line(capsys: Output) -> None:
    code = main([])

    captured = capsys.readouterr()
    assert code == 0
    assert captured.err == ""
    assert f"lines    {EVENTS_COUNT}: " in captured.out
    assert ", 0 bad\n" in captured.out


@pytest.mark.parametrize(
    "module", [wording, events_module, refusals_module], ids=lambda each: each.__name__
)
def test_examples_in_docstrings_hold(module: object) -> None:
    run: Callable[..., doctest.TestResults] = doctest.testmod

    results = run(module)

    assert results.failed == 0
    assert results.attempted > 0
