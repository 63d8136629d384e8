"""How much of a server one address may have, and that others have theirs."""

import asyncio

import pytest

from qsdb.errors import AccessError, ArgumentError
from qsdb.server.doors import (
    FORGETTING_AT,
    Allowance,
    Crowd,
    CrowdedError,
    Door,
    DoorOptions,
)
from qsdb.testing import FakeClock
from tests.support.asgi_sockets import Doorkeeper


def test_an_address_has_so_many_and_others_have_theirs() -> None:
    crowd = Crowd("WebSockets", 2)
    for each in ("a", "a", "b"):
        crowd.enter(each)
    with pytest.raises(CrowdedError) as caught:
        crowd.enter("a")

    assert caught.value.text == (
        "this address has 2 WebSockets, and no more are allowed at once"
    )
    crowd.leave("a")
    crowd.enter("a")
    for each in ("a", "a", "b"):
        crowd.leave(each)
    assert len(crowd) == 0  # nobody is remembered who has gone


def test_one_that_was_refused_is_not_remembered() -> None:
    crowd = Crowd("sockets", 1)
    crowd.enter("a")
    for _ in range(3):
        with pytest.raises(CrowdedError):
            crowd.enter("a")
    crowd.leave("a")

    assert len(crowd) == 0


def test_who_is_not_bounded_is_not_counted() -> None:
    crowd = Crowd("sockets", 1)
    allowance = Allowance("tries", 1, FakeClock())
    for _ in range(5):
        crowd.enter(None)
        allowance.require(None)
        allowance.spend(None)
    crowd.leave(None)

    assert (len(crowd), len(allowance)) == (0, 0)


def left(allowance: Allowance, address: str) -> int:
    """Spend all that there is; say how much that was."""
    count = 0
    while True:
        try:
            allowance.require(address)
        except CrowdedError:
            return count
        allowance.spend(address)
        count += 1


def test_after_a_quiet_minute_there_is_all_to_be_had_and_then_as_time_gives() -> None:
    clock = FakeClock()
    allowance = Allowance("identities", 6, clock)
    assert left(allowance, "a") == 6
    assert left(allowance, "b") == 6
    clock.advance(9.9)
    assert left(allowance, "a") == 0
    clock.advance(0.1)
    assert left(allowance, "a") == 1
    clock.advance(25)
    assert left(allowance, "a") == 2
    clock.advance(600)
    assert left(allowance, "a") == 6


def test_who_has_had_all_is_told_when_there_is_more() -> None:
    clock = FakeClock()
    allowance = Allowance("identities", 6, clock)
    left(allowance, "a")
    clock.advance(3.5)
    with pytest.raises(CrowdedError) as caught:
        allowance.require("a")

    assert caught.value.text == (
        "this address has had 6 identities in a minute; try again later"
    )
    assert caught.value.seconds == 7
    clock.advance(caught.value.seconds)
    allowance.require("a")


def test_what_is_spent_beyond_what_there_is_counts_too() -> None:
    clock = FakeClock()
    allowance = Allowance("tokens", 6, clock)
    for _ in range(9):
        allowance.spend("a")
    clock.advance(30)
    assert left(allowance, "a") == 0
    clock.advance(10)
    assert left(allowance, "a") == 1


def test_addresses_that_owe_nothing_are_forgotten() -> None:
    clock = FakeClock()
    allowance = Allowance("identities", 60, clock)
    for number in range(FORGETTING_AT - 1):
        allowance.spend(f"a{number}")
    assert len(allowance) == FORGETTING_AT - 1
    clock.advance(2)
    for _ in range(60):
        allowance.spend("kept")

    assert len(allowance) == 1
    assert left(allowance, "kept") == 0


def test_of_very_many_that_owe_all_are_kept_and_looked_at_seldom() -> None:
    allowance = Allowance("identities", 1, FakeClock())
    for number in range(3 * FORGETTING_AT):
        allowance.spend(f"a{number}")

    assert len(allowance) == 3 * FORGETTING_AT
    assert allowance._forgetting_at == 4 * FORGETTING_AT


def test_tokens_that_are_none_and_new_identities_count_together() -> None:
    door = Door(DoorOptions(identities_each_max=3), clock=FakeClock())
    keeper = Doorkeeper()

    async def main() -> None:
        assert (await door.admit(keeper, "a", "good")).token == "good"
        door.anonymous(keeper, "a")
        for _ in range(2):
            with pytest.raises(AccessError):
                await door.admit(keeper, "a", "bad")
        for token in ("bad", "good"):  # it is not looked at
            with pytest.raises(CrowdedError):
                await door.admit(keeper, "a", token)
        with pytest.raises(CrowdedError) as caught:
            door.anonymous(keeper, "a")
        assert caught.value.text.startswith(
            "this address has had 3 new identities and tokens that are not valid in"
        )
        assert (await door.admit(keeper, "b", "good")).token == "good"
        with pytest.raises(ArgumentError):  # it costs nothing, and is not counted
            await door.admit(keeper, "b", "broken")

    asyncio.run(main())
    assert keeper.number == 1


def test_whose_socket_it_is() -> None:
    door = Door(DoorOptions(proxies=("10.0.0.1",)))
    assert door.neighbour("192.0.2.1") == "192.0.2.1"
    assert door.neighbour("2001:db8::9") == "2001:db8::"
    for each in (None, "10.0.0.1", "127.0.0.1", "127.9.9.9", "::1"):
        assert door.neighbour(each) is None


def test_whose_request_it_is() -> None:
    door = Door(DoorOptions(proxies=("127.0.0.1",)))
    headers = [(b"x-forwarded-for", b"127.0.0.1, 192.0.2.1")]
    assert door.address({"client": ("127.0.0.1", 1), "headers": headers}) == "192.0.2.1"
    assert door.address({"client": ("127.0.0.1", 1), "headers": []}) is None
    assert door.address({"client": None, "headers": headers}) is None


@pytest.mark.parametrize("option", ["proxies", "unbounded"])
def test_what_is_no_network_is_told(option: str) -> None:
    options = DoorOptions(**{option: ("example.org",)})  # type: ignore[arg-type]  # one of two
    with pytest.raises(ArgumentError, match=f"^{option}: 'example.org' is no address"):
        Door(options)
