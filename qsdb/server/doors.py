"""`Door`: how much of the server any one address may have.

One address must not keep all others out: neither by holding all connections, nor by
having all requests in work, nor by being somebody new again and again, which each time
costs the server a signature and the module whatever ``client_connected`` does. So each
is counted by the address that it comes from (`qsdb.server.addresses`).

==========================  =======================================================
what                        what is told who has had enough
==========================  =======================================================
WebSockets at once          429 in place of the upgrade
sockets of HTTP at once     429 before anything was asked
requests in work at once    429
identities in a minute,     429, with the seconds until there is room again
and tokens that are none
==========================  =======================================================

Each answer has ``Retry-After``. Some addresses are not bounded, usually those of this
machine: there are the programs of the operator, and a proxy that nobody has named.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

import attrs

from qsdb.errors import AccessError
from qsdb.runtime.clock import Clock, SystemClock, tick_reader
from qsdb.server.addresses import client_of, is_in, key_of, networks_of
from qsdb.server.bounds import bound
from qsdb.server.credentials import Credentials

__all__ = ["Admission", "Allowance", "Crowd", "CrowdedError", "Door", "DoorOptions"]

MINUTE = 60_000_000_000
"""In nanoseconds."""

SOON = 5
"""After so many seconds a connection or a request may be tried again."""

FORGETTING_AT = 1024
"""From so many addresses on it is looked which of them have nothing owing."""


@attrs.frozen(kw_only=True)
class DoorOptions:
    """How much of the server may be had, and by whom.

    Attributes:
        connections_max: WebSockets at once, of all clients.
        connections_each_max: WebSockets of one address at once, and as many sockets
            of HTTP besides.
        requests_each_max: Requests of one address that may be in work at once.
        identities_each_max: New identities for one address in a minute, and tokens
            that it may show in vain, together.
        proxies: Addresses and networks of reverse proxies: whose requests they pass
            on, they say in ``X-Forwarded-For``.
        unbounded: Addresses and networks for which no bound by address counts.
    """

    connections_max: int = bound(20_000)
    connections_each_max: int = bound(1_000)
    requests_each_max: int = bound(256)
    identities_each_max: int = bound(600)
    proxies: tuple[str, ...] = ()
    unbounded: tuple[str, ...] = ("127.0.0.0/8", "::1")


class CrowdedError(Exception):
    """An address has as much as it may have.

    Attributes:
        text: For people.
        seconds: After so many there may be room.
    """

    def __init__(self, text: str, seconds: int = SOON) -> None:
        """Say why."""
        super().__init__(text)
        self.text = text
        self.seconds = seconds


class Admission(Protocol):
    """Says who somebody is."""

    async def admit(self, token: str) -> Credentials:
        """Read a token.

        Raises:
            AccessError: it is not good.
            ArgumentError: it is no token.
        """
        ...

    def anonymous(self) -> Credentials:
        """Make somebody new."""
        ...


class Crowd:
    """How many of something each address has at once."""

    def __init__(self, what: str, most: int) -> None:
        """Count nothing yet.

        Args:
            what: What is counted, in words.
            most: So many an address may have.
        """
        self._what = what
        self._most = most
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()  # several event loops may serve

    def __len__(self) -> int:
        """Give how many addresses have some."""
        return len(self._counts)

    def enter(self, address: str | None) -> None:
        """Count one more; None is not counted.

        Raises:
            CrowdedError: the address has as many as it may have.
        """
        if address is None:
            return
        with self._lock:
            if self._counts[address] < self._most:
                self._counts[address] += 1
                return
        raise CrowdedError(
            f"this address has {self._most:,} {self._what}, and no more are allowed "
            "at once"
        )

    def leave(self, address: str | None) -> None:
        """Count one less, which was counted before."""
        if address is None:
            return
        with self._lock:
            self._counts[address] -= 1
            if not self._counts[address]:
                del self._counts[address]


class Allowance:
    """How many of something each address may still have in a minute.

    For each address there is the moment until which it has had what it may have: each
    one moves that on by its share of a minute, and it may not be more than a minute
    ahead. So whoever was quiet for a minute may have all at once, and then as many as
    time gives. Addresses whose moment is over are forgotten.
    """

    def __init__(self, what: str, most: int, clock: Clock) -> None:
        """Begin with all to be had.

        Args:
            what: What is counted, in words.
            most: So many an address may have in a minute.
            clock: Measures it.
        """
        self._what = what
        self._most = most
        self._share = MINUTE // most
        self._ticks = tick_reader(clock)
        self._until: dict[str, int] = {}
        self._forgetting_at = FORGETTING_AT
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Give how many addresses are remembered."""
        return len(self._until)

    def require(self, address: str | None) -> None:
        """See whether there is one to be had, and leave it there.

        Raises:
            CrowdedError: there is none.
        """
        if address is None:
            return
        now = self._ticks()
        over = self._until.get(address, now) + self._share - now - MINUTE
        if over > 0:
            raise CrowdedError(
                f"this address has had {self._most:,} {self._what} in a minute; "
                "try again later",
                -(-over // 1_000_000_000),
            )

    def spend(self, address: str | None) -> None:
        """Take one, also if there is none to be had."""
        if address is None:
            return
        with self._lock:
            now = self._ticks()
            until = max(self._until.get(address, now), now)
            self._until[address] = until + self._share
            if len(self._until) >= self._forgetting_at:
                self._until = {a: t for a, t in self._until.items() if t > now}
                self._forgetting_at = max(FORGETTING_AT, 2 * len(self._until))


class Door:
    """How much of the server any one address may have.

    Attributes:
        options: It.
        connections: WebSockets, from their request on.
        sockets: Sockets of HTTP.
        requests: Requests in work.
        identities: New ones, and tokens that were none.
    """

    def __init__(
        self, options: DoorOptions | None = None, *, clock: Clock | None = None
    ) -> None:
        """Count nothing yet.

        Args:
            options: How much there is; the usual if not given.
            clock: Measures minutes; the machine's if not given.

        Raises:
            ArgumentError: an option names no network.
        """
        self.options = options = options or DoorOptions()
        self._proxies = networks_of("proxies", options.proxies)
        self._unbounded = networks_of("unbounded", options.unbounded)
        each = options.connections_each_max
        self.connections = Crowd("WebSockets", each)
        self.sockets = Crowd("connections of HTTP", each)
        self.requests = Crowd("requests in work", options.requests_each_max)
        self.identities = Allowance(
            "new identities and tokens that are not valid",
            options.identities_each_max,
            clock or SystemClock(),
        )

    def address(self, scope: Mapping[str, Any]) -> str | None:
        """Give by what a request of ASGI is counted; None if it is not bounded."""
        found = client_of(scope, self._proxies)
        if found is None or is_in(found, self._unbounded):
            return None
        return key_of(found)

    def neighbour(self, host: str | None) -> str | None:
        """Give by what a socket is counted; None if it is not bounded.

        That of a proxy is not, for it is that of many clients.
        """
        if host is None or is_in(host, self._proxies) or is_in(host, self._unbounded):
            return None
        return key_of(host)

    def anonymous(self, admission: Admission, address: str | None) -> Credentials:
        """Make somebody new.

        Raises:
            CrowdedError: the address was given as many as it may have.
        """
        self.identities.require(address)
        self.identities.spend(address)
        return admission.anonymous()

    async def admit(
        self, admission: Admission, address: str | None, token: str
    ) -> Credentials:
        """Say who shows a token.

        Raises:
            AccessError: it is not good.
            ArgumentError: it is no token.
            CrowdedError: the address has shown as many in vain as it may.
        """
        self.identities.require(address)
        try:
            return await admission.admit(token)
        except AccessError:
            self.identities.spend(address)
            raise
