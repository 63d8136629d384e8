"""Who somebody is."""

import jwt
import pytest

from qsdb.server.claims import owner_subject
from tests.support.http_server import SHARED, bank_desk, client_of, database_of


def test_somebody_new_has_an_identity_and_its_token() -> None:
    with bank_desk() as desk:
        made = client_of(desk).post("/v1/identity").json()
        client = client_of(desk, made["token"])
        found = client.get("/v1/database/bank/identity")

        assert found.headers["spacetime-identity"] == made["identity"]
        path = f"/v1/identity/{made['identity']}/verify"
        assert (client.get(path).status, client.get(path).text) == (204, "")
        other = client.get(f"/v1/identity/{'00' * 32}/verify")
        assert (other.status, "another identity" in other.text) == (400, True)
        none = client_of(desk).get(path)
        assert (none.status, none.text) == (401, "Authorization required")


def test_a_token_for_an_address_lasts_a_minute() -> None:
    with bank_desk() as desk:
        made = client_of(desk).post("/v1/identity").json()
        short = client_of(desk, made["token"]).post("/v1/identity/websocket-token")
        key = client_of(desk).get("/v1/identity/public-key")
        claims = jwt.decode(
            short.json()["token"],
            key.text,
            ["ES256"],
            audience="qsdb",
            options={"verify_exp": False, "verify_iat": False},
        )
        assert claims["exp"] - claims["iat"] == 60
        assert claims["hex_identity"] == made["identity"]
        assert key.headers["content-type"] == "application/pem-certificate-chain"

        none = client_of(desk).post("/v1/identity/websocket-token")
        wrong = client_of(desk, "x").post("/v1/identity/websocket-token")
    assert (none.status, none.text) == (401, "Authorization required")
    assert (wrong.status, "spacetime-identity" in wrong.headers) == (401, False)


def test_the_token_of_another_issuer_is_exchanged_for_an_own_one() -> None:
    said = {"iss": "https://shop.example", "sub": "alice", "iat": 1, "exp": None}
    token = jwt.encode(said, SHARED, "HS256")
    with bank_desk() as desk:
        short = client_of(desk, token).post("/v1/identity/websocket-token").json()

        assert jwt.get_unverified_header(short["token"])["alg"] == "ES256"
        found = [
            client_of(desk, each).get("/v1/database/bank").headers["spacetime-identity"]
            for each in (token, short["token"])
        ]
    assert found[0] == found[1]


def test_nobody_else_makes_an_owner() -> None:
    with bank_desk() as desk:
        owner = database_of(desk).owner
        said = {
            "iss": "https://shop.example",
            "sub": owner_subject(owner),
            "hex_identity": owner.to_hex(),
            "iat": 1,
        }
        client = client_of(desk, jwt.encode(said, SHARED, "HS256"))

        assert client.get("/v1/database/bank/logs").status == 401


def test_the_databases_of_an_owner_are_told() -> None:
    with bank_desk() as desk:
        db, client = database_of(desk), client_of(desk)
        found = client.get(f"/v1/identity/{db.owner.to_hex()}/databases").json()
        none = client.get(f"/v1/identity/{'00' * 32}/databases").json()

        assert found == {"identities": [db.identity.to_hex()]}
    assert none == {"identities": []}


def test_nobody_is_short_of_energy() -> None:
    with bank_desk() as desk:
        client = client_of(desk)
        assert client.get(f"/v1/energy/{'ab' * 32}").json() == {"balance": "0"}
        assert client.post(f"/v1/energy/{'ab' * 32}").status == 501


@pytest.mark.parametrize("text", ["x", "ab" * 31, "zz" * 32, "%20" + "a" * 63])
@pytest.mark.parametrize(
    "path", ["/v1/identity/{}/databases", "/v1/identity/{}/verify", "/v1/energy/{}"]
)
def test_what_is_no_identity_is_refused(path: str, text: str) -> None:
    with bank_desk() as desk:
        found = client_of(desk).get(path.format(text))

    assert found.status == 400
    assert found.text == "an identity is 64 hexadecimal digits"
