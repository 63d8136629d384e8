"""A server's settings: whose they are, what they may hold, and its password."""

from collections.abc import Callable
from functools import partial

import pytest

from examples.qsbridge import (
    ServerConfig,
    ServerRegistry,
    admin_set_max_players,
    admin_set_motd,
    admin_set_password,
    admin_set_server_name,
    admin_toggle_whitelist,
)
from examples.qsbridge.hub.passwords import is_hash, matches
from tests.examples.hub import EAST, WEST, Hub

HASH = f"scrypt$14${'0a' * 16}${'f0' * 32}"
"""A hash in form; no password is known to give it."""

SETTERS: tuple[tuple[str, object], ...] = (
    ("admin_set_password", ""),
    ("admin_toggle_whitelist", True),
    ("admin_set_max_players", 7),
    ("admin_set_motd", "hello"),
    ("admin_set_server_name", "East"),
)


@pytest.mark.parametrize(
    ("reducer", "value", "change"),
    [
        ("admin_set_password", HASH, {"password_hash": HASH}),
        ("admin_toggle_whitelist", True, {"whitelist_enabled": True}),
        ("admin_set_max_players", 7, {"max_players": 7}),
        ("admin_set_motd", "hello", {"motd": "hello"}),
        ("admin_set_server_name", "East", {"server_name": "East"}),
    ],
)
@pytest.mark.parametrize("who", ["owner", "bridge"])
def test_setter_changes_one_column_of_one_server(
    hub: Hub, reducer: str, value: object, change: dict[str, str | int], who: str
) -> None:
    east, west = hub.config("east"), hub.config("west")

    hub.db.caller(hub.db.owner if who == "owner" else EAST).call(reducer, "east", value)

    assert hub.config("east") == east.replace(**change)
    assert hub.config("west") == west


@pytest.mark.parametrize(("reducer", "value"), SETTERS)
def test_bridge_may_set_up_its_own_server_only(
    hub: Hub, reducer: str, value: object
) -> None:
    for server_id in ("east", "nowhere"):
        text = hub.refusal(partial(hub.db.caller(WEST).call, reducer, server_id, value))
        assert text == (
            f"NotAuthorized: 'server:west' may set up its own server, not '{server_id}'"
        )


@pytest.mark.parametrize(("reducer", "value"), SETTERS)
def test_setter_needs_a_server_with_settings(
    hub: Hub, reducer: str, value: object
) -> None:
    with hub.db.write() as tx:
        tx[ServerConfig].delete_by_key("east")

    for server_id in ("east", "nowhere", ""):
        text = hub.refusal(partial(hub.db.call, reducer, server_id, value))
        assert text == f"NotFound: server '{server_id}' has no settings"


def test_limit_of_a_server_that_is_not_registered_is_refused(hub: Hub) -> None:
    with hub.db.write() as tx:
        tx[ServerRegistry].delete_by_key("east")

    text = hub.refusal(lambda: hub.db.call(admin_set_max_players, "east", 7))

    assert text == "NotFound: there is no server 'east'"


def test_limit_is_copied_to_the_registry_and_nobody_is_kicked(hub: Hub) -> None:
    for player in ("p1", "p2", "p3"):
        hub.join(EAST, player)
    before = hub.server("east")

    hub.db.call(admin_set_max_players, "east", 1)

    assert hub.server("east") == before.replace(max_players=1)
    assert hub.presence("p3") is not None
    assert hub.commands() == []


def test_limit_survives_the_next_registration(hub: Hub) -> None:
    hub.db.call(admin_set_max_players, "east", 7)

    hub.register(EAST, "east", 50)

    assert hub.config("east").max_players == 7
    assert hub.server("east").max_players == 7


@pytest.mark.parametrize("limit", [1, 10_000])
def test_limit_takes_its_bounds(hub: Hub, limit: int) -> None:
    hub.db.call(admin_set_max_players, "east", limit)

    assert hub.config("east").max_players == limit


def test_texts_take_their_bounds(hub: Hub) -> None:
    hub.db.call(admin_set_motd, "east", "m" * 1024)
    hub.db.call(admin_set_server_name, "east", "n" * 64)
    hub.db.call(admin_set_motd, "west", "hello")
    hub.db.call(admin_set_motd, "west", "")

    assert len(hub.config("east").motd) == 1024
    assert len(hub.config("east").server_name) == 64
    assert hub.config("west").motd == ""


@pytest.mark.parametrize(
    ("reducer", "value", "why"),
    [
        (admin_set_max_players, 0, "max_players is 0, not 1 to 10000"),
        (admin_set_max_players, 10_001, "max_players is 10001, not 1 to 10000"),
        (admin_set_motd, "m" * 1025, "motd has 1025 characters, more than 1024"),
        (admin_set_server_name, "", "name is empty, not 1 to 64 characters"),
        (admin_set_server_name, "n" * 65, "name has 65 characters, more than 64"),
        (
            admin_set_password,
            "p" * 129,
            "password has 129 characters, more than 128",
        ),
        (
            admin_set_password,
            "scrypt$14$00$00",
            "password begins with 'scrypt$' and is no hash of hash_password",
        ),
    ],
)
def test_setter_refuses_values_beyond_the_bounds(
    hub: Hub, reducer: Callable[..., None], value: str | int, why: str
) -> None:
    text = hub.refusal(lambda: hub.db.call(reducer, "east", value))

    assert text == f"InvalidArgument: {why}"


def test_whitelist_is_switched_on_and_off(hub: Hub) -> None:
    hub.db.call(admin_toggle_whitelist, "east", enabled=True)
    hub.db.call(admin_toggle_whitelist, "east", enabled=True)
    assert hub.config("east").whitelist_enabled

    hub.db.call(admin_toggle_whitelist, "east", enabled=False)
    assert not hub.config("east").whitelist_enabled


def test_name_in_the_registry_is_what_the_bridge_says(hub: Hub) -> None:
    hub.db.call(admin_set_server_name, "east", "The East")
    hub.register(EAST, "east", texts={"display_name": "East 2"})

    assert hub.config("east").server_name == "The East"
    assert hub.server("east").display_name == "East 2"


def test_password_is_stored_as_its_hash(hub: Hub) -> None:
    hub.db.call(admin_set_password, "east", "hunter2")

    stored = hub.config("east").password_hash
    assert is_hash(stored)
    assert matches("hunter2", stored)
    assert not matches("hunter3", stored)


def test_empty_password_clears_the_hash(hub: Hub) -> None:
    hub.db.call(admin_set_password, "east", HASH)
    hub.db.call(admin_set_password, "east", "")

    stored = hub.config("east").password_hash
    assert stored == ""
    assert matches("", stored)
    assert matches("anything", stored)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2",
        HASH + "0",
        HASH[:-1],
        HASH.upper(),
        HASH + "\n",
        HASH.replace("$14$", "$15$"),
    ],
)
def test_other_texts_are_no_hashes_and_match_nothing(text: str) -> None:
    assert not is_hash(text)
    assert not (text and matches("hunter2", text))
