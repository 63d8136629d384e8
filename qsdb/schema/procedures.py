"""Procedures: functions of a module that may wait for the world outside.

A reducer is one transaction, and everybody who writes waits for its end; so it may do
nothing that takes long. A *procedure* is no transaction. It asks other servers, reads
files and sleeps, and where it has something to write, it opens a transaction, as often
as it likes::

    @shop.procedure
    def fetch(ctx: qsdb.ProcedureContext, url: str) -> u32:
        prices = ask(url)  # takes a second; nobody waits for it
        with ctx.transaction() as tx:  # takes a microsecond
            return tx[Price].insert_many(prices)

It may be a coroutine function. What is declared is here; `qsdb.runtime.procedures` runs
it.
"""

import abc
import inspect
from collections.abc import Callable, Container, Iterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Concatenate, Literal, ParamSpec, Protocol, TypeVar, overload

import attrs

from qsdb.errors import SchemaError
from qsdb.schema.bindings import Binding
from qsdb.schema.contexts import AnyContext, ReducerContext, Savepoint, Transaction
from qsdb.schema.functions import DeclaredFunction, Function, resolved
from qsdb.schema.parameters import Parameters
from qsdb.values.timestamps import Timestamp

__all__ = [
    "OptimisticBlock",
    "Procedure",
    "ProcedureContext",
    "ProcedureTransaction",
    "check_procedure",
    "compile_procedures",
]

P = ParamSpec("P")
T = TypeVar("T")


class ProcedureTransaction(Transaction):
    """A transaction that a procedure has opened, or ``db.write()``."""

    __slots__ = ()

    @property
    @abc.abstractmethod
    def offset(self) -> int:
        """The number of the commit that it began after, and whose state it reads."""
        ...

    @property
    @abc.abstractmethod
    def timestamp(self) -> Timestamp:
        """The time at which the transaction began; the same throughout."""
        ...

    @abc.abstractmethod
    def savepoint(self) -> Savepoint:
        """Give a context manager whose block is undone alone if it raises."""
        ...


class OptimisticBlock(
    AbstractContextManager[ProcedureTransaction],
    AbstractAsyncContextManager[ProcedureTransaction],
    Protocol,
):
    """What ``with`` and ``async with`` are said to, for the same transaction."""

    __slots__ = ()


class ProcedureContext(AnyContext):
    """What a procedure knows of its call; it has no tables of its own.

    Its time is when it began; each transaction has its own. After the end of the call
    every use of the database through it raises `ClosedError`.
    """

    __slots__ = ()

    @abc.abstractmethod
    def within(self, name: str) -> "ProcedureContext":
        """Give the context for procedures of the module that is mounted by a name.

        Transactions that it opens have the tables of that module, by their own names,
        and `call` knows its reducers by theirs.

        Raises:
            NotFoundError: nothing is mounted by this name.
        """
        ...

    @abc.abstractmethod
    def transaction(self) -> AbstractContextManager[ProcedureTransaction]:
        """Give a write transaction, for a ``with`` block: ``async with`` is not needed.

        Leaving the block commits; an exception rolls everything back and goes on.
        Others who write wait meanwhile, so nothing in it may wait: an ``await`` that
        suspends the block rolls it back, and is a `UsageError` when the block is left.

        Raises:
            ClosedError: the procedure has ended, or the database is closed.
            UsageError: on entering, if this thread is in a transaction already.
        """
        ...

    @abc.abstractmethod
    def optimistic(
        self, isolation: Literal["serializable", "snapshot"] = "serializable"
    ) -> OptimisticBlock:
        """Give a transaction that others write beside, for a ``with`` block.

        In it anything may be waited for, also by ``await``. Leaving the block commits,
        if what it has read is still so. With ``async with`` the event loop goes on
        while the disk is waited for. What is open at the end of the call is rolled
        back, and logged.

        Args:
            isolation: As ``db.optimistic`` has it.

        Raises:
            ConflictError: on leaving, if others were faster; nothing was stored.
            ArgumentError: there is no such isolation.
            ClosedError: the procedure has ended, or the database is closed.
            UsageError: this thread is in a transaction.
        """
        ...

    @abc.abstractmethod
    def read(self) -> AbstractContextManager[Transaction]:
        """Give a stable read transaction at the last commit, for a ``with`` block.

        Raises:
            ClosedError: the procedure has ended, or the database is closed.
        """
        ...

    @overload
    def call(
        self,
        reducer: Callable[Concatenate[ReducerContext, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T: ...

    @overload
    def call(self, reducer: str, /, *args: object, **kwargs: object) -> Any: ...  # noqa: ANN401

    @abc.abstractmethod
    def call(self, reducer: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Run a reducer as the caller, in a transaction of its own.

        Private ones too, since a procedure is the module's own. Another procedure is
        called as a function: ``other(ctx, …)``.

        Raises:
            NotFoundError: there is no such reducer.
            ArgumentError: the arguments do not fit.
            UsageError: this thread is in a transaction, or it is a procedure.
            ClosedError: the procedure has ended, or the database is closed.
        """
        ...


@attrs.frozen(eq=False)
class Procedure:
    """A function that runs outside of transactions, and opens them."""

    name: str
    function: Function
    parameters: Parameters
    is_private: bool
    is_async: bool
    """Whether calling it gives a coroutine."""
    check: Callable[..., tuple[object, ...]]
    run: Callable[[object, tuple[object, ...]], object]
    """Both are those of the parameters, at hand."""
    returns: Binding | None = None
    """What it gives, by its annotation; None where that is missing, or no kind: then
    there is nothing to tell to clients of a server."""


def check_procedure(function: object) -> None:
    """Refuse what can never be run as a procedure.

    Raises:
        SchemaError: it is no function, or one that gives values bit by bit.
    """
    if not inspect.isfunction(function):
        raise SchemaError(f"a procedure is a function, not {function!r}")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise SchemaError(
            f"procedure {function.__name__} is a generator; a call would run nothing"
        )


def compile_procedures(
    declared: Iterable[DeclaredFunction], taken: Container[str], mistakes: list[str]
) -> dict[str, Procedure]:
    """Resolve procedures.

    Args:
        declared: They.
        taken: Names that reducers have.
        mistakes: Takes what is wrong.
    """
    found: dict[str, Procedure] = {}
    names: set[str] = set()
    for each in declared:
        procedure, name = _compile(each, mistakes), each.function.__name__
        if name in names:
            mistakes.append(f"procedure {name}: it is declared twice")
        elif name in taken:
            mistakes.append(f"procedure {name}: there is a reducer of this name")
        names.add(name)
        if procedure is not None:
            found[name] = procedure
    return found


def _compile(declared: DeclaredFunction, mistakes: list[str]) -> Procedure | None:
    function = declared.function
    parameters = resolved(declared, "procedure", ProcedureContext, mistakes)
    if parameters is None:
        return None
    return Procedure(
        function.__name__,
        function,
        parameters,
        declared.is_private is True,
        inspect.iscoroutinefunction(function),
        parameters.check,
        parameters.run,
        declared.returns,
    )
