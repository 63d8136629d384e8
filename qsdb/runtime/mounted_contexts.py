"""`MountedContext`: the context of a call, as a mounted module sees it."""

from collections.abc import Collection

from qsdb.runtime.passed_on import PassedOn
from qsdb.schema.contexts import ReducerContext, Savepoint
from qsdb.store.mounted import within

__all__ = ["MountedContext"]


class MountedContext(PassedOn[ReducerContext], ReducerContext):
    """A context with other names of tables; all else is that of the call."""

    __slots__ = ("_context", "_functions")

    def __init__(
        self, context: ReducerContext, name: str, functions: Collection[str]
    ) -> None:
        """See a call as the module that is mounted by a name in that of `context`.

        Args:
            context: Of the call.
            name: By which the module is mounted in that of the context.
            functions: The names of all reducers.

        Raises:
            NotFoundError: nothing is mounted by this name.
        """
        self._context = context
        self._functions = functions
        self.db = within(context.db, name, functions)
        self.sender = context.sender

    def within(self, name: str) -> ReducerContext:
        return MountedContext(self, name, self._functions)

    def savepoint(self) -> Savepoint:
        return self._context.savepoint()
