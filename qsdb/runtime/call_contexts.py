"""`CallContext`: what a reducer is handed, and who called it."""

import logging
import random
from typing import Protocol

import attrs

from qsdb.logs import CallLog
from qsdb.runtime.meters import Meters, call_fields
from qsdb.runtime.mounted_contexts import MountedContext
from qsdb.runtime.seeds import Seeds
from qsdb.schema.contexts import Auth, ReducerContext, Savepoint
from qsdb.schema.modules import ModuleSchema
from qsdb.store.transactions import WriteTransaction
from qsdb.values.identity import ConnectionId, Identity
from qsdb.values.timestamps import Timestamp

__all__ = ["INTERNAL", "Arguments", "CallContext", "Named", "Sender"]

EXTERNAL, INTERNAL = Auth(), Auth(is_internal=True)
"""Of whom nothing is known besides, and of the database itself."""


_NO_CONNECTION = bytes(16)

Arguments = tuple[object, ...]
"""Of a function, behind the context."""


@attrs.frozen
class Sender:
    """Who is behind a call.

    Attributes:
        identity: Who.
        connection: Over which connection.
        auth: What is known besides.
        waits: Whether a call of theirs returns only when what it did is as durable as
            the database says; a server waits for that elsewhere.
    """

    identity: Identity
    connection: ConnectionId | None = None
    auth: Auth = EXTERNAL
    waits: bool = True
    origin: bytes = attrs.field(init=False, repr=False, eq=False)
    """Identity and connection as records of commits have them, one after the other."""

    @origin.default
    def _join(self) -> bytes:
        connection = self.connection
        known = _NO_CONNECTION if connection is None else connection.stored
        return self.identity.stored + known


class Named(Protocol):
    """A function that is called."""

    @property
    def name(self) -> str:
        """Its name."""
        ...


class Home(Protocol):
    """Whose functions are called."""

    @property
    def identity(self) -> Identity:
        """The database's own identity."""
        ...

    @property
    def module(self) -> ModuleSchema:
        """What it runs."""
        ...

    seeds: Seeds
    """Of the calls."""
    meters: Meters
    """How long they took."""


class CallContext(ReducerContext):
    """The context of one call; what is rarely wanted is made when asked for.

    Who calls sets the slots, since a constructor would cost every call a frame.
    """

    __slots__ = ("_call", "_known", "_random")

    _auth: Auth
    _known: Sender
    """Over which connection it is, and what is known of who calls."""
    _call: tuple[Home, Named, int, Arguments]
    """Whose call it is, of which function, its number, and the arguments."""

    @property
    def connection_id(self) -> ConnectionId | None:
        return self._known.connection

    @property
    def reducer_name(self) -> str:
        """The name of the reducer that was called."""
        return self._call[1].name

    @property
    def micros(self) -> int:
        """When it began, in microseconds since 1970."""
        return self.db._nanoseconds // 1000  # type: ignore[no-any-return]  # noqa: SLF001  of its transaction

    @property
    def timestamp(self) -> Timestamp:
        assert isinstance(self.db, WriteTransaction)
        return self.db.timestamp

    @property
    def random(self) -> random.Random:
        if not hasattr(self, "_random"):  # few calls draw, so none prepares
            calls, _, number, _ = self._call
            seed = calls.seeds.of_call(number)
            self._random = random.Random(seed)  # noqa: S311  reproducible by design
        return self._random

    @property
    def identity(self) -> Identity:
        return self._call[0].identity

    @property
    def auth(self) -> Auth:
        return self._known.auth

    @property
    def log(self) -> CallLog:
        calls, reducer, *_ = self._call
        logger = logging.getLogger(f"qsdb.{calls.module.name}.{reducer.name}")
        fields = call_fields(calls.module.name, self, reducer.name)
        return CallLog(logger, fields, calls.meters.ticks)

    def within(self, name: str) -> ReducerContext:
        return MountedContext(self, name, self._call[0].module.reducers)

    def savepoint(self) -> Savepoint:
        assert isinstance(self.db, WriteTransaction)
        return self.db.savepoint()
