"""`MountedContext`: the context of a call, as a mounted module sees it."""

import random
import uuid
from collections.abc import Collection

from qsdb.logs import CallLog
from qsdb.schema.contexts import Auth, ReducerContext, Savepoint
from qsdb.store.mounted import within
from qsdb.values.identity import ConnectionId, Identity
from qsdb.values.timestamps import Timestamp

__all__ = ["MountedContext"]


class MountedContext(ReducerContext):
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

    def new_uuid_v4(self) -> uuid.UUID:
        return self._context.new_uuid_v4()

    def new_uuid_v7(self) -> uuid.UUID:
        return self._context.new_uuid_v7()  # which counts those of the whole call

    @property
    def connection_id(self) -> ConnectionId | None:
        return self._context.connection_id

    @property
    def timestamp(self) -> Timestamp:
        return self._context.timestamp

    @property
    def random(self) -> random.Random:
        return self._context.random

    @property
    def identity(self) -> Identity:
        return self._context.identity

    @property
    def auth(self) -> Auth:
        return self._context.auth

    @property
    def log(self) -> CallLog:
        return self._context.log

    def savepoint(self) -> Savepoint:
        return self._context.savepoint()
