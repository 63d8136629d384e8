"""`SigningKey`: the pair of keys with which a server signs its tokens.

The algorithm is ES256: ECDSA on the curve P-256. The private key never leaves the
process but for the file in which it is kept, that only the server's user may read.
Whoever replaces that file makes all tokens worthless that were signed before.

The key's *thumbprint* (RFC 7638) is told in each token, as ``kid``.
"""

import base64
import contextlib
import hashlib

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from qsdb.errors import StorageError
from qsdb.files import Directory
from qsdb.log.whole_files import read_file, write_file

__all__ = ["KEY_FILE", "SigningKey", "kept_key", "new_key"]

KEY_FILE = "signing-key.pem"
"""The private key, as PKCS 8 in PEM, in the directory of a server."""

_KEY_BYTES_MAX = 1 << 14


class SigningKey:
    """A pair of keys.

    Attributes:
        private: What signs.
        public: What checks what was signed.
        public_pem: The same for others, as PEM.
        thumbprint: What it is called.
    """

    def __init__(self, private: EllipticCurvePrivateKey) -> None:
        """Take a private key on the curve P-256."""
        self.private = private
        self.public = private.public_key()
        self.public_pem = self.public.public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        ).decode()
        numbers = self.public.public_numbers()
        x, y = (_base64(each.to_bytes(32, "big")) for each in (numbers.x, numbers.y))
        members = f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'
        self.thumbprint = _base64(hashlib.sha256(members.encode()).digest())

    def __repr__(self) -> str:
        """Name it, and nothing that is secret."""
        return f"<SigningKey {self.thumbprint}>"


def new_key() -> SigningKey:
    """Make a pair of keys, with entropy of the operating system."""
    return SigningKey(generate_private_key(SECP256R1()))


def kept_key(directory: Directory) -> SigningKey:
    """Give the pair that is kept in a directory; at the first start, make it.

    It is on the disk when this returns, under a name that lasts.

    Raises:
        StorageError: what is there is no such key, or the system refuses.
    """
    where = directory.describe(KEY_FILE)
    try:
        if directory.exists(KEY_FILE):
            return _read(read_file(directory, KEY_FILE, _KEY_BYTES_MAX), where)
        made = new_key()
        directory.make_directory()
        data = made.private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        write_file(directory, KEY_FILE, data, private=True)
        directory.sync()
    except OSError as error:
        raise StorageError(f"{where}: the key cannot be kept there: {error}") from None
    return made


def _read(data: bytes, where: str) -> SigningKey:
    with contextlib.suppress(ValueError, TypeError):
        found = load_pem_private_key(data, None)
        if isinstance(found, EllipticCurvePrivateKey) and _is_p256(found):
            return SigningKey(found)
    raise StorageError(
        f"{where} is no private key on the curve P-256 in PEM without a password; "
        "mend it, or take it away: then a new one is made, and all tokens that were "
        "signed with the old one are worthless"
    )


def _is_p256(key: EllipticCurvePrivateKey) -> bool:
    return isinstance(key.curve, SECP256R1)


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
