"""Who calls, and over which connection: `Identity` and `ConnectionId`.

An identity is a number of 256 bits that stays with a user for ever; it is
derived from the two claims of a token that never change, the issuer and the
subject. A connection id is a random number of 128 bits that lives as long as
the connection does. Both are shown in hex and stored as big-endian bytes, so
that they sort as numbers.

An identity made from claims::

    c2 00 │ check (4 bytes) │ first 26 bytes of BLAKE3("issuer|subject")
            └ first 4 bytes of BLAKE3(c2 00 ‖ those 26 bytes)

Nothing escapes the bar, so ``("a|b", "c")`` and ``("a", "b|c")`` are one
identity: trust only issuers whose names you know.

Source: SpacetimeDB, whose identities these are, bit for bit.
"""

from typing import ClassVar, Self, final

from qsdb.excerpts import brief
from qsdb.values.blake3 import blake3
from qsdb.values.wrapped import Sortable

__all__ = ["ConnectionId", "Identity"]

CLAIM_BYTES_MAX = 128
"""Of an issuer or a subject, in UTF-8; SpacetimeDB's bound."""

_PREFIX = b"\xc2\x00"
_HASH_BYTES, _CHECK_BYTES = 26, 4


class _Number(Sortable[bytes]):
    """A number of fixed size, held as its big-endian bytes."""

    __slots__ = ()

    SIZE: ClassVar[int]

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Read the hex form, in lower or upper case, with nothing around it.

        Raises:
            TypeError: `text` is not a str.
            ValueError: `text` is not exactly two hex digits for each byte.
        """
        if not isinstance(text, str):
            raise TypeError(f"{_named(cls)} has a str as hex form, not {brief(text)}")
        try:
            raw = bytes.fromhex(text)
        except ValueError:
            raw = b""
        # The length of the text counts too: bytes.fromhex skips blanks.
        if len(raw) != cls.SIZE or len(text) != 2 * cls.SIZE:
            raise ValueError(
                f"{brief(text)} is not the hex form of {_named(cls)}, "
                f"which has {2 * cls.SIZE} digits"
            )
        return cls.from_stored(raw)

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Self:
        """Read the big-endian bytes.

        Raises:
            TypeError: `data` is not bytes.
            ValueError: `data` is too short or too long.
        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"{_named(cls)} is made of bytes, not of {brief(data)}")
        raw = bytes(data)
        if len(raw) != cls.SIZE:
            raise ValueError(f"{_named(cls)} has {cls.SIZE} bytes, not {len(raw)}")
        return cls.from_stored(raw)

    def to_hex(self) -> str:
        """Give the bytes in lower-case hex, highest first."""
        return self.stored.hex()

    def __bytes__(self) -> bytes:
        return self.stored

    def __str__(self) -> str:
        return self.stored.hex()

    def __repr__(self) -> str:
        return f"{type(self).__name__}.from_hex({self.stored.hex()!r})"


@final
class Identity(_Number):
    """A user, or a database: 32 bytes.

    >>> identity = Identity.from_claims("https://example.com", "alice")
    >>> identity.to_hex()[:16]
    'c200b9322c691554'
    >>> Identity.from_bytes(bytes(identity)) == identity
    True
    """

    __slots__ = ()

    SIZE: ClassVar[int] = 32

    ZERO: ClassVar["Identity"]
    """Stands for nobody."""

    @classmethod
    def from_claims(cls, issuer: str, subject: str) -> "Identity":
        """Give the identity of the user whom `issuer` calls `subject`.

        Raises:
            TypeError: a claim is not a str.
            ValueError: a claim is empty, longer than 128 bytes of UTF-8, or not
                valid Unicode.

        Cost: a sixth of a millisecond.
        """
        claims = (
            _claim_bytes("issuer", issuer) + b"|" + _claim_bytes("subject", subject)
        )
        kept = blake3(claims)[:_HASH_BYTES]
        check = blake3(_PREFIX + kept)[:_CHECK_BYTES]
        return cls.from_stored(_PREFIX + check + kept)


Identity.ZERO = Identity.from_stored(bytes(Identity.SIZE))


@final
class ConnectionId(_Number):
    """One connection of a client: 16 bytes.

    >>> ConnectionId.from_hex("000102030405060708090a0b0c0d0e0f")
    ConnectionId.from_hex('000102030405060708090a0b0c0d0e0f')
    """

    __slots__ = ()

    SIZE: ClassVar[int] = 16

    ZERO: ClassVar["ConnectionId"]
    """Stands for no connection."""


ConnectionId.ZERO = ConnectionId.from_stored(bytes(ConnectionId.SIZE))


def _claim_bytes(name: str, claim: str) -> bytes:
    if not isinstance(claim, str):
        raise TypeError(f"the {name} must be a str, not {brief(claim)}")
    data = claim.encode()
    if not 1 <= len(data) <= CLAIM_BYTES_MAX:
        raise ValueError(
            f"the {name} must have 1 to {CLAIM_BYTES_MAX} bytes of UTF-8; "
            f"{brief(claim)} has {len(data)}"
        )
    return data


def _named(cls: type) -> str:
    article = "an" if cls.__name__ == "Identity" else "a"
    return f"{article} {cls.__name__}"
