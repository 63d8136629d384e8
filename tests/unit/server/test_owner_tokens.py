"""Files with the tokens of owners."""

import asyncio
import errno

import pytest

import qsdb
from qsdb import StorageError
from qsdb.server.authority import Authority
from qsdb.server.hosts import Host
from qsdb.server.owner_tokens import write_owner_tokens
from qsdb.testing import Fail, FakeClock, FaultyDirectory, SimulatedDirectory, once

town = qsdb.Module("town")


def token_in(disk: SimulatedDirectory, name: str) -> str:
    return disk.contents(f"{name}.owner-token").decode().strip()


def test_each_database_has_a_token_of_its_owner_in_a_private_file() -> None:
    disk, authority = SimulatedDirectory(), Authority()
    with qsdb.Database(town) as db, qsdb.Database(town) as other:
        paths = write_owner_tokens(disk, Host({"a": db, "b": other}), authority)

        assert paths == {
            "a": "simulated:/a.owner-token",
            "b": "simulated:/b.owner-token",
        }
        for name, each in (("a", db), ("b", other)):
            found = asyncio.run(authority.admit(token_in(disk, name)))
            assert found.identity == each.owner
            assert disk.is_private(f"{name}.owner-token")


def test_a_token_that_does_is_left_and_another_is_written_anew() -> None:
    time = FakeClock(qsdb.Timestamp.from_micros(1_750_000_000_000_000))
    disk, authority = SimulatedDirectory(), Authority(clock=time)
    with qsdb.Database(town) as db, qsdb.Database(town) as other:
        write_owner_tokens(disk, Host({"a": db}), authority)
        first = token_in(disk, "a")
        write_owner_tokens(disk, Host({"a": db}), authority)
        assert token_in(disk, "a") == first

        write_owner_tokens(disk, Host({"a": other}), authority)
        second = token_in(disk, "a")
        assert asyncio.run(authority.admit(second)).identity == other.owner

        time.advance(-1000)
        expired = authority.short_lived(
            asyncio.run(authority.admit(authority.owner_token(db.owner)))
        )
        time.advance(1000)
        for wrong in (b"", b"\xff", expired.encode()):
            disk.replace_contents("a.owner-token", wrong)
            write_owner_tokens(disk, Host({"a": db}), authority)
            found = asyncio.run(authority.admit(token_in(disk, "a")))
            assert found.identity == db.owner


def test_a_disk_that_refuses_is_told() -> None:
    counted = FaultyDirectory(SimulatedDirectory())
    with qsdb.Database(town) as db:
        host, authority = Host({"a": db}), Authority()
        write_owner_tokens(counted, host, authority)

        for number in range(counted.calls_count):
            disk = FaultyDirectory(SimulatedDirectory(), once(number, Fail(errno.EIO)))
            with pytest.raises(StorageError, match="tokens of owners cannot be kept"):
                write_owner_tokens(disk, host, authority)
