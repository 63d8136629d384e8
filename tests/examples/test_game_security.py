import json
import math

import pytest

from examples.qsbridge import PanelAuditLog
from examples.qsbridge.game.courier import Courier
from examples.qsbridge.game.outbox import Message
from examples.qsbridge.game.players import SLACK, SPEED_MAX
from examples.qsbridge.game.security import EVIDENCE_BYTES_MAX, report_security_event
from examples.qsbridge.game.tables import PlayerPosition, SecurityEvent
from tests.examples.game_world import World
from tests.examples.hub import START, Hub


def messages(world: World) -> list[Message]:
    with world.db.read() as tx:
        return sorted(tx[Message], key=lambda row: row.sequence)


def test_event_is_recorded_and_nobody_is_told_of_a_slight_one(world: World) -> None:
    world.spawn("p1")

    world.call(report_security_event, "p1", "odd_aim", 7, '{"shots": 12}')

    (event,) = world.events()
    assert event == SecurityEvent(
        player_id="p1",
        server_id="east",
        event_type="odd_aim",
        severity=7,
        evidence='{"shots": 12}',
        timestamp=START,
        is_posted=False,
    ).replace(event_id=event.event_id)
    assert messages(world) == []


def test_severe_event_is_posted_in_the_same_commit(world: World) -> None:
    world.spawn("p1")
    offset = world.db.offset

    world.call(report_security_event, "p1", "aimbot", 8, '{"shots": 12}')

    (message,) = messages(world)
    assert world.db.offset == offset + 1
    assert (message.sequence, message.kind) == (1, "security_event")
    assert json.loads(message.payload) == {
        "player_id": "p1",
        "server_id": "east",
        "event_type": "aimbot",
        "severity": 8,
        "evidence": '{"shots": 12}',
    }


def test_of_one_sort_by_one_player_one_a_minute_is_posted(world: World) -> None:
    for player in ("p1", "p2"):
        world.spawn(player)

    for seconds in (0, 59.999999, 0.000001):
        world.clock.advance(seconds)
        world.call(report_security_event, "p1", "aimbot", 9, "{}")
    world.call(report_security_event, "p1", "wallhack", 9, "{}")
    world.call(report_security_event, "p2", "aimbot", 9, "{}")

    assert [event.is_posted for event in world.events()] == [
        True,
        False,
        True,
        True,
        True,
    ]
    assert [message.sequence for message in messages(world)] == [1, 2, 3, 4]


def test_move_within_reach_is_no_event(world: World) -> None:
    world.spawn("p1")
    world.move("p1", SLACK)
    world.clock.advance(2)

    world.move("p1", SLACK + 2 * SPEED_MAX + SLACK)

    assert world.events() == []


@pytest.mark.parametrize(
    ("times", "severity"), [(1.01, 2), (2.0, 2), (7.5, 8), (9.5, 10), (1e4, 10)]
)
def test_move_that_is_too_fast_is_recorded_and_is_a_move(
    world: World, times: float, severity: int
) -> None:
    world.spawn("p1")
    world.clock.advance(1)
    admitted = SPEED_MAX + SLACK

    world.move("p1", 0.0, times * admitted)

    (event,) = world.events()
    assert (event.event_type, event.severity) == ("speed", severity)
    assert json.loads(event.evidence) == {
        "from": [0.0, 0.0, 0.0],
        "to": [0.0, times * admitted, 0.0],
        "seconds": 1.0,
        "metres": times * admitted,
        "metres_max": admitted,
    }
    now = world.clock.now()
    assert world.position("p1") == PlayerPosition("p1", 0.0, times * admitted, 0.0, now)
    assert len(messages(world)) == (severity >= 8)
    assert math.isfinite(times)


def test_clock_that_went_back_admits_the_slack(world: World) -> None:
    world.spawn("p1")
    world.clock.advance(-3600)

    world.move("p1", SLACK)

    assert world.events() == []


@pytest.mark.parametrize(
    "text", ["\N{DEGREE SIGN}" * 8188, "\x7f" * 16_376, '"' * 8188]
)
def test_event_of_the_longest_texts_is_applied_by_the_platform(
    world: World, hub: Hub, text: str
) -> None:
    player, sort = "\N{DROMEDARY CAMEL}" * 64, "\N{DEGREE SIGN}" * 64
    world.spawn(player)
    evidence = json.dumps({"": text}, ensure_ascii=False)
    assert len(evidence.encode()) == EVIDENCE_BYTES_MAX

    world.call(report_security_event, player, sort, 10, evidence)
    Courier("survival", world.db, hub.db).carry()

    (entry,) = hub.rows(PanelAuditLog)
    assert isinstance(entry, PanelAuditLog)
    assert json.loads(entry.details)["evidence"] == evidence


@pytest.mark.parametrize(
    ("event_type", "severity", "evidence"),
    [
        ("", 5, "{}"),
        ("x" * 65, 5, "{}"),
        ("aimbot", 0, "{}"),
        ("aimbot", 11, "{}"),
        ("aimbot", 5, ""),
        ("aimbot", 5, "[]"),
        ("aimbot", 5, "[" * 10_000),
        ("aimbot", 5, json.dumps({"x": "y" * 16_384})),
    ],
)
def test_events_with_wrong_arguments_are_refused(
    world: World, event_type: str, severity: int, evidence: str
) -> None:
    world.spawn("p1")

    text = world.refused(report_security_event, "p1", event_type, severity, evidence)

    assert text.startswith("InvalidArgument: ")
