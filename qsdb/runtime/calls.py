"""Calling reducers: arguments, context, one transaction, and how it ends.

Arguments are checked against the signature, the writer lock is taken, the
reducer runs on a fresh context, and its transaction commits when it returns and
is undone when it raises. What it raises reaches the caller as it is.
"""

import logging
import random

from qsdb.errors import NotFoundError, brief
from qsdb.runtime.seeds import Seeds
from qsdb.runtime.writer import Writer
from qsdb.schema.contexts import Auth, ReducerContext, Savepoint
from qsdb.schema.modules import ModuleSchema, Reducer
from qsdb.store.transactions import WriteTransaction
from qsdb.values.identity import CLAIM_BYTES_MAX, Identity
from qsdb.values.timestamps import Timestamp

__all__ = ["Calls"]


class Calls:
    """Runs the reducers of one module.

    Attributes:
        identity: The database's own identity.
        owner: The identity that owns the database.
        count: Calls that began, `init` included.
    """

    __slots__ = (
        "_by_key",
        "_steps",
        "count",
        "identity",
        "module",
        "owner",
        "seeds",
        "writer",
    )

    def __init__(self, module: ModuleSchema, writer: Writer, seeds: Seeds) -> None:
        """Make the database's identities and the table of its reducers."""
        self.module = module
        self.writer = writer
        self.seeds = seeds
        self.count = 0
        self._steps = (writer.begin, writer.commit, writer.rollback)
        subject = f"{seeds.of_call(0):016x}:{module.name}"
        self.identity = _identity(f"database:{subject}")
        self.owner = _identity(f"owner:{subject}")
        self._by_key: dict[object, Reducer] = {}
        for name, reducer in module.reducers.items():
            self._by_key[name] = self._by_key[reducer.function] = reducer

    def call(
        self,
        sender: Identity,
        key: object,
        args: tuple[object, ...],
        kwargs: dict[str, object],
    ) -> object:
        """Run a reducer as one transaction and give what it returns.

        Args:
            sender: Who calls.
            key: The reducer's function or name.
            args: Arguments by place.
            kwargs: Arguments by name.

        Raises:
            NotFoundError: there is no such reducer, or none for this sender.
            ArgumentError: the arguments do not fit; nothing has run.
            UsageError: this thread is inside a transaction already.
        """
        try:
            reducer = self._by_key.get(key)
        except TypeError:  # no hash, so neither a function nor a name
            reducer = None
        if reducer is None or (reducer.is_private and sender != self.owner):
            raise self._unknown(key)
        try:
            values = reducer.check(*args, **kwargs)
        except TypeError as error:
            reducer.parameters.explain(error, args)
        begin, commit, rollback = self._steps
        transaction = begin()
        try:
            self.count = number = self.count + 1
            context = CallContext(
                transaction, sender, _EXTERNAL, (self, reducer, number)
            )
            result = reducer.function(context, *values)
        except BaseException:
            rollback(transaction)
            raise
        commit(transaction)
        return result

    def initialise(self) -> None:
        """Run `init`, if there is one, and make the commit that is offset 1."""
        init = self.module.init
        transaction = self.writer.begin()
        try:
            if init is not None:
                self.count = 1
                init.function(
                    CallContext(transaction, self.owner, _INTERNAL, (self, init, 1))
                )
        except BaseException:
            self.writer.rollback(transaction)
            raise
        self.writer.create(transaction)

    def _unknown(self, key: object) -> NotFoundError:
        name = key if isinstance(key, str) else getattr(key, "__name__", brief(key))
        there = [
            each.name for each in self.module.reducers.values() if not each.is_private
        ]
        return NotFoundError(
            f"module {self.module.name}: no reducer {name}; there are: "
            f"{', '.join(there) or 'none'}"
        )


def _identity(subject: str) -> Identity:
    """Make an identity of qsdb's own; of a long subject the beginning counts."""
    claim = subject.encode()[:CLAIM_BYTES_MAX].decode(errors="ignore")
    return Identity.from_claims("qsdb", claim)


_EXTERNAL, _INTERNAL = Auth(), Auth(is_internal=True)


class CallContext(ReducerContext):
    """The context of one call; what is rarely wanted is made when asked for."""

    __slots__ = ("_auth", "_call", "_random")

    def __init__(
        self,
        db: WriteTransaction,
        sender: Identity,
        auth: Auth,
        call: tuple[Calls, Reducer, int],
    ) -> None:
        """Begin a call.

        Args:
            db: Its transaction.
            sender: Who calls.
            auth: What else is known of the caller.
            call: Whose call it is, of which reducer, and its number.
        """
        self.db = db
        self.sender = sender
        self._auth = auth
        self._call = call

    @property
    def connection_id(self) -> None:
        return None

    @property
    def timestamp(self) -> Timestamp:
        assert isinstance(self.db, WriteTransaction)
        return self.db.timestamp

    @property
    def random(self) -> random.Random:
        if not hasattr(self, "_random"):  # few calls draw, so none prepares
            calls, _, number = self._call
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
        calls, reducer, _ = self._call
        logger = logging.getLogger(f"qsdb.{calls.module.name}.{reducer.name}")
        extra = {"sender": self.sender.to_hex(), "timestamp": str(self.timestamp)}
        return logging.LoggerAdapter(logger, extra)

    def savepoint(self) -> Savepoint:
        assert isinstance(self.db, WriteTransaction)
        return self.db.savepoint()
