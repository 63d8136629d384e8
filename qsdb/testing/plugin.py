"""Fixtures for pytest: ``pytest_plugins = ["qsdb.testing.plugin"]`` in a conftest.py.

==================  ==========================================================
fixture
==================  ==========================================================
``qsdb_seed``       one number for the whole run; ``--qsdb-seed=N`` sets it
``qsdb_clock``      a `FakeClock` for the test, at the epoch
``qsdb_database``   opens databases with both: ``db = qsdb_database(module)``;
                    after the test each is checked and closed
==================  ==========================================================

They do not come by themselves when qsdb is installed: pytest would then rewrite the
asserts of all its modules, in every run of everybody.
"""

import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol

import pytest

from qsdb.errors import ClosedError
from qsdb.files import Directory, StrPath
from qsdb.runtime.database import Database
from qsdb.schema.modules import Module
from qsdb.testing.clock import FakeClock
from qsdb.testing.kit import database

__all__ = ["DatabaseFactory", "qsdb_clock", "qsdb_database", "qsdb_seed"]

_SEED = pytest.StashKey[int]()
_SEED_BITS = 32


class DatabaseFactory(Protocol):
    """What the fixture ``qsdb_database`` is."""

    def __call__(
        self, module: Module, path: StrPath | Directory | None = None
    ) -> Database:
        """Open a database, as `qsdb.testing.database` does."""
        ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take ``--qsdb-seed``."""
    parser.getgroup("qsdb").addoption(
        "--qsdb-seed",
        type=int,
        metavar="N",
        help="seed of the databases that the fixture qsdb_database opens",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed."""
    given = config.getoption("--qsdb-seed")
    seed = random.getrandbits(_SEED_BITS) if given is None else given
    config.stash[_SEED] = seed


def pytest_report_header(config: pytest.Config) -> str:
    """Tell what repeats the run."""
    return f"qsdb: --qsdb-seed={config.stash[_SEED]}"


@pytest.fixture(scope="session")
def qsdb_seed(request: pytest.FixtureRequest) -> int:
    """Give the seed of the run."""
    return request.config.stash[_SEED]


@pytest.fixture
def qsdb_clock() -> FakeClock:
    """Give a clock that stands still until the test moves it."""
    return FakeClock()


@pytest.fixture
def qsdb_database(qsdb_clock: FakeClock, qsdb_seed: int) -> Iterator[DatabaseFactory]:
    """Give what opens databases; after the test each is checked and closed."""
    opened: list[Database] = []

    def open_one(module: Module, path: StrPath | Directory | None = None) -> Database:
        db = database(module, path, clock=qsdb_clock, seed=qsdb_seed)
        opened.append(db)
        return db

    yield open_one
    try:
        for db in opened:
            with suppress(ClosedError):
                db.check()
    finally:
        for db in opened:
            db.close()
