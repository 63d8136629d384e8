"""Tokens: what a client shows to be the same identity again.

A token is a JSON Web Token, as RFC 7519 has it: claims, and a seal over them that is
made with a secret (HMAC with SHA-256, ``HS256``). The secret is made with the database
and kept in ``st_secret``, so a token is good for as long as the database is, and nobody
makes one who has not read its files.

=================  ==========================================================
claim
=================  ==========================================================
``iss``, ``sub``   who says so, and of whom: of an identity that is made from
                   them, what it is made from
``hex_identity``   the identity
``iat``            when the token was made, in seconds since 1970
``nbf``            when it begins to be good, if that is later
``exp``            when it ends, if it does
=================  ==========================================================

What else it says is the application's own; a token says it as JSON does.

*Source*: RFC 7515, RFC 7519; SpacetimeDB's claims.
"""

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Mapping
from types import MappingProxyType

import attrs

from qsdb.codec.json_text import read_json, write_json
from qsdb.errors import AccessError, ArgumentError, brief
from qsdb.values.identity import Identity

__all__ = ["ISSUER", "Claimed", "Tokens", "claimed", "new_secret", "said_of"]

SECRET_BYTES = 32
ISSUER = "qsdb"

_TIMES = ("nbf", "exp")
_HEADER = {"alg": "HS256", "typ": "JWT"}


def new_secret(seed: int | None) -> bytes:
    """Give a secret of the operating system; of a seed always the same, for tests."""
    if seed is None:
        return random.SystemRandom().randbytes(SECRET_BYTES)
    return hashlib.sha256(f"qsdb secret {seed}".encode()).digest()


@attrs.frozen
class Claimed:
    """What a token says.

    Attributes:
        identity: Who shows it.
        claims: All of it.
    """

    identity: Identity
    claims: Mapping[str, object]


class Tokens:
    """Makes tokens and reads them."""

    def __init__(self, secret: bytes) -> None:
        """Seal with a secret."""
        self._secret = secret

    def make(self, claimed: Claimed) -> str:
        """Give the token that says something."""
        parts = [_encoded(_HEADER), _encoded(dict(claimed.claims))]
        signed = ".".join(parts)
        return f"{signed}.{self._seal(signed)}"

    def read(self, token: object, now: float) -> Claimed:
        """Give what a token says.

        Args:
            token: It.
            now: Seconds since 1970.

        Raises:
            ArgumentError: it is no text.
            AccessError: it was not made here, has ended, or has not begun.
        """
        if type(token) is not str:
            raise ArgumentError(f"a token is a str, not {brief(token)}")
        signed, _, seal = token.rpartition(".")
        given = seal.encode(errors="surrogatepass")
        expected = self._seal(signed).encode()
        if not hmac.compare_digest(expected, given):
            raise AccessError("this token is no token of this database")
        claims = _decoded(signed.partition(".")[2])
        begins, ends = claims.get("nbf"), claims.get("exp")
        if isinstance(ends, int | float) and ends <= now:
            raise AccessError("this token has ended")
        if isinstance(begins, int | float) and begins > now:
            raise AccessError("this token is not good yet")
        identity = Identity.from_hex(str(claims["hex_identity"]))
        return Claimed(identity, MappingProxyType(claims))

    def _seal(self, signed: str) -> str:
        text = signed.encode(errors="surrogatepass")
        return _base64(hmac.digest(self._secret, text, "sha256"))


def claimed(
    identity: Identity, subject: str, now: float, issuer: str = ISSUER
) -> Claimed:
    """Give what a token is to say that is made now."""
    claims: dict[str, object] = {
        "iss": issuer,
        "sub": subject,
        "hex_identity": identity.to_hex(),
        "iat": int(now),
    }
    return Claimed(identity, MappingProxyType(claims))


def said_of(issuer: str, subject: str, others: object, now: float) -> Claimed:
    """Give what a token is to say of somebody, with claims of the application.

    Args:
        issuer: Who says so.
        subject: What the issuer calls them.
        others: The claims, by name.
        now: Seconds since 1970.

    Raises:
        ArgumentError: the issuer or the subject is none, or a claim cannot be.
    """
    try:
        identity = Identity.from_claims(issuer, subject)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"a token needs somebody to speak of: {error}") from None
    said = claimed(identity, subject, now, issuer).claims
    given = _plain(others)
    for name in given:
        if name in said:
            raise ArgumentError(f"claim {name} is made by qsdb, and cannot be given")
    for name in _TIMES:
        if name in given and type(given[name]) not in (int, float):
            raise ArgumentError(
                f"claim {name} is a number of seconds since 1970, not "
                f"{brief(given[name])}"
            )
    return Claimed(identity, MappingProxyType({**said, **given}))


def _plain(claims: object) -> dict[str, object]:
    """Give claims as JSON says them, so that a token says the same.

    Raises:
        ArgumentError: it does not, or they have no names.
    """
    if not isinstance(claims, Mapping):
        raise ArgumentError(f"claims are a dict, by name, not {brief(claims)}")
    try:
        plain = read_json(write_json({**claims}))
    except (TypeError, ValueError, RecursionError) as error:
        raise ArgumentError(f"claims {brief(claims)} are no JSON: {error}") from None
    assert isinstance(plain, dict)
    return plain


def _encoded(data: object) -> str:
    return _base64(json.dumps(data, separators=(",", ":")).encode())


def _decoded(text: str) -> dict[str, object]:
    data = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    assert isinstance(data, dict)
    return data


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
