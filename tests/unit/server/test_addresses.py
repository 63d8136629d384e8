"""Whose request it is: sockets, reverse proxies, and what strangers pretend."""

import pytest

from qsdb.errors import ArgumentError
from qsdb.server.addresses import (
    client_of,
    is_in,
    key_of,
    networks_of,
    peer_of,
)

PROXIES = networks_of("proxies", ("10.0.0.0/8", "2001:db8:1::/48"))


def scope(peer: str, *forwarded: bytes) -> dict[str, object]:
    headers = [(b"host", b"x"), *[(b"x-forwarded-for", each) for each in forwarded]]
    return {"client": (peer, 1), "headers": headers}


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", (b"198.51.100.9",), "192.0.2.1"),  # it is no proxy
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", (b"",), "10.0.0.1"),
        ("10.0.0.1", (b"192.0.2.1",), "192.0.2.1"),
        ("::ffff:10.0.0.1", (b"192.0.2.1",), "192.0.2.1"),
        # Whatever a client has written itself stands before what the proxy adds.
        ("10.0.0.1", (b"203.0.113.5, 192.0.2.1",), "192.0.2.1"),
        ("10.0.0.1", (b"203.0.113.5", b"192.0.2.1"), "192.0.2.1"),
        ("10.0.0.1", (b"<script>, 192.0.2.1",), "192.0.2.1"),
        # Several proxies, one behind the other.
        ("10.0.0.1", (b"203.0.113.5,192.0.2.1, 10.9.9.9",), "192.0.2.1"),
        ("10.0.0.1", (b"10.0.0.3, 10.0.0.2",), "10.0.0.3"),
        # What is no address ends the way.
        ("10.0.0.1", (b"192.0.2.1, unknown",), "10.0.0.1"),
        ("10.0.0.1", (b"192.0.2.1, \xff, 10.0.0.2",), "10.0.0.2"),
        # Ports, as some proxies write them.
        ("10.0.0.1", (b"192.0.2.1:4711",), "192.0.2.1"),
        ("10.0.0.1", (b"[2001:db8::7]:4711",), "2001:db8::7"),
        ("10.0.0.1", (b"2001:db8::7",), "2001:db8::7"),
        ("2001:db8:1::5", (b"192.0.2.1",), "192.0.2.1"),
    ],
)
def test_whose_request_it_is(
    peer: str, forwarded: tuple[bytes, ...], client: str
) -> None:
    assert client_of(scope(peer, *forwarded), PROXIES) == client


def test_nobody_is_believed_if_nobody_is_named() -> None:
    assert client_of(scope("127.0.0.1", b"192.0.2.1"), ()) == "127.0.0.1"


@pytest.mark.parametrize("client", [None, "", ()])
def test_a_socket_of_unix_has_no_address(client: object) -> None:
    assert peer_of({"client": client}) is None
    assert client_of({"client": client, "headers": []}, PROXIES) is None
    assert peer_of({}) is None


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:0db8:1:2::9", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("testclient", "testclient"),
    ],
)
def test_a_network_of_ipv6_counts_as_one(address: str, key: str) -> None:
    assert key_of(address) == key


def test_what_is_no_address_is_in_no_network() -> None:
    assert is_in("10.1.2.3", PROXIES)
    assert not is_in("11.1.2.3", PROXIES)
    assert not is_in("testclient", PROXIES)


@pytest.mark.parametrize("text", ["", "10.0.0.1/8", "localhost", "10.0.0.0/33", "*"])
def test_what_is_no_network_is_named(text: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        networks_of("proxies", ("::1", text))

    assert str(caught.value) == (
        f"proxies: {text!r} is no address and no network, as 10.0.0.7 and "
        "10.0.0.0/8 are"
    )
