import pytest

from examples.qsbridge import (
    CrossServerEvent,
    event_complete,
    event_create,
    event_delete,
    event_start,
)
from qsdb import TimeDuration
from tests.examples.acting import audit, call, refused
from tests.examples.hub import EAST, START, STRANGER, Hub

LATER = START + TimeDuration.from_seconds(60)
PLAN: dict[str, object] = {
    "event_type": "raid_boss",
    "title": "The Kraken",
    "description": "It rises at dusk.",
    "participating_servers": ["east", "west"],
    "start_at": START,
    "end_at": LATER,
    "metadata": "{}",
}


def event(hub: Hub, event_id: int) -> CrossServerEvent:
    with hub.db.read() as tx:
        row = tx[CrossServerEvent].get(event_id)
    assert row is not None
    return row


def plan(hub: Hub, **changes: object) -> int:
    number = call(hub, None, event_create, *{**PLAN, **changes}.values())
    assert isinstance(number, int)
    return number


def test_created_event_is_scheduled(hub: Hub) -> None:
    number = plan(hub)

    assert event(hub, number) == CrossServerEvent(
        event_type="raid_boss",
        title="The Kraken",
        description="It rises at dusk.",
        participating_servers=("east", "west"),
        start_at=START,
        end_at=LATER,
        status="scheduled",
        metadata="{}",
    ).replace(event_id=number)


def test_event_goes_from_scheduled_by_active_to_completed(hub: Hub) -> None:
    number = plan(hub, end_at=None)
    call(hub, None, event_start, number)
    assert event(hub, number).status == "active"
    call(hub, None, event_complete, number, None)

    done = event(hub, number)
    assert (done.status, done.metadata) == ("completed", "{}")
    assert audit(hub) == [
        "owner event_create: planned the event 'The Kraken' (raid_boss)",
        "owner event_start: started the event 'The Kraken' (raid_boss)",
        "owner event_complete: ended the event 'The Kraken' (raid_boss)",
    ]


def test_complete_stores_results(hub: Hub) -> None:
    number = plan(hub)
    call(hub, None, event_start, number)
    call(hub, None, event_complete, number, '{"winner": "east"}')

    assert event(hub, number).metadata == '{"winner": "east"}'


def test_scheduled_event_is_deleted(hub: Hub) -> None:
    number = plan(hub)
    call(hub, None, event_delete, number)

    assert hub.rows(CrossServerEvent) == set()
    assert audit(hub)[-1].startswith("owner event_delete: ")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"event_type": ""},
            "InvalidArgument: event_type is empty, not 1 to 64 characters",
        ),
        (
            {"event_type": "x" * 65},
            "InvalidArgument: event_type has 65 characters, more than 64",
        ),
        ({"title": ""}, "InvalidArgument: title is empty, not 1 to 512 characters"),
        (
            {"title": "x" * 513},
            "InvalidArgument: title has 513 characters, more than 512",
        ),
        (
            {"description": "x" * 4097},
            "InvalidArgument: description has 4097 characters, more than 4096",
        ),
        (
            {"metadata": "é" * 32769},
            "InvalidArgument: metadata has 65538 bytes, more than 65536",
        ),
        (
            {"participating_servers": []},
            "InvalidArgument: participating_servers is empty",
        ),
        (
            {"participating_servers": ["east", "west", "east"]},
            "InvalidArgument: participating_servers has 'east' twice",
        ),
        (
            {"participating_servers": ["east", "south"]},
            "NotFound: there is no server 'south'",
        ),
        (
            {"end_at": START},
            (
                "InvalidArgument: end_at is 2026-03-06T18:00:00Z, "
                "not after 2026-03-06T18:00:00Z"
            ),
        ),
    ],
)
def test_create_refuses(hub: Hub, change: dict[str, object], text: str) -> None:
    assert refused(hub, None, event_create, *{**PLAN, **change}.values()) == text


def test_steps_are_refused_in_the_wrong_state(hub: Hub) -> None:
    scheduled, active, completed = (plan(hub) for _ in range(3))
    for number in (active, completed):
        call(hub, None, event_start, number)
    call(hub, None, event_complete, completed, None)

    assert [
        refused(hub, None, event_complete, scheduled, None),
        refused(hub, None, event_start, active),
        refused(hub, None, event_delete, active),
        refused(hub, None, event_start, completed),
        refused(hub, None, event_complete, completed, None),
        refused(hub, None, event_delete, completed),
    ] == [
        "WrongState: event 1 is scheduled, not active",
        "WrongState: event 2 is active, not scheduled",
        "WrongState: event 2 is active, not scheduled",
        "WrongState: event 3 is completed, not scheduled",
        "WrongState: event 3 is completed, not active",
        "WrongState: event 3 is completed, not scheduled",
    ]


def test_results_have_64_kib_at_most(hub: Hub) -> None:
    number = plan(hub)
    call(hub, None, event_start, number)

    text = refused(hub, None, event_complete, number, "x" * 65537)

    assert text == "InvalidArgument: metadata has 65537 bytes, more than 65536"


def test_event_that_is_not_there_is_not_found(hub: Hub) -> None:
    assert {
        refused(hub, None, event_start, 9),
        refused(hub, None, event_complete, 9, None),
        refused(hub, None, event_delete, 9),
    } == {"NotFound: there is no event 9"}


def test_events_are_for_the_owner(hub: Hub) -> None:
    number = plan(hub)

    for who in (EAST, STRANGER):
        assert {
            refused(hub, who, event_create, *PLAN.values()),
            refused(hub, who, event_start, number),
            refused(hub, who, event_complete, number, None),
            refused(hub, who, event_delete, number),
        } == {"NotAuthorized: the caller is not the owner of the platform"}
