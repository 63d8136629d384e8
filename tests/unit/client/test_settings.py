"""Settings, addresses and waits: what is taken, and what is made of it."""

from typing import Any, cast

import pytest

from qsdb.client.addresses import address_of
from qsdb.client.back_off import BackOff
from qsdb.client.settings import Settings, settings_of
from qsdb.client.telling import Telling
from qsdb.errors import ArgumentError
from qsdb.testing import FakeClock


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("speed", 1, "no setting 'speed'; there are: confirmed, reconnect"),
        ("timeout", -1, "timeout"),
        ("connect_timeout", 0, "connect_timeout is a number of seconds above 0, not 0"),
        ("close_timeout", float("inf"), "close_timeout"),
        ("silence_timeout", -1.0, "silence_timeout is a number of seconds above 0"),
        ("delay_min", "1", "delay_min"),
        ("delay_max", None, "delay_max"),
        ("confirmed", 1, "confirmed is a bool or None, not 1"),
        ("reconnect", None, "reconnect is a bool, not None"),
        ("message_bytes_max", 0, "from 1 on, not 0"),
        ("message_bytes_max", 1.5, "from 1 on, not 1.5"),
    ],
)
def test_settings_are_checked(name: str, value: Any, match: str) -> None:
    with pytest.raises(ArgumentError, match=match):
        settings_of({name: value})


def test_settings_have_defaults() -> None:
    settings = settings_of({"timeout": None, "confirmed": False})

    assert settings.timeout is None
    assert settings.confirmed is False
    assert settings.reconnect
    assert 0 <= settings.draw() < 1


def test_waits_grow_and_are_cut_by_chance() -> None:
    drawn = iter([0.0, 1.0, 0.5, 1.0])
    waits = BackOff(Settings(delay_min=1, delay_max=3, draw=lambda: next(drawn)))

    assert [waits.next_delay() for _ in range(4)] == [0.5, 2.0, 2.25, 3.0]


def test_a_connection_that_lasted_makes_waits_short_again() -> None:
    clock = FakeClock()
    waits = BackOff(Settings(delay_min=1, delay_max=60, draw=lambda: 1.0, clock=clock))
    long = [waits.next_delay() for _ in range(3)]
    waits.connected()
    clock.advance(59)
    still = waits.next_delay()
    waits.connected()
    clock.advance(60)

    assert long == [1, 2, 4]
    assert still == 8
    assert waits.next_delay() == 1


def test_waits_never_overflow() -> None:
    waits = BackOff(Settings(draw=lambda: 1.0))
    found = [waits.next_delay() for _ in range(2000)]

    assert found[-1] == 15.0


@pytest.mark.parametrize(
    ("url", "database", "confirmed", "expected"),
    [
        ("ws://h:1", "chat", None, "ws://h:1/v1/database/chat/subscribe?"),
        ("wss://h", "chat", None, "wss://h:443/v1/database/chat/subscribe?"),
        ("ws://h/", "chat", None, "ws://h:80/v1/database/chat/subscribe?"),
        (
            "ws://[::1]:5/a b/",
            "c/d?",
            None,
            "ws://[::1]:5/a%20b/v1/database/c%2Fd%3F/s",
        ),
        ("WS://H:1", "chat", True, "ws://h:1/v1/database/chat/subscribe?"),
    ],
)
def test_addresses(
    url: str,
    database: str,
    confirmed: object,
    expected: str,
) -> None:
    found = address_of(url, database).socket_url(cast(bool | None, confirmed))

    assert found.startswith(expected)
    assert found.endswith("&confirmed=true" if confirmed else "&columns=true")


@pytest.mark.parametrize(
    "url",
    [
        "localhost:3000",
        "ftp://h",
        "ws://",
        "ws://h:x",
        "ws://h:0",
        "ws://h:99999",
        "ws://h?a=1",
        "ws://h#a",
        "ws://me:secret@h",
        "ws://[::1",
        7,
    ],
)
def test_what_is_no_address_is_refused(url: object) -> None:
    with pytest.raises(ArgumentError, match="a server is at ws://host:port"):
        address_of(url, "chat")


@pytest.mark.parametrize("database", ["", 7, None])
def test_a_database_has_a_name(database: object) -> None:
    with pytest.raises(ArgumentError, match="a database has a name"):
        address_of("ws://h", database)


def test_steps_go_on_after_one_that_raises() -> None:
    told: list[int] = []
    telling = Telling()
    with pytest.raises(ZeroDivisionError):
        telling.do(lambda: 1 // 0)
    telling.do(lambda: told.append(1))

    assert told == [1]
