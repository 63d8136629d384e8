"""`Authority`: makes the tokens of a server, and says who shows one.

A token is a JSON Web Token: a header, claims (`qsdb.server.claims`) and a seal. Which
key the seal is checked with, the algorithm in the header says; each key is for one
algorithm and no other, so that a public key is never taken for a secret.

=========  ======================================  =================================
algorithm  key                                     tokens of
=========  ======================================  =================================
ES256      this server's (`SigningKey`)            this server, whatever issuer they
                                                   name
HS256      a secret shared with an issuer that     that issuer
           the operator has named
RS256,     those of an issuer that the operator    that issuer
ES256      has named (`Issuer`)
=========  ======================================  =================================

All else is refused, ``none`` too. Whoever has a secret can make any token with it, so
it speaks for the users of its own issuer and of no other; and an issuer has either a
secret or keys, so that nobody with one can do what the other is for.

The tokens that it makes: for somebody new (`Authority.anonymous`), who keeps it; for a
minute, of the claims of another one (`Authority.short_lived`), since addresses are
written down in many places; for the owner of a database (`Authority.owner_token`).
"""

import secrets
import uuid
from collections.abc import Callable, Mapping
from types import MappingProxyType

import attrs
import jwt

from qsdb.codec.json_text import JsonTextError, read_json
from qsdb.errors import AccessError, ArgumentError, brief
from qsdb.files import Directory
from qsdb.runtime.clock import Clock, SystemClock
from qsdb.runtime.tokens import ISSUER
from qsdb.server.claims import (
    Claims,
    check_audience,
    check_times,
    identity_of,
    owner_subject,
)
from qsdb.server.credentials import Credentials
from qsdb.server.fetching import fetch_document
from qsdb.server.issuers import Fetch, Issuer, PublicKey
from qsdb.server.signing_keys import SigningKey, kept_key, new_key
from qsdb.values.identity import CLAIM_BYTES_MAX, Identity

__all__ = ["Authority", "Trust"]

TOKEN_CHARACTERS_MAX = 8192
"""No longer token is looked at; such of a provider with many claims have 2,000."""

SECRET_BYTES_MIN = 32
"""Of what is shared for HS256: RFC 7518, section 3.2."""

SHORT_SECONDS = 60
"""So long a token lasts that stands in an address."""

OWN_AUDIENCE = "qsdb"

_REFUSED = "the token is not valid here"


def _frozen(secrets: Mapping[str, bytes]) -> Mapping[str, bytes]:
    return MappingProxyType({**secrets})


@attrs.frozen
class Trust:
    """Whose tokens count, besides those of this server.

    Attributes:
        issuer: What this server is called in tokens that it makes.
        secrets: Issuers that seal tokens by HS256, as they are called in these, each
            with its secret.
        issuers: Addresses of those whose tokens count, by OpenID Connect.
        audiences: For whom tokens of others must be; any if it is empty.
    """

    issuer: str = ISSUER
    secrets: Mapping[str, bytes] = attrs.field(
        factory=dict, converter=_frozen, repr=False
    )
    issuers: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        """Look at what the operator has said.

        Raises:
            ArgumentError: a secret is too short, a name is none, or an issuer has
                both a secret and keys, or is this server.
        """
        for name in (self.issuer, *self.secrets):
            if not 1 <= len(name.encode()) <= CLAIM_BYTES_MAX or "|" in name:
                raise ArgumentError(
                    f"an issuer has a name of 1 to {CLAIM_BYTES_MAX} bytes without |; "
                    f"{brief(name)} is none"
                )
        for name, secret in self.secrets.items():
            if len(secret) < SECRET_BYTES_MIN:
                raise ArgumentError(
                    f"the secret for HS256 of issuer {brief(name)} has {len(secret)} "
                    f"bytes; at least {SECRET_BYTES_MIN} are needed"
                )
            if name in self.issuers:
                raise ArgumentError(
                    f"issuer {brief(name)} has a secret for HS256, and keys by OpenID "
                    "Connect; it has one of the two"
                )
        for name in (*self.secrets, *self.issuers):
            if name in (ISSUER, self.issuer):
                raise ArgumentError(
                    f"issuer {brief(name)} is this server, whose tokens nobody else "
                    "makes"
                )


class Authority:
    """Makes tokens and checks them; used in one event loop.

    Attributes:
        trust: Whose tokens count besides.
    """

    def __init__(
        self,
        directory: Directory | None = None,
        trust: Trust | None = None,
        *,
        clock: Clock | None = None,
        fetch: Fetch = fetch_document,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Have a key: the one in a directory, made at the first start.

        Args:
            directory: Where the key is kept; without it there is a new one each time.
            trust: Whose tokens count besides; nobody's if not given.
            clock: Where the time comes from; the machine's if not given.
            fetch: Gives the documents of issuers.
            entropy: Gives so many random bytes, for the names of the anonymous.

        Raises:
            ArgumentError: an issuer's address is none.
            StorageError: the key cannot be read, or not be kept.
        """
        self.trust = trust = trust or Trust()
        self._clock = clock = clock or SystemClock()
        self._entropy = entropy
        self._key: SigningKey = new_key() if directory is None else kept_key(directory)
        self._issuers = {each: Issuer(each, fetch, clock) for each in trust.issuers}

    @property
    def public_key_pem(self) -> str:
        """The key that checks this server's tokens, as PEM."""
        return self._key.public_pem

    # Making.

    def anonymous(self) -> Credentials:
        """Give credentials for somebody new, of whom nothing is known."""
        subject = str(uuid.UUID(bytes=self._entropy(16), version=4))
        identity = Identity.from_claims(self.trust.issuer, subject)
        return self._credentials(identity, subject)

    def owner_token(self, owner: Identity) -> str:
        """Give a token with which somebody acts as the owner of a database."""
        return self._credentials(owner, owner_subject(owner)).token

    def short_lived(self, credentials: Credentials) -> str:
        """Give a token of the same claims, that lasts a minute.

        And no longer than the one that was shown, so that nobody goes on with a token
        that was seen in an address.
        """
        ends = self._now() + SHORT_SECONDS
        given = credentials.claims.get("exp")
        if isinstance(given, int | float):
            ends = min(ends, int(given))
        return self._signed({**credentials.claims, "exp": ends})

    def _credentials(self, identity: Identity, subject: str) -> Credentials:
        claims: dict[str, object] = {
            "hex_identity": identity.to_hex(),
            "sub": subject,
            "iss": self.trust.issuer,
            "aud": [OWN_AUDIENCE],
            "iat": self._now(),
        }
        token = self._signed(claims)
        return Credentials(identity, MappingProxyType(claims), token)

    def _signed(self, claims: Mapping[str, object]) -> str:
        headers = {"kid": self._key.thumbprint}
        return jwt.encode({**claims}, self._key.private, "ES256", headers)

    def _now(self) -> int:
        return self._clock.now().micros // 1_000_000

    # Checking.

    async def admit(self, token: str) -> Credentials:
        """Say who shows a token.

        Raises:
            AccessError: nobody who counts has made it, or it has ended, or what it says
                cannot be; the text tells nothing else.
        """
        header = _header_of(token)
        algorithm, name = str(header.get("alg")), header.get("kid")
        if algorithm == "ES256":
            found = self.admit_own(token)
            if found is not None:
                return found
        said = str(_unproved(token).get("iss"))
        secret = self.trust.secrets.get(said)
        if algorithm == "HS256" and secret is not None:
            return self._admit_other(token, _opened(token, secret, algorithm))
        issuer = self._issuers.get(said)
        if issuer is None or algorithm not in ("RS256", "ES256"):
            raise AccessError(_REFUSED)
        # A name that is no text is no key's.
        key = await issuer.key(algorithm, None if name is None else str(name))
        return self._admit_other(token, _opened(token, key, algorithm))

    def admit_own(self, token: str) -> Credentials | None:
        """Say who shows a token of this server; None if this is none.

        Raises:
            AccessError: it is one, and has ended, or what it says cannot be.
        """
        try:
            claims = _opened(token, self._key.public, "ES256")
        except AccessError:
            return None
        check_times(claims, self._now())
        identity = identity_of(claims, self.trust.issuer, is_own=True)
        return Credentials(identity, claims, token)

    def _admit_other(self, token: str, claims: Claims) -> Credentials:
        # `Trust` lets no key be that of this server's own users, nor have a name that,
        # joined to that of a user, is another's.
        check_times(claims, self._now())
        check_audience(claims, self.trust.audiences)
        identity = identity_of(claims, self.trust.issuer, is_own=False)
        return Credentials(identity, claims, token)


_SEALS = jwt.PyJWS(algorithms=["ES256", "RS256", "HS256"])


def _header_of(token: object) -> Mapping[str, object]:
    """Give the header of a token, which anybody may have written.

    Raises:
        AccessError: it is no token, or has parts that are not understood.
    """
    if type(token) is not str or len(token) > TOKEN_CHARACTERS_MAX:
        raise AccessError("this is no token, or one that is too long")
    try:
        header: Mapping[str, object] = _SEALS.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError):
        raise AccessError("this is no token") from None
    if "crit" in header:
        raise AccessError("the token's header asks for what is not known here")
    return header


def _unproved(token: str) -> Claims:
    """Give the claims of a token whose seal was not looked at."""
    found = _SEALS.decode_complete(token, options={"verify_signature": False})
    return _claims(found["payload"])


def _opened(token: str, key: PublicKey | bytes, algorithm: str) -> Claims:
    """Give the claims of a token, whose seal fits a key.

    Raises:
        AccessError: it does not, or there are no claims.
    """
    try:
        found = _SEALS.decode_complete(token, key, algorithms=[algorithm])
    except (jwt.PyJWTError, ValueError, TypeError):
        raise AccessError(_REFUSED) from None
    return _claims(found["payload"])


def _claims(payload: bytes) -> Claims:
    try:
        claims = read_json(payload)
    except JsonTextError:
        raise AccessError("the token's claims are no JSON") from None
    if not isinstance(claims, dict):
        raise AccessError("the token's claims are no object of JSON")
    return MappingProxyType(claims)
