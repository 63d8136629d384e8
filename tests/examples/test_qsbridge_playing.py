"""The place in an event file moves with its events: one commit for both.

Strategy: play a part, take the directory as a process that is killed right there
leaves it, go on with it, and compare with an evening that nobody disturbed.

Invariants: the tables are those of the undisturbed evening, and the database has
one commit for each event, so none was lost and none came twice.
"""

import shutil
from pathlib import Path

import pytest

import qsdb
from examples.qsbridge import (
    EventSource,
    play_event,
    presence_join,
)
from examples.qsbridge.evening import playing
from examples.qsbridge.evening.cluster import Cluster
from examples.qsbridge.evening.events import BadLine, Event, Unban
from examples.qsbridge.evening.generate import generate
from examples.qsbridge.evening.playing import SourceError, unplayed
from examples.qsbridge.evening.story import Story
from examples.qsbridge.hub.refusals import refusal
from qsdb import Timestamp
from tests.examples.hub import EAST, START, STRANGER, TABLES, Hub, events_of


def tables_of(cluster: Cluster) -> list[set[qsdb.Row]]:
    cluster.db.check()
    with cluster.db.read() as tx:
        return [set(tx[table]) for table in TABLES]


def played_through(events: list[Event]) -> list[set[qsdb.Row]]:
    with Cluster() as cluster:
        for event in events:
            cluster.apply(event)
        return tables_of(cluster)


def play(
    hub: Hub, line: int, reducer: str, arguments: str, source: str = "evening"
) -> str | None:
    return hub.db.call(play_event, source, line, EAST, reducer, arguments)


def place(hub: Hub) -> set[qsdb.Row]:
    return hub.rows(EventSource)


def test_event_and_place_are_one_commit(hub: Hub) -> None:
    offset = hub.db.offset

    refused = play(hub, 7, "presence_join", '["p1"]')

    assert refused is None
    assert hub.db.offset == offset + 1
    assert place(hub) == {EventSource("evening", 7, START)}
    presence = hub.presence("p1")
    assert presence is not None
    assert presence.server_id == "east"


def test_refused_event_moves_the_place_and_nothing_else(hub: Hub) -> None:
    hub.ban("p1")
    before, offset = hub.state(), hub.db.offset

    refused = play(hub, 7, "presence_join", '["p1"]')

    assert refused == "NotAuthorized: player 'p1' is banned"
    assert hub.state() == before
    assert hub.db.offset == offset + 1
    assert place(hub) == {EventSource("evening", 7, START)}


def test_refusal_undoes_what_the_reducer_has_done(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def join_and_refuse(ctx: qsdb.ReducerContext, player_id: str) -> None:
        presence_join(ctx, player_id)
        raise refusal("WrongState", "second thoughts")

    monkeypatch.setitem(playing._REDUCERS, "presence_join", join_and_refuse)
    before = hub.state()

    assert play(hub, 7, "presence_join", '["p1"]') == "WrongState: second thoughts"
    assert hub.state() == before
    assert place(hub) == {EventSource("evening", 7, START)}


def test_reducer_sees_the_bridge_as_its_caller(hub: Hub) -> None:
    refused = hub.db.call(play_event, "evening", 2, STRANGER, "server_heartbeat", "[3]")

    assert refused == "NotAuthorized: the caller is not a registered bridge"
    assert play(hub, 3, "server_heartbeat", "[3]") is None
    assert hub.server("east").online_count == 3


def test_what_is_no_refusal_passes_through_and_moves_nothing(hub: Hub) -> None:
    with pytest.raises(qsdb.KindError):
        play(hub, 7, "server_heartbeat", "[-1]")

    assert place(hub) == set()


@pytest.mark.parametrize("line", [6, 7])
def test_no_line_is_played_twice(hub: Hub, line: int) -> None:
    play(hub, 7, "presence_join", '["p1"]')

    refused = hub.refusal(lambda: play(hub, line, "presence_leave", '["p1"]'))

    assert refused == f"WrongState: line {line} of 'evening' is played, as all up to 7"
    assert place(hub) == {EventSource("evening", 7, START)}


def test_files_have_places_of_their_own(hub: Hub) -> None:
    play(hub, 7, "presence_join", '["p1"]')

    play(hub, 2, "presence_join", '["p2"]', source="night")

    assert place(hub) == {
        EventSource("evening", 7, START),
        EventSource("night", 2, START),
    }


def test_only_the_owner_moves_the_place(hub: Hub) -> None:
    with pytest.raises(qsdb.NotFoundError):
        hub.db.caller(EAST).call(
            play_event, "evening", 7, EAST, "presence_join", '["p1"]'
        )

    assert place(hub) == set()


def unban(line: int, at: int) -> Unban:
    return Unban(line=line, at=at, server=None, bridge=None, player="p1")


ITEMS: list[Event | BadLine] = [
    unban(1, 10),
    BadLine(2, "no event"),
    unban(3, 30),
    BadLine(4, "no event"),
    unban(5, 50),
]


def test_nothing_is_played_before_the_first_event() -> None:
    assert list(unplayed(ITEMS, "evening", None)) == ITEMS


@pytest.mark.parametrize(("line", "at"), [(1, 10), (3, 30), (5, 50)])
def test_what_stands_after_the_place_is_unplayed(line: int, at: int) -> None:
    played = EventSource("evening", line, Timestamp.from_micros(at))

    assert list(unplayed(ITEMS, "evening", played)) == ITEMS[line:]


@pytest.mark.parametrize(
    ("line", "at"), [(3, 31), (4, 30), (6, 60)], ids=["time", "bad line", "too short"]
)
def test_file_that_has_changed_is_refused(line: int, at: int) -> None:
    played = EventSource("evening", line, Timestamp.from_micros(at))

    with pytest.raises(SourceError, match=f"^it holds what 'evening' .* {line}, "):
        list(unplayed(ITEMS, "evening", played))


def test_lines_that_came_to_be_missing_before_the_place_are_noticed() -> None:
    played = EventSource("evening", 4, Timestamp.from_micros(50))

    with pytest.raises(SourceError, match="not in that line"):
        list(unplayed(ITEMS[:3] + ITEMS[4:], "evening", played))


def test_file_of_another_name_is_refused() -> None:
    played = EventSource("evening", 3, Timestamp.from_micros(30))

    with pytest.raises(SourceError, match="'night' needs a directory of its own"):
        list(unplayed(ITEMS, "night", played))


@pytest.mark.slow
def test_cluster_goes_on_from_every_event(tmp_path: Path) -> None:
    events = events_of(generate(5, 24))
    images = [tmp_path / f"killed at {number}" for number in range(len(events) + 1)]
    with Cluster(tmp_path / "data", "evening") as cluster:
        shutil.copytree(tmp_path / "data", images[0])
        for event, image in zip(events, images[1:], strict=True):
            cluster.apply(event)
            cluster.db.wait_durable()
            shutil.copytree(tmp_path / "data", image)
        expected = tables_of(cluster)

    for number, image in enumerate(images):
        with Cluster(image, "evening") as cluster:
            assert (cluster.played.lines_read if cluster.played else 0) == number
            assert cluster.now.micros == ([0] + [event.at for event in events])[number]
            for item in unplayed(events, "evening", cluster.played):
                assert not isinstance(item, BadLine)
                cluster.apply(item)
            assert tables_of(cluster) == expected
            called = cluster.db.stats().reducers["play_event"].calls
            assert called == len(events) - number


def test_cluster_on_disk_is_that_in_memory(tmp_path: Path) -> None:
    events = events_of(generate(9, 60))

    with Cluster(tmp_path / "data") as cluster:
        for event in events:
            cluster.apply(event)
        on_disk = tables_of(cluster)

    assert on_disk == played_through(events)


def notable(lines: list[str]) -> list[str]:
    """Give the lines that do not sum up what was told in the hour before."""
    return [each for each in lines if not each.startswith("     in all  ")]


@pytest.mark.slow
@pytest.mark.parametrize("begin_at", [1, 300, 750, 1499])
def test_story_goes_on_as_if_it_had_been_told_from_the_beginning(begin_at: int) -> None:
    whole, rest = Story(10_000), Story(10_000)
    told: list[str] = []
    told_anew: list[str] = []
    with Cluster() as cluster:
        for number, event in enumerate(events_of(generate(1, 1500))):
            if number == begin_at:
                told.clear()
                rest.begin(cluster.db, cluster.now)
            outcome = cluster.apply(event)
            told += whole.add(outcome)
            if number >= begin_at:
                told_anew += rest.add(outcome)

    hour = told_anew.pop(0)
    assert hour.startswith("2026-03-0")
    assert [each for each in notable(told_anew) if each != hour] == notable(told)
    (end, _), (end_anew, _) = whole.end(), rest.end()
    assert end.rpartition("; ")[2] == end_anew.rpartition("; ")[2]
