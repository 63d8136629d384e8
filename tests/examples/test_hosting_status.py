from functools import partial
from itertools import pairwise, product

import pytest

import qsdb
from examples.qsbridge import ServerRegistry, server_heartbeat, server_set_status
from qsdb.testing import assert_no_change
from tests.examples.acting import audit
from tests.examples.hub import EAST, STRANGER, WEST, Hub

STATUSES = ("online", "offline", "restarting", "wiping")


@pytest.mark.parametrize(("old", "new"), [*product(STATUSES, STATUSES)])
def test_any_status_may_follow_any_other(hub: Hub, old: str, new: str) -> None:
    with hub.db.write() as tx:
        tx[ServerRegistry].update(hub.server("east").replace(status=old))
    before, other = hub.server("east"), hub.server("west")
    hub.clock.advance(5)

    hub.db.call("server_set_status", "east", new)

    assert hub.server("east") == before.replace(status=new)
    assert hub.server("west") == other


def test_nobody_is_on_a_server_that_is_offline(hub: Hub) -> None:
    for status in STATUSES:
        hub.db.caller(EAST).call(server_heartbeat, 7)
        hub.db.call(server_set_status, "east", status)

        count = 0 if status == "offline" else 7
        assert hub.server("east").online_count == count


def test_presence_stays_while_a_server_is_away_for_a_moment(hub: Hub) -> None:
    hub.join(EAST, "p1")
    presence = hub.presence("p1")

    for status in STATUSES:
        hub.db.call(server_set_status, "east", status)

    assert presence is not None
    assert hub.presence("p1") == presence


def test_the_next_heartbeat_tells_what_a_server_really_does(hub: Hub) -> None:
    hub.db.call(server_set_status, "east", "wiping")

    hub.db.caller(EAST).call(server_heartbeat, 2)

    server = hub.server("east")
    assert (server.status, server.online_count) == ("online", 2)


def test_a_status_that_a_server_has_makes_no_commit(hub: Hub) -> None:
    offsets = [hub.db.offset]
    for _ in range(3):
        hub.db.call(server_set_status, "east", "restarting")
        offsets.append(hub.db.offset)

    assert [b - a for a, b in pairwise(offsets)] == [1, 0, 0]


def test_a_status_that_changes_is_in_the_audit_log(hub: Hub) -> None:
    for status in ("wiping", "wiping", "online"):
        hub.db.call(server_set_status, "east", status)

    assert audit(hub) == [
        "owner set_status: set the status of east from online to wiping",
        "owner set_status: set the status of east from wiping to online",
    ]


def test_only_the_owner_sets_a_status(hub: Hub) -> None:
    for who in (EAST, WEST, STRANGER):
        text = hub.refusal(
            partial(hub.db.caller(who).call, server_set_status, "east", "offline")
        )
        assert text == "NotAuthorized: the caller is not the owner of the platform"


@pytest.mark.parametrize("status", ["", "Running", "Online", "degraded", "online "])
def test_a_status_that_there_is_not_is_refused(hub: Hub, status: str) -> None:
    text = hub.refusal(partial(hub.db.call, server_set_status, "east", status))

    assert text == (
        f"InvalidArgument: status {status!r} is none of "
        "online, offline, restarting, wiping"
    )


@pytest.mark.parametrize("server_id", ["north", "", "EAST"])
def test_the_status_of_an_unknown_server_is_refused(hub: Hub, server_id: str) -> None:
    text = hub.refusal(partial(hub.db.call, server_set_status, server_id, "offline"))

    assert text == f"NotFound: there is no server {server_id!r}"


def test_arguments_of_the_wrong_kind_are_refused_before_the_call(hub: Hub) -> None:
    for arguments in (("east",), ("east", 1), (b"east", "online"), ()):
        with assert_no_change(hub.db), pytest.raises(qsdb.ArgumentError):
            hub.db.call("server_set_status", *arguments)
