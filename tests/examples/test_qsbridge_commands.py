"""Announcements, and bridges that say what they have done."""

from functools import partial

import pytest

from examples.qsbridge import (
    AdminLevel,
    BridgeCommand,
    admin_announce,
    admin_kick,
    bridge_command_ack,
    panel_announcement,
)
from tests.examples.hub import EAST, START, STRANGER, WEST, Hub

TEXTS = ("x", "x" * 512)
WRONG_TEXTS = {
    "": "message is empty, not 1 to 512 characters",
    "x" * 513: "message has 513 characters, more than 512",
}


@pytest.fixture
def panel(hub: Hub) -> Hub:
    hub.log_in("boss", AdminLevel.Moderator)
    return hub


def announced(server_id: str, message: str, number: int) -> BridgeCommand:
    command = BridgeCommand(
        server_id=server_id,
        kind="announce",
        player_id="",
        payload=message,
        created_at=START,
    )
    return command.replace(command_id=number)


def test_admin_announces_everywhere(hub: Hub) -> None:
    for message in TEXTS:
        hub.db.call(admin_announce, message)

    assert hub.commands() == [
        announced("*", message, number) for number, message in enumerate(TEXTS, 1)
    ]


def test_panel_announces_on_one_server_or_everywhere(panel: Hub) -> None:
    panel.db.call(panel_announcement, "boss", "west", "hello")
    panel.db.call(panel_announcement, "boss", "*", "bye")

    assert panel.commands() == [announced("west", "hello", 1), announced("*", "bye", 2)]


@pytest.mark.parametrize("server_id", ["nowhere", "", "**"])
def test_announcement_for_an_unknown_server_is_refused(
    panel: Hub, server_id: str
) -> None:
    text = panel.refusal(
        lambda: panel.db.call(panel_announcement, "boss", server_id, "hello")
    )

    assert text == f"NotFound: there is no server '{server_id}'"


@pytest.mark.parametrize("message", WRONG_TEXTS)
def test_announcement_refuses_wrong_texts(panel: Hub, message: str) -> None:
    for call in (
        partial(panel.db.call, admin_announce, message),
        partial(panel.db.call, panel_announcement, "boss", "west", message),
    ):
        assert panel.refusal(call) == f"InvalidArgument: {WRONG_TEXTS[message]}"


def test_bridge_sees_commands_for_itself_and_for_all(panel: Hub) -> None:
    with panel.db.connect(EAST) as east:
        east.subscribe(
            "SELECT * FROM bridge_command WHERE server_id = 'east' OR server_id = '*'"
        )
        panel.db.call(panel_announcement, "boss", "east", "one")
        panel.db.call(panel_announcement, "boss", "west", "two")
        panel.db.call(admin_announce, "three")

        seen = {command.payload for command in east.db[BridgeCommand]}

    assert seen == {"one", "three"}


def test_ack_ends_the_command(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.join(EAST, "p2")
    for player in ("p1", "p2"):
        hub.db.call(admin_kick, player, "afk")

    hub.db.caller(EAST).call(bridge_command_ack, 1)

    assert [command.command_id for command in hub.commands()] == [2]


def test_ack_by_another_servers_bridge_is_refused(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.db.call(admin_kick, "p1", "afk")

    text = hub.refusal(lambda: hub.db.caller(WEST).call(bridge_command_ack, 1))

    assert text == "NotAuthorized: command 1 is for 'east', not 'west'"


def test_ack_by_whoever_took_the_server_over_ends_the_command(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.db.call(admin_kick, "p1", "afk")
    hub.clock.advance(90)
    hub.register(STRANGER, "east")

    hub.db.caller(STRANGER).call(bridge_command_ack, 1)

    assert hub.commands() == []


def test_ack_of_an_unknown_command_is_refused(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.db.call(admin_kick, "p1", "afk")
    east = hub.db.caller(EAST)
    east.call(bridge_command_ack, 1)

    for number in (0, 1, 2, 2**64 - 1):
        text = hub.refusal(partial(east.call, bridge_command_ack, number))
        assert text == f"NotFound: there is no command {number}"


def test_command_for_all_servers_stays_for_the_others(hub: Hub) -> None:
    hub.db.call(admin_announce, "hello")
    before, offset = hub.state(), hub.db.offset

    for bridge in (EAST, WEST, EAST):
        hub.db.caller(bridge).call(bridge_command_ack, 1)

    assert hub.state() == before
    assert hub.db.offset == offset
