"""The layout of the dashboard: widths, tables, boxes, and whole frames of any cluster.

Invariants: a frame's lines are all as wide as the terminal, or as a frame can be; there
are no more of them than it has; no control character is in them.
"""

import doctest
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.qsbridge import BanEntry, Flow, PanelAuditLog, ServerOverview
from examples.qsbridge.dashboard import panels
from examples.qsbridge.dashboard.frames import WIDTH_MAX, WIDTH_MIN, frame
from examples.qsbridge.dashboard.picture import Picture, PresentPlayer
from examples.qsbridge.hub.views import summarize
from examples.terminal import lines as lines_module
from examples.terminal.boxes import beside, box
from examples.terminal.lines import (
    Line,
    Part,
    cells,
    clip,
    fit,
    line,
    paint,
    width_of,
)
from examples.terminal.tables import Column, table
from qsdb import TimeDuration, Timestamp
from tests.examples.hub import START

laws = settings(max_examples=settings().max_examples // 8)
frame_laws = settings(max_examples=settings().max_examples // 10)
WIDE = ("東京サーバ", "🦊🦊", "e\u0301" * 9)
texts = st.text(max_size=30) | st.sampled_from((*WIDE, "\x1b[31m", "a\nb"))
printable = st.text(
    st.characters(exclude_categories=("C", "Z")), max_size=30
) | st.sampled_from(WIDE)


def text_of(parts: Line) -> str:
    return "".join(part.text for part in parts)


def read(lines: list[Line]) -> list[str]:
    return [text_of(each).rstrip() for each in lines]


def test_doctests_of_widths_hold() -> None:
    assert doctest.testmod(lines_module).failed == 0


@given(text=printable, width=st.integers(0, 40))
@laws
def test_clipped_text_fits_and_is_the_beginning(text: str, width: int) -> None:
    clipped = clip(text, width)

    assert cells(clipped) <= width
    if cells(text) <= width:
        assert clipped == text
    elif width > 0:
        assert clipped.endswith("…")
        assert text.startswith(clipped[:-1])
        # What was left out would not have fitted: the next letter takes 1 or 2.
        assert cells(clipped) >= width - 1


@given(parts=st.lists(printable, max_size=4), width=st.integers(0, 60))
@laws
def test_a_fitted_line_is_as_wide_as_asked(parts: list[str], width: int) -> None:
    assert width_of(fit(line(*parts), width)) == width


def test_styles_do_not_count_and_are_left_out_without_colours() -> None:
    parts = line(Part("on", "good"), "line", Part("  ", "bad"))

    assert width_of(parts) == 8
    assert paint([parts], has_colours=False) == ["online  "]
    assert paint([parts], has_colours=True) == ["\x1b[32mon\x1b[0mline  "]


COLUMNS = (
    Column("name", least=4),
    Column("n", is_right=True),
    Column("note", least=6, rank=1),
    Column("extra", rank=2),
)
ROWS = ((line("anna"), line("7"), line("has a note"), line("extra")),)


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (40, ["name  n  note        extra", "anna  7  has a note  extra"]),
        (24, ["name  n  note      extra", "anna  7  has a n…  extra"]),
        (20, ["name  n  note", "anna  7  has a note"]),
        (16, ["name  n  note", "anna  7  has a …"]),
        (12, ["name  n", "anna  7"]),
        (5, ["name…", "anna…"]),
    ],
)
def test_columns_shrink_and_then_go_by_rank(width: int, expected: list[str]) -> None:
    made = table(COLUMNS, ROWS, width)

    assert [width_of(each) for each in made] == [width, width]
    assert read(made) == expected


def test_numbers_stand_at_the_right() -> None:
    rows = [(line("a"), line("7")), (line("b"), line("1000"))]

    made = read(table((Column("x"), Column("n", is_right=True)), rows, 9))

    assert made == ["x     n", "a     7", "b  1000"]


def test_a_box_has_a_title_and_equal_lines() -> None:
    assert read(box("Bans", [line("one"), line("much too long")], 12, 5)) == [
        "╭─ Bans ───╮",
        "│ one      │",
        "│ much to… │",
        "│          │",
        "╰──────────╯",
    ]
    assert read(box("A long title", [], 10)) == ["╭─ A l… ─╮", "╰────────╯"]


def test_boxes_stand_side_by_side() -> None:
    assert read(beside(box("A", [], 8), box("B", [], 7))) == [
        "╭─ A ──╮ ╭─ B ─╮",
        "╰──────╯ ╰─────╯",
    ]


@pytest.mark.parametrize(
    ("part", "whole", "bar", "style"),
    [
        (0, 8, "····", "good"),
        (1, 8, "▌···", "good"),
        (5, 8, "██▌·", "good"),
        (7, 8, "███▌", "fair"),
        (8, 8, "████", "bad"),
        (9, 8, "████", "bad"),
        (0, 0, "····", "bad"),
    ],
)
def test_bars_are_filled_by_eighths(
    part: int, whole: int, bar: str, style: str
) -> None:
    made = panels.bar(part, whole, 4)

    assert text_of(made) == bar
    assert made[0].style == style


def server(number: int, text: str = "", seconds: int = 0) -> ServerOverview:
    return ServerOverview(
        server_id=f"eu-west-{number}{text}",
        display_name=f"EU West {number}{text}",
        region=f"eu-west{text}",
        game_mode="pvp",
        status="online",
        last_heartbeat=START - TimeDuration.from_seconds(seconds),
        version=f"1.{number}",
        max_players=100,
        online_count=number,
        present_count=number,
    )


def ban(number: int, text: str = "") -> BanEntry:
    return BanEntry(
        player_id=f"Steam:{number}",
        player_name=f"otter{number}{text}",
        reason=f"aimbot{text}",
        banned_by="owner",
        banned_at=START,
        expires_at=None,
        revoked=False,
        revoked_by="",
        revoked_at=None,
    )


def action(details: str) -> PanelAuditLog:
    return PanelAuditLog("owner", "kick", details, START)


def picture(
    servers: list[ServerOverview] | None = None,
    bans: list[BanEntry] | None = None,
    actions: list[PanelAuditLog] | None = None,
    flows: list[Flow] | None = None,
    players: list[PresentPlayer] | None = None,
) -> Picture:
    servers, bans, actions = servers or [], bans or [], actions or []
    overview = summarize(servers, bans, actions, START)
    return Picture(START, overview, servers, bans, actions, flows or [], players or [])


def check(made: list[Line], width: int, height: int | None) -> None:
    wide = min(width, WIDTH_MAX)
    assert {width_of(each) for each in made} == {wide}
    assert height is None or len(made) <= height
    for char in "".join(map(text_of, made)):
        assert unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(
    text=texts,
    count=st.sampled_from((0, 1, 3, 30)),
    width=st.integers(1, 200),
    height=st.none() | st.integers(1, 80),
)
@frame_laws
@pytest.mark.slow
def test_frames_fit_whatever_is_in_them(
    text: str, count: int, width: int, height: int | None
) -> None:
    shown = picture(
        [server(number, text) for number in range(count)],
        [ban(number, text) for number in range(count)],
        [action(text)] * count,
        [Flow(text, f"eu{text}", 7)] * count,
        [PresentPlayer(text, text[:number], text, START) for number in range(count)],
    )

    check(frame(shown, text, width, height), width, height)


def test_an_empty_cluster_has_a_frame() -> None:
    made = read(frame(picture(), "hub", 80))

    assert made[0].startswith("QS-Bridge  hub")
    assert made[0].endswith("2026-03-06 18:00:00 UTC")
    assert "none is registered" in made.pop(6)
    assert sum(each.count("│ none ") for each in made) == 5


def test_a_cluster_that_has_no_time_yet_has_none_in_its_headline() -> None:
    made = read(frame(replace(picture(), now=Timestamp.EPOCH), "hub", 80))

    assert made[0] == "QS-Bridge  hub"


def test_what_has_passed_is_shown_as_of_then() -> None:
    made = read(frame(replace(picture(), is_past=True), "hub", 80))

    assert made[0].endswith("  as of 2026-03-06 18:00:00 UTC")


@pytest.mark.parametrize(
    ("width", "height", "titles"),
    [
        (80, 24, ["Players, the newest", "Audit log"]),
        (80, 29, ["Players, the newest", "Audit log", "Players by region"]),
        (79, 21, ["Players, the newest"]),
        (79, 28, ["Players, the newest", "Bans of the last day"]),
    ],
)
def test_lists_for_which_there_is_no_room_are_left_out(
    width: int, height: int, titles: list[str]
) -> None:
    made = read(frame(picture(), "hub", width, height))

    (servers,) = [n for n, each in enumerate(made) if "none is registered" in each]
    heads = [each for each in made[servers:] if each.startswith("╭─ ")]
    assert [each.split(" ─")[0].removeprefix("╭─ ") for each in heads] == titles
    assert made[-1].startswith("╰")


@pytest.mark.parametrize("width", [WIDTH_MIN, 79, 80, 120])
def test_a_frame_without_a_height_shows_all_of_100_servers(width: int) -> None:
    shown = picture([server(number) for number in range(100, 200)])
    text = "\n".join(read(frame(shown, "hub", width)))

    assert all(f"eu-west-{number}" in text for number in range(100, 200))
    assert "more" not in text


def test_of_100_servers_those_in_trouble_come_first() -> None:
    servers = [server(number) for number in range(100, 170)]
    servers += [server(170, seconds=91), server(171)]

    made = read(frame(picture(servers), "hub", 80, 24))

    assert made[7].startswith("│ eu-west-170")
    assert "degraded" in made[7]
    assert made[8].startswith("│ eu-west-100")
    assert made[10].startswith("│ and 69 more")
    assert len(made) == 24


FRAME = """\
QS-Bridge  hub                                           2026-03-06 18:00:00 UTC
╭─ Servers ────────╮ ╭─ Players ───────╮ ╭─ Active bans ───╮ ╭─ Admin actions ─╮
│ 3     1 degraded │ │ 6           2 % │ │ 1               │ │ 1               │
│ 3 up, 0 down     │ │ 300 places      │ │ in the cluster  │ │ in 24 hours     │
╰──────────────────╯ ╰─────────────────╯ ╰─────────────────╯ ╰─────────────────╯
╭─ Servers ────────────────────────────────────────────────────────────────────╮
│ server     status    players                 heartbeat  region   mode        │
│ eu-west-1  online      1/100  ············     0 s ago  eu-west  pvp         │
│ eu-west-2  online      2/100  ▏···········     0 s ago  eu-west  pvp         │
│ eu-west-3  degraded    3/100  ▎···········  11 min ago  eu-west  pvp         │
╰──────────────────────────────────────────────────────────────────────────────╯
╭─ Players, the newest ────────────────╮ ╭─ Bans of the last day ──────────────╮
│ since  player   server               │ │ time   player  reason  term         │
│ 18:00  otter1   eu-west-1            │ │ 18:00  otter1  aimbot  for ever     │
│ 18:00  Steam:2  eu-west-2            │ │                                     │
│                                      │ │                                     │
╰──────────────────────────────────────╯ ╰─────────────────────────────────────╯
╭─ Audit log ──────────────────────────╮ ╭─ Population flow, last hour ────────╮
│ time   actor  what                   │ │ from       to         moves         │
│ 18:00  owner  kicked otter1          │ │ -          eu-west-1      3         │
│                                      │ │ eu-west-1  eu-west-2      1         │
│                                      │ │                                     │
╰──────────────────────────────────────╯ ╰─────────────────────────────────────╯"""


def test_a_terminal_of_80_by_24_shows_what_matters_most() -> None:
    shown = picture(
        [server(1), server(2), server(3, seconds=700)],
        [ban(1)],
        [action('{"summary": "kicked otter1"}')],
        [Flow("", "eu-west-1", 3), Flow("eu-west-1", "eu-west-2", 1)],
        [
            PresentPlayer("Steam:1", "otter1", "eu-west-1", START),
            PresentPlayer("Steam:2", "", "eu-west-2", START),
        ],
    )
    assert "\n".join(read(frame(shown, "hub", 80, 24))) == FRAME


@pytest.mark.parametrize(
    ("details", "shown"),
    [
        ('{"summary": "kicked anna", "player_id": "anna"}', "kicked anna"),
        ('{"player_id": "anna"}', 'kick {"player_id": "anna"}'),
        ('{"summary": 7}', 'kick {"summary": 7}'),
        ("[1]", "kick [1]"),
        ("was rude", "kick was rude"),
        ("", "kick"),
    ],
)
def test_an_entry_is_shown_by_its_summary(details: str, shown: str) -> None:
    _, made = panels.audit(picture(actions=[action(details)]), 80, 8)

    assert text_of(made[1]).split("owner")[1].strip() == shown


def test_an_entry_of_a_thousand_brackets_is_shown_as_it_is() -> None:
    _, made = panels.audit(picture(actions=[action("[" * 60_000)]), 80, 8)

    assert "kick [[[[[" in text_of(made[1])


@pytest.mark.parametrize(
    ("changes", "term"),
    [
        ({}, "for ever"),
        ({"revoked": True}, "lifted"),
        ({"expires_at": START}, "over"),
        ({"expires_at": START + TimeDuration.from_seconds(7_300)}, "2 h"),
        ({"expires_at": START + TimeDuration.from_seconds(130)}, "2 min"),
    ],
)
def test_a_ban_tells_how_long_it_holds(changes: dict[str, object], term: str) -> None:
    _, made = panels.bans(picture(bans=[ban(1).replace(**changes)]), 80, 8)

    assert text_of(made[1]).rstrip() == f"18:00  otter1  aimbot  {term}"


def test_players_are_counted_by_region_and_mode() -> None:
    servers = [server(1), server(2), server(3).replace(region="us-east")]
    _, made = panels.regions(picture(servers), 60, 8)

    assert [text_of(each).split() for each in made] == [
        ["region", "mode", "servers", "players", "present"],
        ["eu-west", "pvp", "2", "3", "3"],
        ["us-east", "pvp", "1", "3", "3"],
    ]


def test_trouble_is_told_on_the_card() -> None:
    servers = [server(1, seconds=100), server(2).replace(status="wiping")]
    (title, made), *_ = panels.cards(picture(servers), 30)

    assert title == "Servers"
    assert read(list(made)) == ["2      1 degraded, 1 under way", "1 up, 0 down"]


def test_times_are_of_the_picture() -> None:
    now = Timestamp.parse("2026-03-06T18:00:45Z")
    shown = Picture(now, picture().overview, [server(1)], [], [], [])

    _, made = panels.servers(shown, 80, 8)

    assert "45 s ago" in text_of(made[1])
