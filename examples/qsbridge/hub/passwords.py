"""A server's password, as its hash: ``scrypt$cost$salt$hash``.

The wiki stores a bcrypt hash, which takes a library; scrypt is in Python's own.
The salt comes from the call's random source, so the same call replayed gives the
same text.

A hash may also be made outside, by whoever has the password (`hash_password`),
and given to the reducer in place of the password: then the password is neither
in the commit log, which keeps the arguments of calls, nor on the network; and
the 30 to 50 ms that hashing takes hold up nobody else.
"""

import hashlib
import hmac
import re
from typing import Final

__all__ = ["SALT_BYTES", "SCHEME", "hash_password", "is_hash", "matches"]

SALT_BYTES: Final = 16
SCHEME: Final = "scrypt$"
"""What every hash begins with, and no password may."""
LOG2_COST: Final = 14
BLOCK_SIZE: Final = 8
HASH_BYTES: Final = 32
HASH: Final = re.compile(r"scrypt\$14\$([0-9a-f]{32})\$([0-9a-f]{64})", re.ASCII)


def hash_password(password: str, salt: bytes) -> str:
    """Give the text that is stored for a password.

    Args:
        password: Not empty.
        salt: `SALT_BYTES` random bytes, fresh for each password.
    """
    digest = hashlib.scrypt(
        password.encode(),
        salt=salt,
        n=1 << LOG2_COST,
        r=BLOCK_SIZE,
        p=1,
        maxmem=64 << 20,
        dklen=HASH_BYTES,
    )
    return f"{SCHEME}{LOG2_COST}${salt.hex()}${digest.hex()}"


def is_hash(text: str) -> bool:
    """Tell whether a text is what `hash_password` gives, and no password."""
    return HASH.fullmatch(text) is not None


def matches(password: str, stored: str) -> bool:
    """Tell whether a password opens a server; an empty hash is opened by any."""
    if not stored:
        return True
    found = HASH.fullmatch(stored)
    if found is None:
        return False
    return hmac.compare_digest(hash_password(password, bytes.fromhex(found[1])), stored)
