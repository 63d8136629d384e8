"""Keys of others: when they are asked for, and what is taken for a key."""

import asyncio
import logging
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from qsdb import AccessError
from qsdb.server.issuers import Issuer
from tests.support.issuing import (
    ADDRESS,
    EC,
    RSA,
    Provider,
    clock,
    ec_key,
    rsa_key,
)


def test_keys_are_asked_for_once_and_again_after_five_minutes() -> None:
    time, provider = clock(), Provider(rsa_key("r1"), ec_key("e1"))
    issuer = Issuer(ADDRESS, provider.fetch, time)

    async def ask() -> None:
        first = await issuer.key("RS256", "r1")
        assert first.public_numbers() == RSA.public_key().public_numbers()
        found = await issuer.key("ES256", "e1")
        assert found.public_numbers() == EC.public_key().public_numbers()
        time.advance(299)
        await issuer.key("RS256", "r1")
        assert len(provider.asked) == 2
        provider.keys = [ec_key("e1")]
        time.advance(1)
        with pytest.raises(AccessError, match="no key of this name"):
            await issuer.key("RS256", "r1")
        assert len(provider.asked) == 4

    asyncio.run(ask())


def test_an_unknown_key_is_asked_for_at_most_once_in_ten_seconds() -> None:
    time, provider = clock(), Provider(rsa_key("r1"))
    issuer = Issuer(ADDRESS, provider.fetch, time)

    async def ask() -> None:
        for _ in range(5):
            with pytest.raises(AccessError, match="no key of this name"):
                await issuer.key("RS256", "r2")
        assert len(provider.asked) == 2
        provider.keys = [rsa_key("r1"), rsa_key("r2")]
        time.advance(10)
        await issuer.key("RS256", "r2")
        assert len(provider.asked) == 4

    asyncio.run(ask())


def test_a_clock_that_goes_back_stops_no_asking() -> None:
    time, provider = clock(), Provider(rsa_key("r1"))
    issuer = Issuer(ADDRESS, provider.fetch, time)

    async def ask() -> None:
        await issuer.key("RS256", "r1")
        time.advance(-100)
        provider.keys = [rsa_key("r2")]
        await issuer.key("RS256", "r2")

    asyncio.run(ask())


def test_old_keys_do_for_two_hours_while_the_issuer_is_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    time, provider = clock(), Provider(rsa_key("r1"))
    issuer = Issuer(ADDRESS, provider.fetch, time)

    async def ask() -> None:
        await issuer.key("RS256", "r1")
        provider.error = OSError("no route")
        time.advance(7200)
        await issuer.key("RS256", "r1")
        time.advance(1)
        with pytest.raises(AccessError, match="cannot be had now"):
            await issuer.key("RS256", "r1")
        provider.error = None
        time.advance(10)
        await issuer.key("RS256", "r1")

    with caplog.at_level(logging.WARNING, "qsdb.server.issuers"):
        asyncio.run(ask())
    assert f"{ADDRESS} gives no keys: no route" in caplog.messages


def test_all_who_come_at_once_wait_for_one_asking() -> None:
    provider = Provider(rsa_key("r1"))
    go_on = threading.Event()
    provider.while_asked = lambda: go_on.wait(10)
    issuer = Issuer(ADDRESS, provider.fetch, clock())

    async def ask() -> None:
        tasks = [asyncio.create_task(issuer.key("RS256", "r1")) for _ in range(20)]
        while issuer._fetching is None:
            await asyncio.sleep(0)
        tasks[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
        go_on.set()
        keys = await asyncio.gather(*tasks[1:])
        assert len(set(map(id, keys))) == 1

    asyncio.run(ask())
    assert len(provider.asked) == 2


def test_nobody_waits_for_a_key_that_another_names() -> None:
    time, provider = clock(), Provider(rsa_key("r1"))
    issuer = Issuer(ADDRESS, provider.fetch, time)
    go_on = threading.Event()

    async def ask() -> None:
        await issuer.key("RS256", "r1")
        time.advance(20)
        provider.while_asked = lambda: go_on.wait(10)
        stranger = asyncio.create_task(issuer.key("RS256", "r2"))
        while issuer._fetching is None:
            await asyncio.sleep(0)
        await issuer.key("RS256", "r1")
        assert not stranger.done()
        go_on.set()
        with pytest.raises(AccessError, match="no key of this name"):
            await stranger

    asyncio.run(ask())


def test_while_the_issuer_is_away_it_is_asked_beside_those_who_come() -> None:
    time, provider = clock(), Provider(rsa_key("r1"))
    issuer = Issuer(ADDRESS, provider.fetch, time)
    go_on = threading.Event()

    async def ask() -> None:
        await issuer.key("RS256", "r1")
        provider.error = OSError("no route")
        time.advance(300)
        await issuer.key("RS256", "r1")
        time.advance(10)
        provider.while_asked = lambda: go_on.wait(10)
        await issuer.key("RS256", "r1")
        fetching = issuer._fetching
        assert fetching is not None
        provider.error = None
        go_on.set()
        await fetching
        provider.keys = [rsa_key("r2")]
        time.advance(300)
        with pytest.raises(AccessError, match="no key of this name"):
            await issuer.key("RS256", "r1")

    asyncio.run(ask())


def test_a_token_need_not_name_the_only_key() -> None:
    provider = Provider(rsa_key(None), ec_key("e1"), ec_key("e2"))
    issuer = Issuer(ADDRESS, provider.fetch, clock())

    async def ask() -> None:
        await issuer.key("RS256", None)
        with pytest.raises(AccessError, match="no key of this name"):
            await issuer.key("ES256", None)

    asyncio.run(ask())


WEAK = rsa.generate_private_key(65537, 1024)
OTHER_CURVE = ec.generate_private_key(ec.SECP384R1())


@pytest.mark.parametrize(
    "data",
    [
        7,
        {},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "k"},
        {**rsa_key("k"), "use": "enc"},
        {**rsa_key("k"), "alg": "HS256"},
        {**rsa_key("k"), "kid": 7},
        {**rsa_key("k"), "d": "AQAB"},
        {**rsa_key("k"), "n": "!"},
        {**rsa_key("k"), "n": 7},
        {"kty": "RSA", "kid": "k"},
        rsa_key("k", WEAK),
        {**ec_key("k"), "x": "AAAA"},
        ec_key("k", OTHER_CURVE),
    ],
)
def test_what_is_no_key_for_a_seal_is_passed_over(data: object) -> None:
    provider = Provider(data, rsa_key("r1"))
    issuer = Issuer(ADDRESS, provider.fetch, clock())

    async def ask() -> None:
        await issuer.key("RS256", "r1")

    asyncio.run(ask())
    assert [*issuer._keys] == [("RS256", "r1")]


def broken_documents() -> dict[str, Provider]:
    def with_keys(keys: object) -> Provider:
        provider = Provider()
        provider.keys = keys
        return provider

    other, elsewhere, silent = (Provider(rsa_key("r1")) for _ in range(3))
    other.issuer = "https://evil.example.com"
    elsewhere.keys_at = "http://10.0.0.1/keys"
    silent.error = ValueError("too long")
    return {
        "another issuer's": other,
        "keys in the network of the server": elsewhere,
        "keys no list": with_keys({"a": 1}),
        "too many keys": with_keys([rsa_key("r1")] * 65),
        "too long": silent,
    }


@pytest.mark.parametrize("name", [*broken_documents()])
def test_documents_that_cannot_be_give_no_keys(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    issuer = Issuer(ADDRESS, broken_documents()[name].fetch, clock())

    with pytest.raises(AccessError, match="cannot be had now"):
        asyncio.run(issuer.key("RS256", "r1"))
    assert len(caplog.records) == 1


@pytest.mark.parametrize("data", [b"{", b"[]", b"\xff", b" " * (1 << 18) + b"{}"])
def test_what_is_no_object_of_json_gives_no_keys(
    data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    issuer = Issuer(ADDRESS, lambda _: data, clock())

    with pytest.raises(AccessError, match="cannot be had now"):
        asyncio.run(issuer.key("RS256", "r1"))
    assert "gives no keys" in caplog.text
