"""An issuer of tokens, with its documents, and no network."""

import json
from collections.abc import Callable

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from qsdb.testing import FakeClock
from qsdb.values.timestamps import Timestamp

ADDRESS = "https://login.example.com"
NOW = 1_750_000_000
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())


def clock() -> FakeClock:
    return FakeClock(Timestamp.from_micros(NOW * 1_000_000))


def rsa_key(name: str | None, key: rsa.RSAPrivateKey = RSA) -> dict[str, object]:
    data = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    return {**data, **({} if name is None else {"kid": name}), "use": "sig"}


def ec_key(name: str, key: ec.EllipticCurvePrivateKey = EC) -> dict[str, object]:
    return {**json.loads(ECAlgorithm.to_jwk(key.public_key())), "kid": name}


class Provider:
    """Gives documents, counts how often, and may fail."""

    def __init__(self, *keys: object) -> None:
        self.keys: object = [*keys]
        self.issuer = ADDRESS
        self.keys_at = f"{ADDRESS}/keys"
        self.asked: list[str] = []
        self.error: Exception | None = None
        self.while_asked: Callable[[], object] = lambda: None

    def fetch(self, address: str) -> bytes:
        self.asked.append(address)
        self.while_asked()
        if self.error is not None:
            raise self.error
        if address == self.keys_at:
            return json.dumps({"keys": self.keys}).encode()
        assert address == f"{ADDRESS}/.well-known/openid-configuration"
        found = {"issuer": self.issuer, "jwks_uri": self.keys_at}
        return json.dumps(found).encode()


def claims(**others: object) -> dict[str, object]:
    return {"iss": ADDRESS, "sub": "alice", "iat": NOW - 5, **others}


def rs256(said: dict[str, object], name: str | None = "r1") -> str:
    headers = {} if name is None else {"kid": name}
    return jwt.encode(said, RSA, "RS256", headers)


def es256(said: dict[str, object], name: str = "e1") -> str:
    return jwt.encode(said, EC, "ES256", {"kid": name})
