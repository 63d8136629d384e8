import io
import json

import pytest

from examples.qsbridge.evening.events import (
    BadLine,
    Ban,
    Beat,
    Event,
    Heartbeat,
    Join,
    Leave,
    Register,
    Unban,
    format_time,
)
from examples.qsbridge.evening.reader import LINE_BYTES_MAX, read_events

NOON = 1_772_798_400_000_000
AT = "2026-03-06T12:00:00Z"

REGISTER: dict[str, object] = {
    "at": AT,
    "kind": "register",
    "server": "us-east-pvp-1",
    "display_name": "US East PvP",
    "region": "us-east",
    "game_module": "humanitz",
    "game_mode": "pvp",
    "hosting_id": "7f1c",
    "version": "1.4.2",
    "max_players": 12,
    "wipe_schedule": "monthly",
    "config_template_id": "",
}
HEARTBEAT: dict[str, object] = {
    "at": AT,
    "kind": "heartbeat",
    "server": "us-east-pvp-1",
    "online_count": 3,
}
BAN: dict[str, object] = {
    "at": AT,
    "kind": "ban",
    "player": "Steam:1",
    "name": "otter",
    "reason": "aimbot",
    "hours": None,
}


def read(*lines: bytes | str | dict[str, object]) -> list[Event | BadLine]:
    parts = [
        line
        if isinstance(line, bytes)
        else (line if isinstance(line, str) else json.dumps(line)).encode()
        for line in lines
    ]
    return list(read_events(io.BytesIO(b"".join(part + b"\n" for part in parts))))


def why(line: bytes | str | dict[str, object]) -> str:
    """Read `line` between two good ones, and give why it is bad."""
    first, bad, last = read(REGISTER, line, HEARTBEAT)
    assert isinstance(first, Register)
    assert isinstance(last, Heartbeat)
    assert isinstance(bad, BadLine)
    assert bad.line == 2
    return bad.why


def test_each_kind_is_read_into_its_fields() -> None:
    server = {"at": AT, "server": "us-east-pvp-1"}

    events = read(
        REGISTER,
        HEARTBEAT,
        {**server, "kind": "join", "player": "Steam:1"},
        {**server, "kind": "beat", "players": ["Steam:1", "Steam:2"]},
        {**server, "kind": "leave", "player": "Steam:1"},
        BAN,
        {"at": AT, "kind": "unban", "player": "Steam:1"},
    )

    here = "us-east-pvp-1"
    register = Register(
        line=1,
        at=NOON,
        server=here,
        bridge=here,
        display_name="US East PvP",
        region="us-east",
        game_module="humanitz",
        game_mode="pvp",
        hosting_id="7f1c",
        version="1.4.2",
        max_players=12,
        wipe_schedule="monthly",
        config_template_id="",
    )
    ban = Ban(
        line=6,
        at=NOON,
        server=None,
        bridge=None,
        player="Steam:1",
        name="otter",
        reason="aimbot",
        hours=None,
    )
    players = ("Steam:1", "Steam:2")
    assert events == [
        register,
        Heartbeat(line=2, at=NOON, server=here, bridge=here, online_count=3),
        Join(line=3, at=NOON, server=here, bridge=here, player="Steam:1"),
        Beat(line=4, at=NOON, server=here, bridge=here, players=players),
        Leave(line=5, at=NOON, server=here, bridge=here, player="Steam:1"),
        ban,
        Unban(line=7, at=NOON, server=None, bridge=None, player="Steam:1"),
    ]


def test_bridge_may_be_named_apart_from_the_server() -> None:
    register, ban = read(
        {**REGISTER, "bridge": "stranger"}, {**BAN, "server": "us-east-pvp-1"}
    )

    assert isinstance(register, Register)
    assert isinstance(ban, Ban)
    assert register.bridge == "stranger"
    assert ban.bridge == "us-east-pvp-1"


@pytest.mark.parametrize(
    ("at", "micros"),
    [
        (AT, NOON),
        (NOON, NOON),
        (0, 0),
        ("2026-03-06T12:00:00.25Z", NOON + 250_000),
        ("2026-03-06T12:00:00.123456789Z", NOON + 123_456),
        ("2026-03-06T14:30:00+02:30", NOON),
        ("2026-03-06T12:00:00-00:00", NOON),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
    ],
)
def test_time_is_rfc_3339_or_microseconds(at: str | int, micros: int) -> None:
    (event,) = read({**BAN, "at": at})

    assert isinstance(event, Ban)
    assert event.at == micros


def test_format_time_is_read_back() -> None:
    for micros in (0, NOON, NOON + 1, 253_402_300_799_999_999):
        (event,) = read({**BAN, "at": format_time(micros)})

        assert isinstance(event, Ban)
        assert event.at == micros


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"", "blank line"),
        (b" \t", "blank line"),
        (b"{", "not JSON: Expecting property name"),
        (b'{"at": 1,}', "not JSON: "),
        (b"{} {}", "not JSON: Extra data at column 4"),
        (b"[1, 2]", "not an object: [1, 2]"),
        (b"null", "not an object: None"),
        (b'"text"', "not an object: 'text'"),
        (b'{"at": "\xff"}', "not UTF-8: byte 0xff at position 9"),
        (b"\xfe\xff\x00{", "not UTF-8: byte 0xfe at position 1"),
        (b'{"at": NaN}', "not JSON: NaN is no JSON number"),
        (b'{"at": 1, "at": 2}', "field 'at' is given twice"),
        (b'{"at": ' + b"9" * 5000 + b"}", "not JSON that can be read: "),
        (b"[" * 200_000, "not JSON that can be read: nested too deeply"),
        (b"x" * (LINE_BYTES_MAX + 1), "longer than 1048576 bytes"),
        (b"x" * (3 * LINE_BYTES_MAX + 5), "longer than 1048576 bytes"),
    ],
    ids=lambda value: f"{len(value)} {value!r}"[:24],
)
def test_line_that_is_no_object_is_bad(line: bytes, expected: str) -> None:
    assert why(line).startswith(expected)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"kind": "teleport"}, "unknown kind 'teleport'; known are register, "),
        ({"kind": 7}, "field kind: 7 is not a string"),
        ({"server": None}, "field server: None is not a string"),
        ({"server": "mars-1"}, "unknown server 'mars-1': no register line"),
        ({"bridge": 1}, "field bridge: 1 is not a string"),
        ({"online_count": "many"}, "field online_count: 'many' is not a whole number"),
        ({"online_count": 3.0}, "field online_count: 3.0 is not a whole number"),
        ({"online_count": True}, "field online_count: True is not a whole number"),
        ({"online_count": -1}, "field online_count: -1 is not a whole number"),
        ({"online_count": 2**32}, "field online_count: 4294967296 is not a whole"),
        ({"at": "yesterday"}, "field at: 'yesterday' is not a time"),
        ({"at": "2026-03-06"}, "field at: '2026-03-06' is not a time"),
        ({"at": "2026-03-06T12:00:00"}, "field at: '2026-03-06T12:00:00' is not"),
        ({"at": "2026-02-30T12:00:00Z"}, "field at: '2026-02-30T12:00:00Z' is not"),
        ({"at": "0001-01-01T00:00:00+23:00"}, "field at: '0001-01-01T00:00:00+23:00'"),
        ({"at": 1.5}, "field at: 1.5 is not a time"),
        ({"at": True}, "field at: True is not a time"),
        ({"at": -1}, "field at: -1 is not a time"),
        ({"at": 2**63}, "field at: 9223372036854775808 is not a time"),
        ({"at": "2026-03-06T11:59:59Z"}, "time goes back: 2026-03-06T11:59:59Z after"),
        ({"hours": 1}, "unknown field 'hours'"),
        ({"server": "\ud800"}, "field server: '\\ud800' is not valid Unicode"),
    ],
    ids=repr,
)
def test_wrong_field_is_bad(change: dict[str, object], expected: str) -> None:
    assert why({**HEARTBEAT, **change}).startswith(expected)


@pytest.mark.parametrize("name", [*REGISTER])
def test_each_field_of_register_is_required(name: str) -> None:
    line = {key: value for key, value in REGISTER.items() if key != name}

    assert why(line) == f"field {name} is missing"


@pytest.mark.parametrize("name", [*BAN])
def test_each_field_of_ban_is_required(name: str) -> None:
    line = {key: value for key, value in BAN.items() if key != name}

    assert why(line) == f"field {name} is missing"


@pytest.mark.parametrize("hours", [-1, 2**64, 1.0, "1", False])
def test_hours_are_a_u64_or_null(hours: object) -> None:
    assert why({**BAN, "hours": hours}).startswith("field hours: ")


@pytest.mark.parametrize("players", ["Steam:1", {"Steam:1": 1}, None, ["a", 1]])
def test_players_are_an_array_of_strings(players: object) -> None:
    line = {"at": AT, "kind": "beat", "server": "us-east-pvp-1", "players": players}

    assert why(line).startswith("field players: ")


def test_bad_line_changes_neither_the_time_nor_the_known_servers() -> None:
    later = {"at": "2030-01-01T00:00:00Z"}

    items = read(
        {**REGISTER, **later, "max_players": "12"},
        {**HEARTBEAT, "at": AT},
        REGISTER,
        HEARTBEAT,
    )

    kinds = [type(item) for item in items]
    assert kinds == [BadLine, BadLine, Register, Heartbeat]


def test_every_line_is_accounted_for() -> None:
    lines: list[bytes | str | dict[str, object]]
    lines = [REGISTER, b"", b"{", HEARTBEAT, b"\xff", HEARTBEAT, b"x" * 2_000_000, BAN]

    items = read(*lines)

    assert [item.line for item in items] == [1, 2, 3, 4, 5, 6, 7, 8]
    bad = [item.line for item in items if isinstance(item, BadLine)]
    assert bad == [2, 3, 5, 7]


def test_line_of_the_longest_length_is_read() -> None:
    line = json.dumps(BAN).encode()
    line += b" " * (LINE_BYTES_MAX - len(line))

    first, second = read(line, BAN)

    assert isinstance(first, Ban)
    assert isinstance(second, Ban)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_line_may_end_in_any_usual_way(end: bytes) -> None:
    data = json.dumps(BAN).encode() + end

    (event,) = read_events(io.BytesIO(data))

    assert isinstance(event, Ban)


def test_byte_order_mark_is_passed_over() -> None:
    (event,) = read(b"\xef\xbb\xbf" + json.dumps(BAN).encode())

    assert isinstance(event, Ban)


def test_file_without_lines_has_no_events() -> None:
    assert list(read_events(io.BytesIO())) == []


def test_message_shows_a_short_printable_piece() -> None:
    text = why({**HEARTBEAT, "kind": "\x1b[31m" + "x" * 5000})

    assert text.isprintable()
    assert len(text) < 200
