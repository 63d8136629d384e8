"""What a database is called; and what a running server does not do."""

import pytest

from tests.support.http_server import bank_desk, client_of, database_of, owner_of

BANK = "/v1/database/bank"


def test_a_database_says_who_it_is() -> None:
    with bank_desk() as desk:
        client, db = client_of(desk), database_of(desk)

        found = client.get(BANK).json()
        assert found["database_identity"] == {
            "__identity__": f"0x{db.identity.to_hex()}"
        }
        assert found["owner_identity"] == {"__identity__": f"0x{db.owner.to_hex()}"}
        assert found["host_type"] == {"Wasm": []}
        assert set(found["initial_program"]) == {"0", "x"}
        assert client.get(f"{BANK}/identity").text == db.identity.to_hex()
        assert client.get(f"{BANK}/names").json() == {"names": ["bank"]}
        assert client.get(f"{BANK}/unstable/timestamp").json() == {
            "__timestamp_micros_since_unix_epoch__": 1767268800000000
        }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/database"),
        ("PUT", BANK),
        ("DELETE", BANK),
        ("POST", f"{BANK}/names"),
        ("PUT", f"{BANK}/names"),
        ("POST", f"{BANK}/pre_publish"),
        ("PUT", f"{BANK}/reset"),
        ("POST", f"{BANK}/lock"),
        ("POST", f"{BANK}/unlock"),
        ("POST", f"{BANK}/mcp"),
        ("POST", "/v1/mcp"),
        ("PUT", "/v1/database/unknown"),
    ],
)
def test_nothing_is_published_over_http(method: str, path: str) -> None:
    with bank_desk() as desk:
        for client in (client_of(desk), owner_of(desk)):
            found = client.ask(method, path)
            assert found.status == 501
            assert f"{method} {path} is not for a running server" in found.text


def test_a_websocket_begins_with_an_upgrade() -> None:
    with bank_desk() as desk:
        found = client_of(desk).get(f"{BANK}/subscribe")

    assert (found.status, found.headers["upgrade"]) == (426, "websocket")
    assert found.text == "this address is for WebSockets"
