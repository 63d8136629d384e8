"""`Issuer`: somebody else who makes tokens that count here, by OpenID Connect.

An issuer is known by its address, which is the ``iss`` of its tokens. Below it is a
*discovery document* that says where its public keys are, and there they are, as a set
of JSON Web Keys. Only issuers that the operator has named are ever asked: a stranger's
token cannot send this server anywhere.

========================  ====================================================
keys are asked for        when
========================  ====================================================
at the first token
again, every 5 minutes    so that a key which is withdrawn counts no more
again, if a token names   at most once in 10 seconds, since strangers can
a key that is not there   name what they like
after 2 hours             what could not be asked for since counts no more
========================  ====================================================

Documents are at most `DOCUMENT_BYTES_MAX` long and keys at most `KEYS_MAX`; what is no
key for RS256 or ES256, or too weak a one, is passed over.

*Source*: OpenID Connect Discovery 1.0; RFC 7517.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from qsdb.codec.json_text import JsonTextError, read_json
from qsdb.errors import AccessError, ArgumentError, brief
from qsdb.runtime.clock import Clock
from qsdb.runtime.coroutines import result_of
from qsdb.runtime.pools import Pool

__all__ = ["DOCUMENT_BYTES_MAX", "Fetch", "Issuer", "PublicKey", "check_address"]

PublicKey = RSAPublicKey | EllipticCurvePublicKey

Fetch = Callable[[str], bytes]
"""Takes an address and gives the document there; called in a thread, it may wait.

It raises `OSError` or `ValueError` where there is none."""

DOCUMENT_BYTES_MAX = 1 << 18
KEYS_MAX = 64
RSA_BITS_MIN = 2048

REFRESH_SECONDS = 300.0
GIVEN_UP_SECONDS = 7200.0
RETRY_SECONDS = 10.0

DISCOVERY = "/.well-known/openid-configuration"

_ADDRESS = re.compile(
    r"(https://[^\s|/?#@]+|http://(localhost|127\.0\.0\.1)(:\d+)?)(/[^\s|#]*)?"
)
_LOGGER = logging.getLogger("qsdb.server.issuers")


def check_address(address: object) -> str:
    """Give the address of an issuer, or of its keys, if it is one.

    Raises:
        ArgumentError: it is not of the form ``https://host/path``; plain ``http`` is
            for this computer alone.
    """
    if type(address) is not str or _ADDRESS.fullmatch(address) is None:
        raise ArgumentError(
            f"an issuer is an address that begins with https://, without | and #; "
            f"{brief(address)} is not"
        )
    return address


class Issuer:
    """The keys of one issuer, kept for a while.

    Used in one event loop; whoever asks while keys are fetched waits for the same.
    """

    def __init__(self, address: str, fetch: Fetch, clock: Clock) -> None:
        """Begin without keys.

        Raises:
            ArgumentError: the address is none.
        """
        self.address = check_address(address)
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[tuple[str, str | None], PublicKey] = {}
        self._fetched: float | None = None
        self._tried: float | None = None
        self._is_away = False
        self._fetching: asyncio.Task[None] | None = None
        self._pool = Pool("qsdb-server-keys", 1)

    async def key(self, algorithm: str, name: str | None) -> PublicKey:
        """Give the key that a token names.

        Args:
            algorithm: ``RS256`` or ``ES256``.
            name: Its ``kid``; None if it names none, which does where there is one.

        Raises:
            AccessError: there is none, or the issuer gives no keys.
        """
        await self._refresh(algorithm, name)
        if self._fetched is None or self._now() - self._fetched > GIVEN_UP_SECONDS:
            raise AccessError("the keys of the token's issuer cannot be had now")
        found = self._find(algorithm, name)
        if found is None:
            raise AccessError("the token's issuer has no key of this name")
        return found

    def _find(self, algorithm: str, name: str | None) -> PublicKey | None:
        if name is not None:
            return self._keys.get((algorithm, name))
        there = [key for (each, _), key in self._keys.items() if each == algorithm]
        return there[0] if len(there) == 1 else None

    async def _refresh(self, algorithm: str, name: str | None) -> None:
        """Fetch the keys, if it is time; wait for them, if there is need."""
        now = self._now()
        age = GIVEN_UP_SECONDS if self._fetched is None else now - self._fetched
        is_old, found = age >= REFRESH_SECONDS, self._find(algorithm, name)
        is_early = self._tried is not None and 0 <= now - self._tried < RETRY_SECONDS
        if self._fetching is None and (is_old or found is None) and not is_early:
            self._tried = now
            self._fetching = asyncio.create_task(self._fetch_keys())
        # Who names a key that is not there keeps nobody waiting whose key is, and an
        # issuer that was asked in vain nobody whose key does still.
        does = found is not None and age < GIVEN_UP_SECONDS
        if self._fetching is not None and (not does or (is_old and not self._is_away)):
            # One who goes away takes nothing from the others who wait.
            await asyncio.shield(self._fetching)

    async def _fetch_keys(self) -> None:
        try:
            keys = await result_of(self._pool.submit(self._read_keys))
        except (OSError, ValueError) as error:
            self._is_away = True
            _LOGGER.warning("%s gives no keys: %s", self.address, error)
        except ArgumentError as error:
            self._is_away = True
            _LOGGER.warning("%s: %s", self.address, error)
        else:
            self._is_away = False
            self._keys, self._fetched = keys, self._now()
        finally:
            self._fetching = None

    def _read_keys(self) -> dict[tuple[str, str | None], PublicKey]:
        document = self._document(self.address.removesuffix("/") + DISCOVERY)
        if document.get("issuer") != self.address:
            said = brief(document.get("issuer"))
            raise ValueError(f"its discovery document is that of {said}")
        found = self._document(check_address(document.get("jwks_uri"))).get("keys")
        if not isinstance(found, list) or len(found) > KEYS_MAX:
            raise ValueError(f"its set of keys is no list of at most {KEYS_MAX}")
        return dict([pair for each in found if (pair := _read_key(each)) is not None])

    def _document(self, address: str) -> Mapping[str, object]:
        data = self._fetch(address)
        try:
            found = read_json(data, bytes_max=DOCUMENT_BYTES_MAX)
        except JsonTextError as error:
            raise ValueError(f"{address} is no JSON: {error}") from None
        if not isinstance(found, dict):
            raise ValueError(f"{address} is no object of JSON")  # noqa: TRY004  what came is wrong, not what was given
        return found

    def _now(self) -> float:
        return self._clock.now().micros / 1e6


def _read_key(data: object) -> tuple[tuple[str, str | None], PublicKey] | None:
    """Give a key with its algorithm and name; None for what does not do."""
    if not isinstance(data, dict) or data.get("use") not in (None, "sig"):
        return None
    name = data.get("kid")
    algorithm = {"RSA": "RS256", "EC": "ES256"}.get(str(data.get("kty")))
    if algorithm is None or data.get("alg") not in (None, algorithm):
        return None
    if not isinstance(name, str | None) or "d" in data:
        return None
    try:
        key = PyJWK.from_dict({**data, "alg": algorithm}).key
    except (PyJWTError, ValueError, TypeError):
        return None
    is_strong = (
        key.key_size >= RSA_BITS_MIN
        if isinstance(key, RSAPublicKey)
        else isinstance(key, EllipticCurvePublicKey) and key.curve.name == "secp256r1"
    )
    return ((algorithm, name), cast(PublicKey, key)) if is_strong else None
