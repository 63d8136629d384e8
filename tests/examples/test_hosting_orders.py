"""Orders at random, by everybody, with time passing and a provider that fails.

**Strategy.** Hypothesis draws orders; a few lines of dictionaries foretell what becomes
of each. **Invariants.** An order ends as foretold; the provider is asked for what was
allowed and for nothing else; the log has an entry for each order that was, or may have
been, carried out, and no other; statuses are those of the last certain orders; and on
no server are two orders that count less than 60 s apart.
"""

import os
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qsdb
from examples.qsbridge import hosting_command, platform
from examples.qsbridge.hosting.desks import hosting_desk
from examples.qsbridge.hosting.failures import (
    HostingError,
    HostingTimeoutError,
    KeyRefusedError,
    ProviderBusyError,
    ProviderFailedError,
    UnreachableError,
)
from examples.qsbridge.hosting.memory import MemoryProvider
from examples.qsbridge.hub.refusals import refusal_class
from qsdb.testing import FakeClock
from tests.examples.hosting_panel import (
    ADMIN,
    MODERATOR,
    OWNER,
    STATUS_AFTER,
    VIEWER,
    Panel,
    log_admins_in,
    rent_servers,
)
from tests.examples.hub import START, Hub

EXAMPLES = 500 if os.environ.get("QSDB_TEST_PROFILE") == "nightly" else 25
ALLOWED = {
    OWNER: {"start", "stop", "restart", "wipe", "command"},
    ADMIN: {"start", "stop", "restart", "command"},
    MODERATOR: set[str](),
    VIEWER: set[str](),
}
UNDONE = (UnreachableError, KeyRefusedError)
FAILURES = (*UNDONE, ProviderBusyError, HostingTimeoutError, ProviderFailedError)


@dataclass(frozen=True)
class Click:
    """One order, and how long after the one before it comes."""

    seconds: float
    actor: str
    server_id: str
    order: str
    failure: type[HostingError] | None


CLICKS = st.lists(
    st.builds(
        Click,
        seconds=st.sampled_from([0.0, 1.0, 30.0, 59.0, 60.0, 61.0]),
        actor=st.sampled_from([OWNER, OWNER, ADMIN, MODERATOR, VIEWER]),
        server_id=st.sampled_from(["east", "west", "north"]),
        order=st.sampled_from(sorted(ALLOWED[OWNER])),
        failure=st.sampled_from([None, None, None, *FAILURES]),
    ),
    max_size=12,
)


@dataclass
class Foretold:
    """What the clicks so far have come to."""

    now: float = 0.0
    counted: dict[str, list[float]] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    entries: list[tuple[str, str, str]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def end_of(self, click: Click) -> str:
        """Give the class with which a click is refused, or an empty text."""
        self.now += click.seconds
        server_id = click.server_id
        if click.order not in ALLOWED[click.actor]:
            return "NotAuthorized"
        if server_id not in self.counted:
            return "NotFound"
        counted = self.counted[server_id]
        if counted and self.now - counted[-1] < 60:
            return "WrongState"
        self.asked.append((click.order, f"host-{server_id}"))
        is_standing = click.order == "command" and server_id not in self.running
        if click.failure in UNDONE or (click.failure is None and is_standing):
            return "WrongState"
        counted.append(self.now)
        if click.failure is not ProviderBusyError:
            outcome = "unknown" if click.failure else "done"
            self.entries.append((click.actor, f"hosting_{click.order}", outcome))
        if click.failure is not None:
            return "WrongState"
        self._do(server_id, click.order)
        return ""

    def _do(self, server_id: str, order: str) -> None:
        self.statuses[server_id] = STATUS_AFTER.get(order, self.statuses[server_id])
        if order == "stop":
            self.running.discard(server_id)
        elif order in {"start", "restart"}:
            self.running.add(server_id)


class MoodyProvider(MemoryProvider):
    """Fails the next order with what it is told, and says what it was asked for."""

    def __init__(self) -> None:
        super().__init__(["host-east", "host-west"], self._look)
        self.failure: type[HostingError] | None = None
        self.heard: list[tuple[str, str]] = []

    def _look(self, order: str, hosting_id: str) -> None:
        self.heard.append((order, hosting_id))
        if self.failure is not None:
            raise self.failure("it is in no mood")


def end_of(panel: Panel, click: Click) -> str:
    """Click, and give the class of the refusal, or an empty text."""
    try:
        if click.order == "command":
            panel.db.call(hosting_command, click.actor, click.server_id, "save")
        else:
            panel.act(click.actor, click.server_id, click.order)
    except qsdb.ReducerError as error:
        return refusal_class(str(error))
    return ""


@pytest.mark.slow
@settings(max_examples=EXAMPLES)
@given(CLICKS)
def test_orders_end_as_foretold(clicks: list[Click]) -> None:
    both = ("east", "west")
    foretold = Foretold(
        counted={each: [] for each in both},
        statuses=dict.fromkeys(both, "online"),
        running=set(both),
    )
    clock, provider = FakeClock(START), MoodyProvider()
    with qsdb.Database(platform, clock=clock) as db, hosting_desk(db, provider):
        panel = Panel(Hub(db, clock), provider)
        rent_servers(panel.hub)
        log_admins_in(db)
        for click in clicks:
            clock.advance(click.seconds)
            provider.failure = click.failure
            assert end_of(panel, click) == foretold.end_of(click), click
        statuses = {each: panel.hub.server(each).status for each in both}
        entries = [entry[:3] for entry in panel.audit()]

    assert provider.heard == foretold.asked
    assert statuses == foretold.statuses
    assert entries == foretold.entries
    for times in foretold.counted.values():
        assert all(later - earlier >= 60 for earlier, later in pairwise(times))
