"""The dashboard while it runs: what it knows, and how it draws."""

import io
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qsdb
from examples.qsbridge import (
    BanEntry,
    ClusterOverview,
    Flow,
    PanelAuditLog,
    PlayerMovement,
    admin_unban,
    platform,
)
from examples.qsbridge.dashboard.live import Dashboard, HubClock
from examples.qsbridge.dashboard.pace import Pace
from examples.qsbridge.dashboard.picture import Picture, PresentPlayer
from examples.qsbridge.dashboard.watch import NEWEST_MAX, Watch
from examples.terminal.lines import Line, Part, line
from examples.terminal.screen import Screen
from qsdb import TimeDuration, Timestamp
from qsdb.testing import FakeClock
from tests.examples.hub import EAST, START, Hub


def after(seconds: float) -> Timestamp:
    return START + TimeDuration.from_seconds(seconds)


# What it knows.


def slow_picture(db: qsdb.Database, now: Timestamp) -> Picture:
    """Look through all rows; the overview is the view's."""
    (overview,) = db.sql("SELECT * FROM cluster_overview(:now)", {"now": now}).rows
    assert isinstance(overview, ClusterOverview)
    servers = db.sql("SELECT * FROM cluster_servers").rows
    with db.read() as tx:
        bans = [row for row in tx[BanEntry] if hours_old(row.banned_at, now) <= 24]
        log = [row for row in tx[PanelAuditLog] if hours_old(row.timestamp, now) <= 24]
        moves = [row for row in tx[PlayerMovement] if hours_old(row.moved_at, now) <= 1]
    places = [(row.from_server_id, row.to_server_id) for row in moves]
    flows = [Flow(*place, places.count(place)) for place in set(places)]
    return Picture(
        now,
        overview,
        sorted(servers, key=lambda row: str(row.server_id)),
        sorted(bans, key=lambda row: -row.ban_id)[:NEWEST_MAX],
        sorted(log, key=lambda row: -row.log_id)[:NEWEST_MAX],
        sorted(flows, key=lambda row: (-row.count, *places_of(row)))[:NEWEST_MAX],
        players=[],
    )


def places_of(flow: Flow) -> tuple[str, str]:
    return flow.from_server_id, flow.to_server_id


def hours_old(then: Timestamp, now: Timestamp) -> float:
    return (now - then).micros / 3_600_000_000


def move(db: qsdb.Database, clock: FakeClock, place: str) -> None:
    with db.write() as tx:
        tx[PlayerMovement].insert(
            PlayerMovement("anna", "", place, clock.now(), "join")
        )


def log(db: qsdb.Database, clock: FakeClock, text: str) -> None:
    with db.write() as tx:
        tx[PanelAuditLog].insert(PanelAuditLog("owner", "kick", text, clock.now()))


def ban(db: qsdb.Database, _: FakeClock, player: str) -> None:
    db.call("admin_ban", player, player, "aimbot", 2)


Act = Callable[[qsdb.Database, FakeClock, str], None]
acts = st.tuples(
    st.sampled_from((move, log, ban)),
    st.sampled_from(("east", "west")),
    st.sampled_from((0, 60, 1800, 3600, 90_000)),
)


@given(steps=st.lists(acts, max_size=8))
@settings(max_examples=settings().max_examples // 16)
@pytest.mark.slow
def test_a_watch_shows_what_all_rows_say_also_after_its_windows_are_renewed(
    steps: list[tuple[Act, str, int]],
) -> None:
    clock = FakeClock(START)
    with qsdb.Database(platform, clock=clock, scheduler="manual") as db:
        watch = Watch(db)
        for act, name, seconds in steps:
            act(db, clock, name)
            clock.advance(seconds)
            assert watch.picture(clock.now()) == slow_picture(db, clock.now())
        watch.close()


def test_a_watch_says_whether_something_has_changed(hub: Hub) -> None:
    watch = Watch(hub.db)
    told = [watch.has_changed]
    watch.picture(hub.now)
    told.append(watch.has_changed)

    hub.ban("anna")
    told.append(watch.has_changed)

    assert told == [True, False, True]
    assert watch.picture(hub.now).overview.active_bans == 1


def test_a_watch_that_is_closed_hears_no_more(hub: Hub) -> None:
    watch = Watch(hub.db)
    watch.picture(hub.now)
    watch.close()

    hub.ban("anna")

    assert not watch.has_changed
    assert hub.db.stats().live_queries == 0


def test_the_latest_time_is_that_of_the_newest_row(empty: Hub) -> None:
    assert Watch(empty.db).latest == Timestamp.EPOCH

    empty.register(EAST, "east")
    watch = Watch(empty.db)
    assert watch.latest == START
    empty.clock.advance(5)
    empty.ban("anna")

    assert watch.latest == after(5)


# How it draws.


class Terminal(io.StringIO):
    """A stream that is a terminal, or is none."""

    def __init__(self, *, is_terminal: bool = True) -> None:
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal

    def taken(self) -> str:
        """Give what was written since the last time."""
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text


def lines_of(*texts: str) -> list[Line]:
    return [line(Part(text, "good")) for text in texts]


def test_a_terminal_gets_the_lines_that_have_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    out = Terminal()
    screen = Screen(out, {"NO_COLOR": "1"})

    screen.show(lines_of("one", "two", "three"))
    assert out.taken() == (
        "\x1b[?2026h\x1b[?1049h\x1b[?25l\x1b[2J\x1b[1;1Hone\x1b[K\x1b[2;1Htwo\x1b[K"
        "\x1b[3;1Hthree\x1b[K\x1b[?2026l"
    )
    screen.show(lines_of("one", "2", "three"))
    assert out.taken() == "\x1b[?2026h\x1b[2;1H2\x1b[K\x1b[?2026l"
    screen.show(lines_of("one", "2", "three"))
    assert out.taken() == ""
    screen.show(lines_of("one"))
    assert out.taken() == "\x1b[?2026h\x1b[2;1H\x1b[J\x1b[?2026l"
    monkeypatch.setenv("COLUMNS", "70")
    screen.show(lines_of("one"))
    assert out.taken() == "\x1b[?2026h\x1b[2J\x1b[1;1Hone\x1b[K\x1b[?2026l"

    screen.close()
    assert out.taken() == "\x1b[?25h\x1b[?1049lone\n"
    screen.close()
    assert out.taken() == ""


def test_the_terminal_is_restored_when_something_goes_wrong() -> None:
    out = Terminal()

    with pytest.raises(ZeroDivisionError), Screen(out, {}) as screen:
        screen.show(lines_of("one"))
        raise ZeroDivisionError

    assert out.taken().endswith("\x1b[?25h\x1b[?1049l\x1b[32mone\x1b[0m\n")


@pytest.mark.parametrize(
    ("is_terminal", "environment", "shown"),
    [
        (True, {}, "\x1b[32mone\x1b[0m"),
        (True, {"NO_COLOR": ""}, "\x1b[32mone\x1b[0m"),
        (True, {"NO_COLOR": "1"}, "one"),
        (True, {"TERM": "dumb"}, "one"),
        (False, {}, "one"),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    *, is_terminal: bool, environment: dict[str, str], shown: str
) -> None:
    out = Terminal(is_terminal=is_terminal)
    with Screen(out, environment) as screen:
        screen.show(lines_of("one"))

    assert out.taken().rpartition("\x1b[?1049l")[2] == f"{shown}\n"


def test_what_is_no_terminal_gets_the_last_frame_as_text() -> None:
    out = Terminal(is_terminal=False)
    with Screen(out, {}) as screen:
        screen.show(lines_of("one"))
        screen.show(lines_of("two"))
        assert out.taken() == ""
        assert screen.height is None

    assert out.taken() == "two\n"


def test_an_encoding_without_boxes_gets_plain_characters() -> None:
    buffer = io.BytesIO()
    out = io.TextIOWrapper(buffer, "ascii", "backslashreplace")
    with Screen(out, {}) as screen:
        screen.show([line("╭─│█▍·…µ╯ ö")])

    assert buffer.getvalue() == b"+-|#..~u+ \\xf6\n"


def test_it_draws_when_something_has_changed_and_was_seen(hub: Hub) -> None:
    out, seconds = Terminal(), [0.0]
    dashboard = Dashboard(hub.db, Screen(out, {}), "hub", lambda: seconds[0])
    dashboard.refresh(hub.now)
    assert "QS-Bridge" in out.taken()

    seconds[0] += 1
    dashboard.refresh(hub.now)
    assert out.taken() == "", "nothing has changed"

    hub.ban("anna")
    dashboard.refresh(hub.now)
    assert "otter" in out.taken()
    hub.db.call(admin_unban, "anna")
    seconds[0] += 0.09
    dashboard.refresh(hub.now)
    assert out.taken() == "", "ten frames a second are enough"
    seconds[0] += 0.02
    dashboard.refresh(hub.now)
    assert "lifted" in out.taken()

    seconds[0] += 1
    dashboard.refresh(after(0.9))
    assert out.taken() == ""
    dashboard.refresh(after(1))
    assert "1 s ago" in out.taken(), "time has passed on the hub"


def test_drawing_takes_a_tenth_of_the_time_at_most(hub: Hub) -> None:
    out, seconds = Terminal(), iter((0.0, 0.0, 0.5, 4.9, 5.1, 5.1, 5.1))
    dashboard = Dashboard(hub.db, Screen(out, {}), "hub", lambda: next(seconds))
    dashboard.refresh(hub.now)  # looks at 0, draws from 0 to 0.5
    out.taken()

    hub.ban("anna")
    dashboard.refresh(hub.now)
    assert out.taken() == ""
    dashboard.refresh(hub.now)
    assert "otter" in out.taken()


def test_without_a_terminal_only_the_end_is_drawn(hub: Hub) -> None:
    out = Terminal(is_terminal=False)
    screen = Screen(out, {})
    dashboard = Dashboard(hub.db, screen, "hub")

    dashboard.refresh(hub.now)
    screen.close()
    assert out.taken() == ""
    dashboard.draw(hub.now)
    screen.close()
    assert out.taken().startswith("QS-Bridge  hub")


def test_a_hub_that_is_served_is_seen_at_the_time_of_here() -> None:
    here = [after(120)]
    clock = HubClock(lambda: here[0])
    assert clock.now(Timestamp.EPOCH) == after(120), "nothing was ever written"
    assert clock.now(START) == after(120), "silent for two minutes"
    here[0] = after(3600)
    assert clock.now(START) == after(3600), "its process may have ended"
    assert clock.now(after(3601)) == after(3600)
    assert not clock.is_past


@pytest.mark.parametrize("seconds", [24 * 3600 + 1, -91])
def test_a_recording_is_seen_as_of_its_newest_row(seconds: int) -> None:
    clock = HubClock(lambda: after(seconds))
    assert clock.now(START) == START
    assert clock.is_past
    assert clock.now(after(seconds)) == after(seconds)
    assert not clock.is_past, "it goes on"


def test_a_hub_is_heard_when_it_sweeps_and_when_it_writes() -> None:
    clock = FakeClock(START)
    with qsdb.Database(platform, clock=clock) as db:
        watch = Watch(db)
        assert watch.heard == START, "it has just been made"
        clock.advance(31)
        db.run_due()
        assert watch.heard == after(30)
        clock.advance(4)
        db.call("admin_ban", "anna", "otter", "aimbot", None)
        assert watch.heard == after(35)


def test_a_recording_says_so_in_the_headline(hub: Hub) -> None:
    out = Terminal(is_terminal=False)
    with Screen(out, {}) as screen:
        Dashboard(hub.db, screen, "hub").draw(hub.now, is_past=True)
    assert "as of 2026-03-06 18:00:00 UTC\n" in out.taken()


def test_players_are_shown_by_the_names_that_bans_have(hub: Hub) -> None:
    hub.ban("ben")
    hub.db.call(admin_unban, "ben")
    for number, player in enumerate(("anna", "ben")):
        hub.clock.advance(number)
        hub.join(EAST, player)

    picture = Watch(hub.db).picture(hub.now)

    assert picture.players == [
        PresentPlayer("ben", "otter", "east", after(1)),
        PresentPlayer("anna", "", "east", START),
    ]


def test_events_are_played_so_many_times_as_fast() -> None:
    seconds = [50.0]
    told: list[Timestamp] = []

    def sleep(length: float) -> None:
        seconds[0] += length

    pace = Pace(100, lambda: seconds[0], sleep)
    pace.wait(START.micros, told.append)
    assert (seconds, told) == ([50.0], []), "the first is not waited for"

    pace.wait(after(25).micros, told.append)
    assert told == [START, after(10), after(20)]
    assert seconds == [50.25]

    seconds[0] += 1
    pace.wait(after(100).micros, told.append)
    assert seconds == [51.25], "nor is one that is late"


def test_at_infinite_speed_nothing_is_waited_for() -> None:
    pace = Pace(float("inf"), lambda: 0.0, lambda _: pytest.fail("it waits"))

    for seconds in (0, 10, 5):
        pace.wait(after(seconds).micros, lambda _: None)
