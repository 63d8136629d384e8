"""Calling functions: reducers here, and procedures by `qsdb.runtime.procedures`.

Of a reducer: arguments, context, one transaction, and how it ends.

Arguments are checked against the signature, the writer lock is taken, the
reducer runs on a fresh context, and its transaction commits when it returns and
is undone when it raises. What it raises reaches the caller as it is.
"""

import functools
from collections.abc import Callable, Mapping
from types import CoroutineType
from typing import NoReturn

from qsdb.errors import NotFoundError, UsageError, brief
from qsdb.runtime.call_contexts import INTERNAL, Arguments, CallContext, Sender
from qsdb.runtime.meters import Meter, Meters
from qsdb.runtime.prepared import handle_of
from qsdb.runtime.retrying import Retrying
from qsdb.runtime.seeds import Seeds
from qsdb.runtime.tokens import new_secret
from qsdb.runtime.writer import Writer
from qsdb.schema.catalogue import catalogue_rows
from qsdb.schema.functions import INIT, Reducer
from qsdb.schema.modules import ModuleSchema
from qsdb.schema.procedures import Procedure
from qsdb.schema.system import ST_SECRET, TOKENS, StSecret
from qsdb.store.transactions import WriteTransaction
from qsdb.values.identity import CLAIM_BYTES_MAX, Identity

__all__ = ["Calls", "StaleFunctionError", "checked"]

CallElsewhere = Callable[[Sender, object, Arguments, dict[str, object]], object]
"""Takes a key that is no reducer's, and runs what it is of."""


def checked(
    function: Reducer | Procedure, args: tuple[object, ...], kwargs: dict[str, object]
) -> Arguments:
    """Check arguments, and give them as the function takes them.

    Raises:
        ArgumentError: they do not fit.
    """
    try:
        return function.check(*args, **kwargs)
    except TypeError as error:
        function.parameters.explain(error, args)


class Calls:
    """Runs the reducers of the module that is published.

    Attributes:
        module: The module.
        identity: The database's own identity.
        owner: The identity that owns the database.
        count: Calls of reducers that began, `init` included.
        meters: How long they took, by function.
        call_procedure: Runs procedures; who does so sets it.
        retrying: Begins optimistic transactions; likewise.
    """

    __slots__ = (
        "_by_key",
        "_procedures",
        "call_procedure",
        "count",
        "identity",
        "meters",
        "module",
        "owner",
        "retrying",
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
        self.meters = Meters(module.name, writer.clock)
        if identities is None:
            subject = f"{seeds.of_call(0):016x}:{module.name}"
            identities = _identity(f"database:{subject}"), _identity(f"owner:{subject}")
        self.identity, self.owner = identities
        self.call_procedure: CallElsewhere
        self.retrying: Retrying
        self.serve(module)

    def serve(self, module: ModuleSchema) -> None:
        """Run the functions of a module from now on; under the writer lock."""
        self.meters.clear()  # by their names they go on
        by_key: dict[object, tuple[Reducer, Meter]] = {}
        for name, reducer in module.reducers.items():
            by_key[name] = reducer, self.meters[reducer]
        for function, name in _names_of(module.reducers).items():
            by_key[function] = by_key[name]
        procedures: dict[object, Procedure] = dict(module.procedures.items())
        for function, name in _names_of(module.procedures).items():
            procedures[function] = procedures[name]
        self.module, self._by_key, self._procedures = module, by_key, procedures

    def call(  # noqa: C901, PLR0915  in one go, as it is hot
        self,
        sender: Sender,
        key: object,
        args: tuple[object, ...],
        kwargs: dict[str, object],
    ) -> object:
        """Run a reducer as one transaction, or a procedure, and give what it returns.

        Args:
            sender: Who calls.
            key: The function, or its name.
            args: Arguments by place.
            kwargs: Arguments by name.

        Raises:
            NotFoundError: there is no such function, or none for this sender.
            ArgumentError: the arguments do not fit; nothing has run.
            UsageError: this thread is inside a transaction already.
        """
        by_key = self._by_key
        try:
            found = by_key.get(key)
        except TypeError:  # without a hash it is no function, and no name
            found = None
        if found is None or (found[0].is_private and sender.identity != self.owner):
            return self.call_procedure(sender, key, args, kwargs)
        reducer, meter = found
        # On CPython 3.11 what a slot holds costs twice if it is called at once.
        take, run, is_mine = reducer.take, reducer.run, (writer := self.writer).is_mine
        try:
            values = reducer.check(*args, **kwargs) if kwargs else take(args)
        except TypeError as error:
            reducer.parameters.explain(error, args)
        # Also where this thread has the lock without one: a migration or a view runs.
        if writer.current is not None or is_mine():
            writer.require_outside()
        # No constructor: it would cost as much as the rest of the context.
        context, began, spent = CallContext(), None, None
        try:
            transaction = writer.begin()
            if by_key is not self._by_key:
                _refuse_republished()
            self.count = number = self.count + 1
            transaction._context, context.db = context, transaction
            context.sender, context._known = sender.identity, sender
            context._call = (self, reducer, number, values)
            meter.calls += 1
            began = (ticks := meter.ticks)()
            result = run(context, values)
            meter.spent += (spent := ticks() - began)
            if result is not None and type(result) is CoroutineType:
                _refuse_coroutine(reducer, result)
            writer.commit(transaction, sender.waits)
        except BaseException as error:
            try:
                writer.abort()
            finally:
                writer.abort()
            if isinstance(error, StaleFunctionError):
                return self.call(sender, key, args, kwargs)
            meter.fail(context, began, spent)
            raise
        if spent > meter.mark:
            meter.exceed(context, spent)
        return result

    def find(self, identity: Identity, key: object) -> Reducer | Procedure:
        """Give the function that somebody calls.

        Raises:
            NotFoundError: there is none, or none for them.
        """
        try:
            found, _ = self._by_key.get(key) or (self._procedures.get(key), None)
        except TypeError:  # no hash, so neither a function nor a name
            found = None
        if found is None or (found.is_private and identity != self.owner):
            raise self._unknown(key)
        return found

    def names_for(self, identity: Identity) -> list[str]:
        """Give the names of the reducers that somebody may call."""
        return self._names(self.module.reducers, identity)

    def procedures_for(self, identity: Identity) -> list[str]:
        """Give the names of the procedures that somebody may call."""
        return self._names(self.module.procedures, identity)

    def _names(
        self, functions: Mapping[str, Reducer | Procedure], identity: Identity
    ) -> list[str]:
        return [
            each.name
            for each in functions.values()
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
    ) -> object:
        """Run a function whose turn has come, in one transaction; give its result.

        Args:
            function: A lifecycle function, a reducer that a schedule or a procedure
                runs; None for none.
            sender: Who is behind it.
            before: Is called first in the transaction; gives the arguments, or None if
                nothing is to be run.
            after: Is called last, if something is.
            refuse: Makes the exception to raise of the function's name and of what it
                raised; that itself if not given.

        Raises:
            Whatever the function raises; then nothing has happened.
            StaleFunctionError: likewise, as the function is not one of the module that
                was published meanwhile; ask that for one.
        """
        writer = self.writer
        writer.require_outside()
        context, meter, result = CallContext(), None, None
        began, spent = 0, None
        try:
            transaction = writer.begin()
            values = before(transaction)
            if values is not None:
                if function is not None:
                    if not self._is_served(function):
                        _refuse_republished()
                    self.count = number = self.count + 1
                    context.db = transaction
                    context.sender = sender.identity
                    context._known = sender
                    context._call = (self, function, number, values)
                    transaction._context = context
                    meter = self.meters[function]
                    meter.calls += 1
                    began = meter.ticks()
                    result = _run(function, context, refuse)
                    spent = meter.add(began)
                if after is not None:
                    after(transaction)
            writer.commit(transaction)
        except BaseException:
            try:
                writer.abort()
            finally:
                writer.abort()
            if meter is not None:
                meter.fail(context, began, spent)
            raise
        if meter is not None and spent is not None and spent > meter.mark:
            meter.exceed(context, spent)
        return result

    def _is_served(self, function: Reducer) -> bool:
        module = self.module
        if module.reducers.get(function.name) is function:
            return True
        return any(each is function for each in module.lifecycle.values())

    def _unknown(self, key: object) -> NotFoundError:
        name = key if isinstance(key, str) else getattr(key, "__name__", brief(key))
        there = self.names_for(Identity.ZERO) + self.procedures_for(Identity.ZERO)
        sort = "reducer or procedure" if self.module.procedures else "reducer"
        return NotFoundError(
            f"module {self.module.name}: no {sort} {name}; there are: "
            f"{', '.join(there) or 'none'}"
        )


def _run(
    function: Reducer,
    context: CallContext,
    refuse: Callable[[str, Exception], Exception] | None,
) -> object:
    try:
        result = function.run(context, context._call[3])
        if type(result) is CoroutineType:
            _refuse_coroutine(function, result)
    except Exception as error:
        if refuse is None:
            raise
        raise refuse(function.name, error) from error
    return result


def _names_of(functions: Mapping[str, Reducer | Procedure]) -> dict[object, str]:
    """Give what functions can be called by beside their names.

    One that is mounted several times is called by its names alone.
    """
    several: dict[object, list[str]] = {}
    for name, each in functions.items():
        several.setdefault(each.function, []).append(name)
    return {
        function: names[0]
        for function, names in several.items()
        if len(names) == 1 or "." not in names[0]
    }


def _refuse_coroutine(reducer: Reducer, result: object) -> NoReturn:
    assert type(result) is CoroutineType
    result.close()
    raise UsageError(
        f"reducer {reducer.name} gave a coroutine, of which nothing has run; a reducer "
        "runs in one go under the writer lock and cannot await"
    )


@functools.lru_cache(maxsize=256)  # for those who open many with one seed
def _identity(subject: str) -> Identity:
    """Make an identity of qsdb's own; of a long subject the beginning counts."""
    claim = subject.encode()[:CLAIM_BYTES_MAX].decode(errors="ignore")
    return Identity.from_claims("qsdb", claim)


class StaleFunctionError(Exception):
    """Another module was published while a call waited for the writer lock."""


def _refuse_republished() -> NoReturn:
    raise StaleFunctionError
