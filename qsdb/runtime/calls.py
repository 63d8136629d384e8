"""Calling reducers: arguments, context, one transaction, and how it ends.

Arguments are checked against the signature, the writer lock is taken, the
reducer runs on a fresh context, and its transaction commits when it returns and
is undone when it raises. What it raises reaches the caller as it is.
"""

import logging
import random
from collections.abc import Callable
from types import CoroutineType
from typing import NoReturn, Protocol

import attrs

from qsdb.errors import NotFoundError, UsageError, brief
from qsdb.runtime.prepared import handle_of
from qsdb.runtime.seeds import Seeds
from qsdb.runtime.tokens import new_secret
from qsdb.runtime.writer import Writer
from qsdb.schema.catalogue import catalogue_rows
from qsdb.schema.contexts import Auth, ReducerContext, Savepoint
from qsdb.schema.functions import INIT, Reducer
from qsdb.schema.modules import ModuleSchema
from qsdb.schema.system import ST_SECRET, TOKENS, StSecret
from qsdb.store.transactions import WriteTransaction
from qsdb.values.identity import CLAIM_BYTES_MAX, ConnectionId, Identity
from qsdb.values.timestamps import Timestamp

__all__ = ["INTERNAL", "Arguments", "Calls", "Sender"]

_EXTERNAL, INTERNAL = Auth(), Auth(is_internal=True)


Arguments = tuple[object, ...]
"""Of a function, behind the context."""


@attrs.frozen
class Sender:
    """Who is behind a call.

    Attributes:
        identity: Who.
        connection: Over which connection.
        auth: What is known besides.
    """

    identity: Identity
    connection: ConnectionId | None = None
    auth: Auth = _EXTERNAL


class Calls:
    """Runs the reducers of the module that is published.

    Attributes:
        module: The module.
        identity: The database's own identity.
        owner: The identity that owns the database.
        count: Calls that began, `init` included.
    """

    __slots__ = (
        "_by_key",
        "count",
        "identity",
        "module",
        "owner",
        "seeds",
        "writer",
    )

    def __init__(
        self,
        module: ModuleSchema,
        writer: Writer,
        seeds: Seeds,
        identities: tuple[Identity, Identity] | None = None,
    ) -> None:
        """Make the table of the reducers.

        Args:
            module: Whose reducers.
            writer: Runs them.
            seeds: Of the calls.
            identities: Of the database and of its owner; made if not given.
        """
        self.writer = writer
        self.seeds = seeds
        self.count = 0
        if identities is None:
            subject = f"{seeds.of_call(0):016x}:{module.name}"
            identities = _identity(f"database:{subject}"), _identity(f"owner:{subject}")
        self.identity, self.owner = identities
        self.serve(module)

    def serve(self, module: ModuleSchema) -> None:
        """Run the functions of a module from now on; under the writer lock."""
        by_key: dict[object, Reducer] = {}
        for name, reducer in module.reducers.items():
            by_key[name] = by_key[reducer.function] = reducer
        self.module, self._by_key = module, by_key

    def call(  # noqa: C901, PLR0912, PLR0915  hot
        self,
        sender: Identity,
        key: object,
        args: tuple[object, ...],
        kwargs: dict[str, object],
        caller: Sender | None = None,
    ) -> object:
        """Run a reducer as one transaction and give what it returns.

        Args:
            sender: Who calls.
            key: The reducer's function or name.
            args: Arguments by place.
            kwargs: Arguments by name.
            caller: Over which connection, if it is over one.

        Raises:
            NotFoundError: there is no such reducer, or none for this sender.
            ArgumentError: the arguments do not fit; nothing has run.
            UsageError: this thread is inside a transaction already.
        """
        by_key = self._by_key
        try:
            reducer = by_key.get(key)
        except TypeError:  # no hash, so neither a function nor a name
            reducer = None
        if reducer is None or (reducer.is_private and sender != self.owner):
            raise self._unknown(key)
        try:
            # Without an empty dict, which would be copied.
            values = reducer.check(*args, **kwargs) if kwargs else reducer.check(*args)
        except TypeError as error:
            reducer.parameters.explain(error, args)
        writer = self.writer
        if writer.current is not None:
            writer.require_outside()
        try:
            transaction = writer.begin()
            if by_key is not self._by_key:
                _refuse_republished()
            self.count = number = self.count + 1
            # No constructor: it would cost as much as the rest of the context.
            context = CallContext()
            context.db = transaction
            context.sender = sender
            if caller is None:
                context._connection, context._auth = None, _EXTERNAL
            else:
                context._connection, context._auth = caller.connection, caller.auth
            context._call = (self, reducer, number, values)
            transaction._context = context
            result = reducer.run(context, values)
            if result is not None and type(result) is CoroutineType:
                _refuse_coroutine(reducer, result)
            writer.commit(transaction)
        except BaseException as error:
            try:
                writer.abort()
            finally:
                writer.abort()
            if isinstance(error, _Republished):
                return self.call(sender, key, args, kwargs, caller)
            raise
        return result

    def names_for(self, identity: Identity) -> list[str]:
        """Give the names of the reducers that somebody may call."""
        return [
            each.name
            for each in self.module.reducers.values()
            if not each.is_private or identity == self.owner
        ]

    def initialise(self, version: str) -> None:
        """Make the commit that is offset 1: the catalogue, and what `init` does.

        Args:
            version: Of qsdb, for the catalogue.
        """

        def describe(transaction: WriteTransaction) -> Arguments:
            catalogue = catalogue_rows(
                self.module,
                database_identity=self.identity,
                owner_identity=self.owner,
                seed=self.seeds.base % (1 << 64),
                created=transaction.timestamp,
                version=version,
            )
            for table_id, rows in catalogue.items():
                entry = self.writer.directory.system[table_id]
                row_class = entry.bound.row_class
                table = transaction._open(entry)
                table.insert_many([tuple.__new__(row_class, row) for row in rows])  # type: ignore[type-var]
            secret = new_secret(self.seeds.base if self.seeds.is_given else None)
            secrets = handle_of(transaction, self.writer.directory.system[ST_SECRET])
            secrets.insert(StSecret(TOKENS, secret))
            return ()

        sender = Sender(self.owner, auth=INTERNAL)
        self.run_turn(self.module.lifecycle.get(INIT), sender, before=describe)

    def run_turn(
        self,
        function: Reducer | None,
        sender: Sender,
        *,
        before: Callable[[WriteTransaction], Arguments | None],
        after: Callable[[WriteTransaction], object] | None = None,
        refuse: Callable[[str, Exception], Exception] | None = None,
    ) -> None:
        """Run a function whose turn has come, in one transaction.

        Args:
            function: A lifecycle function, or the reducer of a schedule; None for none.
            sender: Who is behind it.
            before: Is called first in the transaction; gives the arguments, or None if
                nothing is to be run.
            after: Is called last, if something is.
            refuse: Makes the exception to raise of the function's name and of what it
                raised; that itself if not given.

        Raises:
            Whatever the function raises; then nothing has happened.
        """
        writer = self.writer
        writer.require_outside()
        try:
            transaction = writer.begin()
            values = before(transaction)
            if values is not None:
                if function is not None:
                    self.count = number = self.count + 1
                    context = CallContext()
                    context.db = transaction
                    context.sender = sender.identity
                    context._connection = sender.connection
                    context._auth = sender.auth
                    context._call = (self, function, number, values)
                    transaction._context = context
                    try:
                        result = function.run(context, values)
                        if type(result) is CoroutineType:
                            _refuse_coroutine(function, result)
                    except Exception as error:
                        if refuse is None:
                            raise
                        raise refuse(function.name, error) from error
                if after is not None:
                    after(transaction)
            writer.commit(transaction)
        except BaseException:
            try:
                writer.abort()
            finally:
                writer.abort()
            raise

    def _unknown(self, key: object) -> NotFoundError:
        name = key if isinstance(key, str) else getattr(key, "__name__", brief(key))
        there = self.names_for(Identity.ZERO)
        return NotFoundError(
            f"module {self.module.name}: no reducer {name}; there are: "
            f"{', '.join(there) or 'none'}"
        )


def _refuse_coroutine(reducer: Reducer, result: object) -> NoReturn:
    assert type(result) is CoroutineType
    result.close()
    raise UsageError(
        f"reducer {reducer.name} gave a coroutine, of which nothing has run; a reducer "
        "runs in one go under the writer lock and cannot await"
    )


def _identity(subject: str) -> Identity:
    """Make an identity of qsdb's own; of a long subject the beginning counts."""
    claim = subject.encode()[:CLAIM_BYTES_MAX].decode(errors="ignore")
    return Identity.from_claims("qsdb", claim)


class _Republished(Exception):  # noqa: N818  it is nobody's error
    """Another module was published while a call waited for the writer lock."""


def _refuse_republished() -> NoReturn:
    raise _Republished


class Named(Protocol):
    """A function that is called."""

    @property
    def name(self) -> str:
        """Its name."""
        ...


class CallContext(ReducerContext):
    """The context of one call; what is rarely wanted is made when asked for.

    `Calls` sets the slots, since a constructor would cost every call a frame.
    """

    __slots__ = ("_auth", "_call", "_connection", "_random")

    _auth: Auth
    _connection: ConnectionId | None
    _call: tuple[Calls, Named, int, tuple[object, ...]]
    """Whose call it is, of which function, its number, and the arguments."""

    @property
    def connection_id(self) -> ConnectionId | None:
        return self._connection

    @property
    def reducer_name(self) -> str:
        """The name of the reducer that was called."""
        return self._call[1].name

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
        return self._auth

    @property
    def log(self) -> "logging.LoggerAdapter[logging.Logger]":
        calls, reducer, *_ = self._call
        logger = logging.getLogger(f"qsdb.{calls.module.name}.{reducer.name}")
        extra = {"sender": self.sender.to_hex(), "timestamp": str(self.timestamp)}
        return logging.LoggerAdapter(logger, extra)

    def savepoint(self) -> Savepoint:
        assert isinstance(self.db, WriteTransaction)
        return self.db.savepoint()
