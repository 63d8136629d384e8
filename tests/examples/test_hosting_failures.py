import logging
import threading
from pathlib import Path

import pytest

import qsdb
from examples.qsbridge import (
    ServerRegistry,
    hosting_action,
    hosting_command,
    panel_end_session,
    platform,
    server_heartbeat,
)
from examples.qsbridge.hosting.desks import hosting_desk
from examples.qsbridge.hosting.failures import (
    BadAnswerError,
    ConnectionCutError,
    HostingTimeoutError,
    KeyRefusedError,
    NothingDoneError,
    ProviderBusyError,
    ProviderFailedError,
    RequestRefusedError,
    UnknownOutcomeError,
    UnreachableError,
)
from examples.qsbridge.hosting.memory import MemoryProvider, RentedServer
from examples.qsbridge.hosting.provider import HostingAnswer
from qsdb.testing import FakeClock, assert_no_change
from tests.examples.hosting_panel import (
    ADMIN,
    OWNER,
    Panel,
    log_admins_in,
    rent_servers,
    watched,
)
from tests.examples.hub import EAST, START, STRANGER, Hub

UNDONE = (UnreachableError, KeyRefusedError, RequestRefusedError)
DOUBTS = (HostingTimeoutError, ConnectionCutError, ProviderFailedError, BadAnswerError)


@pytest.mark.parametrize("kind", UNDONE)
def test_when_nothing_was_done_nothing_is_written_and_one_may_ask_again(
    panel: Panel, kind: type[NothingDoneError]
) -> None:
    panel.provider.plan_failure(kind("the provider is on holiday"))

    text = panel.refusal(lambda: panel.act(OWNER, "east", "wipe"))

    assert text == "WrongState: server 'east' was not wiped: the provider is on holiday"
    panel.act(OWNER, "east", "wipe")
    assert panel.provider.server("host-east").worlds == 2


def test_a_busy_provider_is_left_alone_for_the_minute(panel: Panel) -> None:
    panel.provider.plan_failure(ProviderBusyError("not now", 30.0))

    text = panel.refusal(lambda: panel.act(OWNER, "east", "restart"))
    again = panel.refusal(lambda: panel.act(OWNER, "east", "restart"))

    assert text == "WrongState: server 'east' was not restarted: not now"
    assert again.endswith("the next on 'east' in 60.0 s")


def test_a_server_that_the_provider_does_not_know_is_not_found(panel: Panel) -> None:
    panel.hub.register(STRANGER, "north", texts={"hosting_id": "host-north"})

    text = panel.refusal(lambda: panel.act(OWNER, "north", "start"))

    assert text == (
        "NotFound: server 'north' was not started: "
        "the provider has no server 'host-north'"
    )


def test_a_command_that_is_refused_says_so(panel: Panel) -> None:
    panel.provider.stop("host-east")

    text = panel.refusal(lambda: panel.db.call(hosting_command, ADMIN, "east", "save"))

    assert text == (
        "WrongState: server 'east' was not given the command: "
        "server 'host-east' is not running"
    )


@pytest.mark.parametrize("kind", DOUBTS)
@pytest.mark.parametrize("is_done", [False, True])
def test_when_nobody_knows_the_log_says_so_and_the_status_stays(
    panel: Panel, kind: type[UnknownOutcomeError], *, is_done: bool
) -> None:
    panel.provider.plan_failure(kind("no answer"), is_done=is_done)
    before = panel.hub.server("east")

    with pytest.raises(qsdb.ReducerError) as caught:
        panel.act(OWNER, "east", "wipe")

    summary = "it is not known whether server 'east' was wiped: no answer"
    assert str(caught.value) == f"WrongState: {summary}; look at it before asking again"
    assert panel.hub.server("east") == before
    assert panel.audit() == [(OWNER, "hosting_wipe", "unknown", summary)]
    again = panel.refusal(lambda: panel.act(OWNER, "east", "wipe"))
    assert again.endswith("the next on 'east' in 60.0 s")


def test_the_cause_of_a_refusal_is_what_the_provider_failed_with(panel: Panel) -> None:
    for error in (KeyRefusedError("who are you"), HostingTimeoutError("no answer")):
        panel.provider.plan_failure(error)
        with pytest.raises(qsdb.ReducerError) as caught:
            panel.act(OWNER, "east", "stop")
        assert caught.value.__cause__ is error


def test_the_log_of_the_process_tells_of_each_order_before_and_after(
    panel: Panel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "qsdb.qs-bridge-platform.hosting_action")
    panel.act(OWNER, "east", "stop")
    panel.provider.plan_failure(KeyRefusedError("who are you"))
    panel.provider.plan_failure(HostingTimeoutError("no answer"))
    for _ in range(2):
        with pytest.raises(qsdb.ReducerError):
            panel.act(OWNER, "west", "stop")

    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert lines == [
        ("INFO", "Steam:1 asks to stop east"),
        ("INFO", "the provider has done: stop east"),
        ("INFO", "Steam:1 asks to stop west"),
        ("WARNING", "server 'west' was not stopped: who are you"),
        ("INFO", "Steam:1 asks to stop west"),
        ("ERROR", "it is not known whether server 'west' was stopped: no answer"),
    ]


def test_others_write_while_the_provider_is_asked(empty: Hub) -> None:
    db = empty.db

    def look(_order: str, _hosting_id: str) -> None:
        db.caller(EAST).call(server_heartbeat, 5)

    with hosting_desk(db, watched(empty, look)):
        db.call(hosting_action, ADMIN, "east", "restart")

    server = empty.server("east")
    assert (server.status, server.online_count) == ("restarting", 5)


def test_what_was_done_is_written_also_if_its_admin_has_logged_out(empty: Hub) -> None:
    db = empty.db

    def look(_order: str, _hosting_id: str) -> None:
        db.call(panel_end_session, ADMIN)

    panel = Panel(empty, watched(empty, look))
    with hosting_desk(db, panel.provider):
        panel.act(ADMIN, "east", "stop")

    assert panel.audit() == [(ADMIN, "hosting_stop", "done", "stopped east")]
    assert empty.server("east").status == "offline"


def test_what_was_done_is_written_also_if_the_server_has_gone(empty: Hub) -> None:
    db = empty.db

    def look(_order: str, _hosting_id: str) -> None:
        with db.write() as tx:
            tx[ServerRegistry].delete_by_key("east")

    panel = Panel(empty, watched(empty, look))
    with hosting_desk(db, panel.provider):
        panel.act(OWNER, "east", "wipe")

    assert panel.audit() == [(OWNER, "hosting_wipe", "done", "wiped east")]


def test_of_two_admins_who_click_together_one_is_refused(empty: Hub) -> None:
    is_asked, may_go_on = threading.Event(), threading.Event()

    def look(_order: str, _hosting_id: str) -> None:
        is_asked.set()
        may_go_on.wait()

    panel = Panel(empty, watched(empty, look))
    with hosting_desk(empty.db, panel.provider):
        first = empty.db.start(hosting_action, ADMIN, "east", "restart")
        is_asked.wait()
        text = panel.refusal(lambda: panel.act(OWNER, "east", "wipe"))
        may_go_on.set()
        first.result()

    assert text == "WrongState: an action on server 'east' is still going on"
    assert panel.provider.asked == [("restart", "host-east")]


def test_a_provider_that_is_broken_uses_its_turn_up(empty: Hub) -> None:
    def look(_order: str, _hosting_id: str) -> None:
        raise LookupError("a mistake in the provider")

    panel = Panel(empty, watched(empty, look))
    with hosting_desk(empty.db, panel.provider):
        with assert_no_change(empty.db), pytest.raises(LookupError):
            panel.act(ADMIN, "east", "stop")
        assert panel.refusal(lambda: panel.act(ADMIN, "east", "stop")).endswith(
            "60.0 s"
        )


class DyingProvider(MemoryProvider):
    """Carries an order out, and then takes the platform's process with it."""

    def __init__(self, db: qsdb.Database) -> None:
        super().__init__(["host-east"])
        self.db = db

    def wipe(self, hosting_id: str) -> HostingAnswer:
        answer = super().wipe(hosting_id)
        self.db.close()
        return answer


def test_a_process_that_dies_before_it_has_written_leaves_a_line_in_its_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "qsdb.qs-bridge-platform.hosting_action")
    clock = FakeClock(START)
    with qsdb.Database(platform, tmp_path, clock=clock) as db:
        hub = Hub(db, clock)
        rent_servers(hub)
        log_admins_in(db)
        before, provider = hub.server("east"), DyingProvider(db)
        with hosting_desk(db, provider), pytest.raises(qsdb.ClosedError):
            db.call(hosting_action, OWNER, "east", "wipe")

    assert provider.server("host-east") == RentedServer(worlds=2)
    assert caplog.messages[-1] == "the provider has done: wipe east"
    with qsdb.Database(platform, tmp_path, clock=clock) as db:
        hub = Hub(db, clock)
        assert Panel(hub, provider).audit() == []
        assert hub.server("east") == before
        clock.advance(30)
        db.caller(EAST).call(server_heartbeat, 0)
        assert hub.server("east").status == "online"
