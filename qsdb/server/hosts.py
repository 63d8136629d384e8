"""`Host`: the databases that one process serves, by name and by identity.

A name is lower-case letters and digits, and words of them joined by single hyphens; it
never looks like an identity, which is 64 hexadecimal digits. So a path says at once
which of the two it means, and no name can mean a place of the file system.
"""

import re
from collections.abc import Iterator, Mapping

from qsdb.errors import ArgumentError, NotFoundError, brief
from qsdb.runtime.database import Database
from qsdb.runtime.pools import Pool
from qsdb.runtime.visits import access
from qsdb.server.call_tables import CallTable
from qsdb.server.texts import Logged, shown_name
from qsdb.server.traffic import Traffic
from qsdb.server.weights import Weights
from qsdb.values.identity import Identity

__all__ = ["NAME_CHARACTERS_MAX", "Host", "Served", "check_name"]

NAME_CHARACTERS_MAX = 128
"""A longer name is no name."""

THREADS = 16
"""Of the pool of each database."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_HEX = re.compile(r"[0-9a-fA-F]{64}")


def check_name(name: object) -> str:
    """Give the name of a database, if it is one.

    Raises:
        ArgumentError: it is none.
    """
    if (
        type(name) is not str
        or len(name) > NAME_CHARACTERS_MAX
        or _NAME.fullmatch(name) is None
        or _HEX.fullmatch(name) is not None
    ):
        raise ArgumentError(
            f"{brief(name)} is no name of a database: lower-case letters and digits, "
            f"joined by single hyphens, at most {NAME_CHARACTERS_MAX} characters, and "
            "not 64 hexadecimal digits"
        )
    return name


class Served:
    """One database that is served.

    Attributes:
        name: As clients call it.
        database: It.
        access: What the server needs of it.
        pool: Threads for what takes long or waits for the disk. Procedures have others,
            those of the database: however many wait, clients come, ask and go.
        traffic: What went over its WebSockets.
    """

    __slots__ = (
        "_functions",
        "_weights",
        "access",
        "database",
        "name",
        "pool",
        "traffic",
    )

    def __init__(self, name: str, database: Database) -> None:
        """Serve a database under a name."""
        self.name = name
        self.database = database
        self.access = access(database)
        self.pool = Pool("qsdb-server", THREADS)
        self.traffic = Traffic()
        self._functions = CallTable(self.access.module)
        self._weights = Weights(self.access.subscriptions.queries)

    @property
    def functions(self) -> CallTable:
        """The functions of the module that is published now."""
        module = self.access.calls.module
        if self._functions.module is not module:
            self._functions = CallTable(module)
        return self._functions

    @property
    def weights(self) -> Weights:
        """How long the rows of the tables are, of the module that is published now."""
        queries = self.access.subscriptions.queries
        if self._weights.queries is not queries:
            self._weights = Weights(queries)
        return self._weights

    @property
    def identity(self) -> Identity:
        """The identity of the database."""
        return self.database.identity

    @property
    def logged(self) -> Logged:
        """What records of the log say that they are about."""
        return Logged(self.access.module.name, self.identity)


class Host:
    """The databases that one process serves."""

    def __init__(self, databases: Mapping[str, Database]) -> None:
        """Serve databases; whoever opened them closes them.

        Args:
            databases: By name.

        Raises:
            ArgumentError: a name is none, or two databases are one.
        """
        self._by_name: dict[str, Served] = {}
        self._by_identity: dict[Identity, Served] = {}
        for name, database in databases.items():
            served = Served(check_name(name), database)
            self._by_name[name] = served
            other = self._by_identity.setdefault(database.identity, served)
            if other is not served:
                raise ArgumentError(
                    f"databases {other.name} and {name} have one identity, "
                    f"{database.identity.to_hex()}: they are one, or one is a copy"
                )

    def find(self, name_or_identity: str) -> Served:
        """Give a database by its name, or by its identity in hexadecimal.

        Raises:
            NotFoundError: there is none.
        """
        if _HEX.fullmatch(name_or_identity):
            found = self._by_identity.get(Identity.from_hex(name_or_identity.lower()))
            if found is None:
                raise NotFoundError("No such database.")
            return found
        found = self._by_name.get(name_or_identity)
        if found is None:
            raise NotFoundError(f"`{shown_name(name_or_identity)}` not found")
        return found

    def __iter__(self) -> Iterator[Served]:
        """Give all of them, in the order of their declaration."""
        return iter(self._by_name.values())

    def __len__(self) -> int:
        """Give how many there are."""
        return len(self._by_name)
