import asyncio
import logging

import pytest

import qsdb
from examples.qsbridge import (
    PanelAuditLog,
    hosting_action,
    hosting_command,
    platform,
)
from examples.qsbridge.hosting.desks import hosting_desk
from examples.qsbridge.hosting.memory import MemoryProvider
from tests.examples.hosting_panel import (
    ADMIN,
    OWNER,
    Panel,
    log_admins_in,
    rent_servers,
    watched,
)
from tests.examples.hosting_server import KEY, provider_at, says, serving
from tests.examples.hub import Hub


def test_clients_call_it_over_a_connection(panel: Panel) -> None:
    with panel.db.connect(panel.db.owner) as gateway:
        gateway.procedures.hosting_action(ADMIN, "east", "stop")
        assert gateway.procedures.hosting_command(ADMIN, "west", "save") == "> save"

    assert [action for _, action, _, _ in panel.audit()] == [
        *("hosting_stop", "hosting_command"),
    ]


def test_an_event_loop_goes_on_meanwhile(panel: Panel) -> None:
    async def both() -> list[str]:
        texts = await asyncio.gather(
            panel.db.call_async(hosting_action, ADMIN, "east", "stop"),
            panel.db.call_async(hosting_command, ADMIN, "west", "save"),
        )
        return [*texts]

    assert asyncio.run(both()) == ["", "> save"]


def test_without_a_provider_every_order_is_refused(empty: Hub) -> None:
    rent_servers(empty)
    log_admins_in(empty.db)
    panel = Panel(empty, MemoryProvider([]))

    texts = [
        panel.refusal(lambda: panel.act(OWNER, "east", "stop")),
        panel.refusal(lambda: empty.db.call(hosting_command, OWNER, "east", "save")),
    ]

    why = (
        "WrongState: no hosting provider is at hand in this process; python -m "
        "examples.qsbridge serve has the one that BISECT_API_KEY and BISECT_API_URL "
        "name"
    )
    assert texts == [why, why]


def test_a_desk_is_closed_with_its_block_and_opened_once(empty: Hub) -> None:
    provider = watched(empty, lambda _order, _hosting_id: None)
    panel = Panel(empty, provider)
    with hosting_desk(empty.db, provider) as desk:
        assert desk.provider is provider
        with (
            pytest.raises(ValueError, match="is open at this database already"),
            hosting_desk(empty.db, provider),
        ):
            pass
        panel.act(OWNER, "east", "stop")

    text = panel.refusal(lambda: panel.act(OWNER, "west", "stop"))
    assert text.startswith("WrongState: no hosting provider")
    with hosting_desk(empty.db, provider):
        panel.act(OWNER, "west", "stop")


def test_each_database_has_a_desk_of_its_own(panel: Panel, empty: Hub) -> None:
    with qsdb.Database(platform, clock=empty.clock) as other:
        hub = Hub(other, empty.clock)
        second = Panel(hub, watched(hub, lambda _order, _hosting_id: None))
        with hosting_desk(other, second.provider):
            panel.act(OWNER, "east", "stop")
            second.act(OWNER, "east", "wipe")

    assert panel.provider.asked == [("stop", "host-east")]
    assert second.provider.asked == [("wipe", "host-east")]


def test_the_same_over_http_from_the_button_to_the_provider(empty: Hub) -> None:
    rent_servers(empty)
    log_admins_in(empty.db)
    panel = Panel(empty, MemoryProvider([]))
    with (
        serving(says(200, {"message": "stopping"}), says(401)) as server,
        hosting_desk(empty.db, provider_at(server.url)),
    ):
        said = panel.act(ADMIN, "east", "stop")
        refused = panel.refusal(lambda: panel.act(ADMIN, "west", "stop"))

        paths = [request.path for request in server.received]
    assert said == "stopping"
    assert refused == (
        "WrongState: server 'west' was not stopped: "
        "the provider refuses the API key (401)"
    )
    assert paths == [f"/api/servers/host-{each}/stop" for each in ("east", "west")]
    assert panel.audit() == [(ADMIN, "hosting_stop", "done", "stopped east")]
    assert empty.server("east").status == "offline"


def test_the_api_key_is_in_no_row_and_no_line_of_the_log(
    empty: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    rent_servers(empty)
    log_admins_in(empty.db)
    echo = {"message": f"Bearer {KEY}"}
    with (
        serving(says(200, echo), says(403, echo), says(500, echo)) as server,
        hosting_desk(empty.db, provider_at(server.url)),
    ):
        said = empty.db.call(hosting_action, OWNER, "east", "wipe")
        for _ in range(2):
            with pytest.raises(qsdb.ReducerError):
                empty.db.call(hosting_action, OWNER, "west", "wipe")

    assert said == "Bearer (API key)"
    assert KEY not in caplog.text
    with empty.db.read() as tx:
        assert KEY not in "".join(row.details for row in tx[PanelAuditLog])
