"""`MountedProcedureContext`: a procedure's context, as a mounted module sees it."""

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Literal, cast

from qsdb.runtime.calls import Calls
from qsdb.runtime.passed_on import PassedOn
from qsdb.schema.contexts import Transaction
from qsdb.schema.procedures import (
    OptimisticBlock,
    ProcedureContext,
    ProcedureTransaction,
)
from qsdb.store.mounted import inside, scope_within
from qsdb.store.opened import Scope

__all__ = ["MountedProcedureContext"]


class MountedProcedureContext(PassedOn[ProcedureContext], ProcedureContext):
    """A context with other names of tables and reducers; all else is the call's."""

    __slots__ = ("_calls", "_context", "_path")

    def __init__(self, context: ProcedureContext, calls: Calls, path: str) -> None:
        """See a call as the module that is mounted by a path.

        Args:
            context: Of the call, as the outermost module sees it.
            calls: Of the database.
            path: Names with dots in between.

        Raises:
            NotFoundError: nothing is mounted by the path.
        """
        scope: Scope = calls.writer.directory.edition.tables
        for name in path.split("."):
            scope = scope_within(scope, name, _functions(calls))
        self._context = context
        self._calls = calls
        self._path = path
        self.sender = context.sender

    def within(self, name: str) -> ProcedureContext:
        path = f"{self._path}.{name}"
        return MountedProcedureContext(self._context, self._calls, path)

    def transaction(self) -> AbstractContextManager[ProcedureTransaction]:
        return self._part(self._context.transaction())

    def optimistic(
        self, isolation: Literal["serializable", "snapshot"] = "serializable"
    ) -> OptimisticBlock:
        block = self._context.optimistic(isolation)
        return _OptimisticPart(block, self._path, _functions(self._calls))

    def read(self) -> AbstractContextManager[Transaction]:
        return self._part(self._context.read())

    def call(self, reducer: object, /, *args: object, **kwargs: object) -> Any:  # noqa: ANN401  what it gives
        return self._context.call(cast(str, self._whole(reducer)), *args, **kwargs)

    @contextlib.contextmanager
    def _part(self, block: AbstractContextManager[Transaction]) -> Iterator[Any]:
        """Open a transaction, and give the part of it that is this module's."""
        with block as transaction:
            yield inside(transaction, self._path, _functions(self._calls))

    def _whole(self, reducer: object) -> object:
        """Give the whole name of a reducer of this module."""
        prefix = f"{self._path}."
        if isinstance(reducer, str):
            return prefix + reducer
        for name, each in self._calls.module.reducers.items():
            if each.function is reducer and name.startswith(prefix):
                return name
        return reducer


class _OptimisticPart(OptimisticBlock):
    """A transaction beside others, of which a module is given its own part."""

    __slots__ = ("_block", "_functions", "_path")

    def __init__(self, block: OptimisticBlock, path: str, functions: list[str]) -> None:
        self._block = block
        self._path = path
        self._functions = functions

    def __enter__(self) -> ProcedureTransaction:
        return self._of(self._block.__enter__())

    def __exit__(self, *raised: Any) -> bool | None:  # noqa: ANN401, PYI036  for both
        return self._block.__exit__(*raised)

    async def __aenter__(self) -> ProcedureTransaction:
        return self._of(await self._block.__aenter__())

    async def __aexit__(self, *raised: Any) -> bool | None:  # noqa: ANN401, PYI036  both
        return await self._block.__aexit__(*raised)

    def _of(self, transaction: ProcedureTransaction) -> ProcedureTransaction:
        part = inside(transaction, self._path, self._functions)
        return cast(ProcedureTransaction, part)


def _functions(calls: Calls) -> list[str]:
    """Give the names of all functions: a module may have no tables."""
    return [*calls.module.reducers, *calls.module.procedures]
