"""`Settings`: how a connection over the network behaves."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypedDict

import attrs

from qsdb.client.tls import Trust
from qsdb.errors import ArgumentError, brief
from qsdb.runtime.clock import Clock, SystemClock
from qsdb.runtime.seeds import Seeds
from qsdb.runtime.timeouts import check_timeout

__all__ = ["Options", "Settings", "settings_of"]


def _draw() -> float:
    """Give a number from 0 to 1 that nobody can foresee."""
    return Seeds(None).draw(32) / (1 << 32)


@attrs.frozen
class Settings:
    """How a connection behaves.

    Attributes:
        confirmed: Whether to be told only of what is on the server's disk; None to
            leave that to the server.
        reconnect: Whether to connect again when the connection is lost.
        timeout: Seconds to wait for an answer; None for as long as it takes.
        connect_timeout: Seconds to wait for the server when connecting.
        close_timeout: Seconds that closing takes at most.
        silence_timeout: A connection on which nothing was heard for so many seconds is
            lost, also if no end of it was told; the server is asked after half of them.
            That is told once it is closed, so ``close_timeout`` later at most.
        delay_min: Seconds to wait before the first attempt to connect again. With each
            attempt that fails it is twice as long.
        delay_max: Longest such wait. A connection that has lasted as long is a good
            one: after it the waits are short again.
        message_bytes_max: Longest message to take from the server.
        tls: Which certificates count with ``wss://``: a file of authorities in PEM, or
            an `ssl.SSLContext`, which may also have a certificate to show; None for
            what the system trusts.
        clock: Says how long a connection has lasted.
        sleep: Waits, in the event loop.
        draw: Gives numbers from 0 to 1: each wait is cut by up to a half, so that the
            clients of a server that was away do not all come at once.
    """

    confirmed: bool | None = None
    reconnect: bool = True
    timeout: float | None = 30.0
    connect_timeout: float = 10.0
    close_timeout: float = 5.0
    silence_timeout: float = 40.0
    delay_min: float = 0.25
    delay_max: float = 15.0
    message_bytes_max: int = 128 << 20
    tls: Trust = None
    clock: Clock = attrs.field(factory=SystemClock)
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    draw: Callable[[], float] = _draw


class Options(TypedDict, total=False):
    """What may be given of `Settings`, by name."""

    confirmed: bool | None
    reconnect: bool
    timeout: float | None
    connect_timeout: float
    close_timeout: float
    silence_timeout: float
    delay_min: float
    delay_max: float
    message_bytes_max: int
    tls: Trust
    clock: Clock
    sleep: Callable[[float], Awaitable[object]]
    draw: Callable[[], float]


_SECONDS = (
    "connect_timeout",
    "close_timeout",
    "silence_timeout",
    "delay_min",
    "delay_max",
)


def settings_of(options: Mapping[str, object]) -> Settings:
    """Check what was given.

    Raises:
        ArgumentError: there is no such setting, or it is of a wrong kind.
    """
    known = [each.name for each in attrs.fields(Settings)]
    for name in options:
        if name not in known:
            there = ", ".join(known)
            raise ArgumentError(f"no setting {brief(name)}; there are: {there}")
    settings = Settings(**options)  # type: ignore[arg-type]  # they are checked now
    check_timeout(settings.timeout)
    for name in _SECONDS:
        value: object = getattr(settings, name)
        if type(value) not in (int, float) or not 0 < value < float("inf"):  # type: ignore[operator]
            raise ArgumentError(
                f"{name} is a number of seconds above 0, not {brief(value)}"
            )
    if settings.confirmed is not None and type(settings.confirmed) is not bool:
        raise ArgumentError(
            f"confirmed is a bool or None, not {brief(settings.confirmed)}"
        )
    if type(settings.reconnect) is not bool:
        raise ArgumentError(f"reconnect is a bool, not {brief(settings.reconnect)}")
    size: object = settings.message_bytes_max
    if type(size) is not int or size < 1:
        raise ArgumentError(f"message_bytes_max is an int from 1 on, not {brief(size)}")
    return settings
