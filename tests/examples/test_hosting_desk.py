from functools import partial

import pytest

import qsdb
from examples.qsbridge import (
    PanelSession,
    hosting_action,
    hosting_command,
    panel_end_session,
    server_heartbeat,
)
from qsdb.testing import assert_no_change
from tests.examples.hosting_panel import (
    ADMIN,
    MODERATOR,
    OWNER,
    STATUS_AFTER,
    VIEWER,
    Panel,
)
from tests.examples.hub import EAST, START, STRANGER

PAST = {"start": "started", "stop": "stopped", "restart": "restarted", "wipe": "wiped"}


@pytest.mark.parametrize("action", PAST)
def test_an_action_reaches_the_server_and_is_written_down(
    panel: Panel, action: str
) -> None:
    panel.db.caller(EAST).call(server_heartbeat, 2)
    before, other = panel.hub.server("east"), panel.hub.server("west")
    panel.hub.clock.advance(5)

    panel.act(OWNER, "east", action)

    assert panel.provider.asked == [(action, "host-east")]
    status = STATUS_AFTER.get(action, before.status)
    count = 0 if status == "offline" else 2
    assert panel.hub.server("east") == before.replace(status=status, online_count=count)
    assert panel.hub.server("west") == other
    entry = (OWNER, f"hosting_{action}", "done", f"{PAST[action]} east")
    assert panel.audit() == [entry]


def test_status_and_entry_are_one_commit(panel: Panel) -> None:
    offset = panel.db.offset

    panel.act(ADMIN, "east", "stop")

    assert panel.db.offset == offset + 1


def test_an_action_is_activity_of_its_admin(panel: Panel) -> None:
    panel.hub.clock.advance(5)

    panel.act(ADMIN, "east", "restart")

    with panel.db.read() as tx:
        active = {row.player_id: row.last_activity for row in tx[PanelSession]}
    assert active[ADMIN] == panel.hub.now
    assert active[OWNER] < panel.hub.now


def test_a_command_gives_what_the_console_prints(panel: Panel) -> None:
    before = panel.hub.server("east")

    printed = panel.db.call(hosting_command, ADMIN, "east", "rcon login hunter2")

    assert printed == "> rcon login hunter2"
    assert panel.provider.server("host-east").lines == ("rcon login hunter2",)
    assert panel.hub.server("east") == before


def test_of_a_command_the_public_log_has_the_first_word(panel: Panel) -> None:
    panel.db.call(hosting_command, ADMIN, "east", "  rcon login hunter2")

    assert panel.audit() == [
        (ADMIN, "hosting_command", "done", "ran rcon … on east"),
    ]


@pytest.mark.parametrize("action", ["start", "stop", "restart"])
@pytest.mark.parametrize("actor", [OWNER, ADMIN])
def test_admins_and_owners_start_stop_and_restart(
    panel: Panel, action: str, actor: str
) -> None:
    panel.act(actor, "east", action)

    assert panel.provider.asked == [(action, "host-east")]


@pytest.mark.parametrize("action", PAST)
@pytest.mark.parametrize(
    ("actor", "name"), [(MODERATOR, "Moderator"), (VIEWER, "Viewer")]
)
def test_moderators_and_viewers_do_not(
    panel: Panel, action: str, actor: str, name: str
) -> None:
    least = "Owner" if action == "wipe" else "Admin"

    text = panel.refusal(lambda: panel.act(actor, "east", action))

    assert text == (
        f"NotAuthorized: {actor!r} is {name}, and this takes {least} or above"
    )
    assert panel.provider.asked == []


def test_a_wipe_takes_an_owner(panel: Panel) -> None:
    text = panel.refusal(lambda: panel.act(ADMIN, "east", "wipe"))

    assert text == "NotAuthorized: 'Steam:2' is Admin, and this takes Owner or above"
    panel.act(OWNER, "east", "wipe")
    assert panel.provider.server("host-east").worlds == 2


def test_a_command_takes_an_admin(panel: Panel) -> None:
    text = panel.refusal(
        lambda: panel.db.call(hosting_command, MODERATOR, "east", "save")
    )

    assert text.startswith("NotAuthorized: ")
    assert panel.provider.asked == []


def test_an_admin_who_is_not_logged_in_is_refused(panel: Panel) -> None:
    panel.db.call(panel_end_session, ADMIN)

    for actor in (ADMIN, "Steam:9", ""):
        text = panel.refusal(partial(panel.act, actor, "east", "stop"))
        assert text == f"NotAuthorized: {actor!r} is not logged in to the panel"


def test_a_session_that_has_expired_is_none(panel: Panel) -> None:
    panel.hub.clock.advance(8 * 3600 + 1)

    text = panel.refusal(lambda: panel.act(ADMIN, "east", "stop"))

    assert text == (
        "NotAuthorized: the panel session of 'Steam:2' has expired; it began at "
        f"{START} and lasts 8 h"
    )


@pytest.mark.parametrize("who", [EAST, STRANGER])
def test_only_the_gateway_takes_orders_for_admins(
    panel: Panel, who: qsdb.Identity
) -> None:
    caller = panel.db.caller(who)
    for call in (
        partial(caller.call, hosting_action, OWNER, "east", "wipe"),
        partial(caller.call, hosting_command, OWNER, "east", "save"),
    ):
        text = panel.refusal(call)
        assert text == "NotAuthorized: the caller is not the owner of the platform"
    assert panel.provider.asked == []


def test_the_steps_of_an_action_are_no_calls_for_clients(panel: Panel) -> None:
    calls: list[tuple[object, ...]] = [
        ("hosting_permit", OWNER, "east", "wipe"),
        ("hosting_record", OWNER, "east", "wipe", "done", "wiped east"),
    ]
    for name, *arguments in calls:
        with assert_no_change(panel.db), pytest.raises(qsdb.NotFoundError):
            panel.db.caller(STRANGER).call(str(name), *arguments)


@pytest.mark.parametrize("action", ["", "Stop", "command", "delete", "stop "])
def test_an_action_that_there_is_not_is_refused(panel: Panel, action: str) -> None:
    text = panel.refusal(lambda: panel.act(OWNER, "east", action))

    assert text == (
        f"InvalidArgument: action {action!r} is none of start, stop, restart, wipe"
    )


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("", "command is empty, not 1 to 512 characters"),
        ("x" * 513, "command has 513 characters, more than 512"),
        ("   ", "command is not one line of printable text"),
        ("say hi\nop me", "command is not one line of printable text"),
        ("say \x1b[2J", "command is not one line of printable text"),
    ],
)
def test_a_command_that_is_none_is_refused(
    panel: Panel, command: str, why: str
) -> None:
    text = panel.refusal(lambda: panel.db.call(hosting_command, OWNER, "east", command))

    assert text == f"InvalidArgument: {why}"
    assert panel.provider.asked == []


def test_a_command_of_the_greatest_length_is_taken(panel: Panel) -> None:
    command = "x" * 512

    assert panel.db.call(hosting_command, OWNER, "east", command) == f"> {command}"


def test_a_server_that_is_not_registered_is_unknown(panel: Panel) -> None:
    text = panel.refusal(lambda: panel.act(OWNER, "north", "start"))

    assert text == "NotFound: there is no server 'north'"


def test_a_server_without_a_hosting_id_is_refused(panel: Panel) -> None:
    panel.hub.register(STRANGER, "home", texts={"hosting_id": ""})

    text = panel.refusal(lambda: panel.act(OWNER, "home", "start"))

    assert text == "WrongState: server 'home' has no hosting id"


def test_a_hosting_id_that_two_servers_claim_is_refused_for_both(panel: Panel) -> None:
    panel.hub.register(STRANGER, "rogue", texts={"hosting_id": "host-east"})

    for mine, other in (("rogue", "east"), ("east", "rogue")):
        text = panel.refusal(partial(panel.act, OWNER, mine, "wipe"))
        assert text == (
            f"Conflict: servers {mine!r} and {other!r} have the same hosting id "
            "'host-east'"
        )
    panel.act(OWNER, "west", "wipe")
    assert panel.provider.asked == [("wipe", "host-west")]


def test_a_second_action_within_a_minute_is_refused(panel: Panel) -> None:
    panel.act(ADMIN, "east", "stop")
    panel.hub.clock.advance(59.5)

    text = panel.refusal(lambda: panel.act(OWNER, "east", "start"))
    command = panel.refusal(
        lambda: panel.db.call(hosting_command, OWNER, "east", "save")
    )

    assert (
        text
        == command
        == (
            "WrongState: there may be one action on a server each 60 s; "
            "the next on 'east' in 0.5 s"
        )
    )
    panel.act(ADMIN, "west", "stop")
    panel.hub.clock.advance(0.5)
    panel.act(ADMIN, "east", "start")
    assert panel.provider.asked == [
        *(("stop", "host-east"), ("stop", "host-west"), ("start", "host-east")),
    ]


def test_whoever_may_not_act_uses_no_turn_up(panel: Panel) -> None:
    panel.refusal(lambda: panel.act(MODERATOR, "east", "stop"))
    panel.refusal(lambda: panel.act(ADMIN, "east", "wipe"))

    panel.act(ADMIN, "east", "stop")

    assert panel.provider.asked == [("stop", "host-east")]
