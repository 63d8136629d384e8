"""Tokens: what a client shows to be the same identity again.

A token is an identity and a seal, which is made with a secret of the database object.
So it is good for as long as that is open, and nobody else can make one.
"""

import hmac
import random

from qsdb.errors import AccessError, ArgumentError, brief
from qsdb.values.identity import Identity

__all__ = ["Tokens"]

SECRET_BITS = 256


class Tokens:
    """Makes tokens and reads them."""

    def __init__(self) -> None:
        """Draw a secret from the operating system."""
        secret = random.SystemRandom().getrandbits(SECRET_BITS)
        self._secret = secret.to_bytes(SECRET_BITS // 8, "big")

    def make(self, identity: Identity) -> str:
        """Give the token of an identity."""
        seal = hmac.digest(self._secret, identity.stored, "sha256")
        return f"{identity.to_hex()}.{seal.hex()}"

    def read(self, token: object) -> Identity:
        """Give the identity of a token.

        Raises:
            ArgumentError: it is no text.
            AccessError: it was not made here.
        """
        if type(token) is not str:
            raise ArgumentError(f"a token is a str, not {brief(token)}")
        claimed = token.partition(".")[0]
        try:
            identity = Identity.from_hex(claimed)
        except ValueError:
            raise AccessError("this token is no token of this database") from None
        given = token.encode(errors="surrogatepass")
        if not hmac.compare_digest(self.make(identity).encode(), given):
            raise AccessError("this token is no token of this database")
        return identity
