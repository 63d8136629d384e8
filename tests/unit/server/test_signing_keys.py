"""The key that a server keeps."""

import errno
import random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from qsdb import StorageError
from qsdb.server.signing_keys import KEY_FILE, kept_key, new_key
from qsdb.testing import Fail, FaultyDirectory, SimulatedDirectory, once


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_a_key_is_made_once_and_survives_power_loss() -> None:
    disk = SimulatedDirectory()
    made = kept_key(disk)

    after = disk.crash(random.Random(1), "dropped")

    assert kept_key(after).thumbprint == made.thumbprint
    assert after.is_private(KEY_FILE)
    assert after.list() == [KEY_FILE]


def test_keys_differ_and_have_names_of_their_own() -> None:
    one, other = new_key(), new_key()

    assert one.public_pem != other.public_pem
    assert one.thumbprint != other.thumbprint
    assert one.thumbprint in repr(one)


def test_every_step_of_keeping_a_key_may_fail() -> None:
    counted = FaultyDirectory(SimulatedDirectory())
    kept_key(counted)

    for number in range(counted.calls_count):
        disk = SimulatedDirectory()
        plan = once(number, Fail(errno.EIO))
        with pytest.raises(StorageError, match="cannot be kept there"):
            kept_key(FaultyDirectory(disk, plan))
        assert kept_key(disk).thumbprint  # and then it can be made, or read


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\x00",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(rsa.generate_private_key(65537, 1024)),
    ],
)
def test_what_is_no_such_key_is_left_and_refused(content: bytes) -> None:
    disk = SimulatedDirectory({KEY_FILE: content})

    with pytest.raises(StorageError, match=r"signing-key\.pem is no private key"):
        kept_key(disk)
    assert disk.contents(KEY_FILE) == content
