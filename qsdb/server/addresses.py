"""Addresses of clients: who it is that connects, as far as the network says.

A client is known by the address at the other end of its socket. Behind a reverse proxy
that is the proxy's, and the proxy says in ``X-Forwarded-For`` whose request it passes
on. Anybody can write that header, so it is believed only of proxies that the operator
has named, and from the right: the last address is what the nearest proxy has seen,
those before it are what it was told.

Whoever has an address of IPv6 has the 2^64 of its network, so these count as one.

*Source*: RFC 4291, section 2.5.4; RFC 7239, section 5.2, on what the header was.
"""

import functools
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qsdb.errors import ArgumentError, brief

__all__ = ["Networks", "client_of", "is_in", "key_of", "networks_of", "peer_of"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Networks = Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]

_HOST_BITS = 64
"""Of an address of IPv6: what the network's owner numbers as they like."""


def networks_of(option: str, texts: Iterable[str]) -> Networks:
    """Read networks, or single addresses.

    Args:
        option: What they are given for, for the error.
        texts: As ``10.0.0.0/8`` or ``::1``.

    Raises:
        ArgumentError: one is none.
    """
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError:
            raise ArgumentError(
                f"{option}: {brief(text)} is no address and no network, "
                "as 10.0.0.7 and 10.0.0.0/8 are"
            ) from None
    return tuple(found)


@functools.lru_cache(4096)
def _read(text: str) -> Address | None:
    """Read an address; one of IPv4 in the clothes of IPv6 is one of IPv4."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def is_in(text: str, networks: Networks) -> bool:
    """Whether an address is in one of some networks; what is no address is in none."""
    found = _read(text)
    return found is not None and any(found in each for each in networks)


def key_of(text: str) -> str:
    """Give by what an address is counted; what is none counts as it stands."""
    found = _read(text)
    if isinstance(found, ipaddress.IPv6Address):
        first = int(found) >> _HOST_BITS << _HOST_BITS
        return str(ipaddress.IPv6Address(first))
    return text if found is None else str(found)


def peer_of(scope: Mapping[str, Any]) -> str | None:
    """Give who is at the other end of a request of ASGI; None if nobody says so."""
    client = scope.get("client")
    return str(client[0]) if client else None  # a Unix socket has none


def client_of(scope: Mapping[str, Any], proxies: Networks) -> str | None:
    """Give who has sent a request, behind the proxies that are believed.

    What such a proxy says and is no address ends the way: then the last proxy on it is
    who has sent the request.
    """
    found = peer_of(scope)
    if not proxies or found is None or not is_in(found, proxies):
        return found
    headers = scope["headers"]
    lines = [value for name, value in headers if name == b"x-forwarded-for"]
    hops = b",".join(lines).decode("latin-1").split(",")
    for hop in reversed(hops):
        said = _without_port(hop.strip())
        if _read(said) is None:
            break
        found = said
        if not is_in(said, proxies):
            break
    return found


def _without_port(hop: str) -> str:
    """Give the address of ``192.0.2.1:80`` and ``[2001:db8::1]:80``, as some write."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
