"""`PassedOn`: what a mounted module sees of a call just as everybody does.

Tables and functions have other names for it, and that is for the context to say; who
calls, when, and what is drawn for the call are the same.
"""

import random
import uuid
from typing import Generic, TypeVar

from qsdb.logs import CallLog
from qsdb.schema.contexts import Auth, ReducerContext
from qsdb.schema.procedures import ProcedureContext
from qsdb.values.identity import ConnectionId, Identity
from qsdb.values.timestamps import Timestamp

__all__ = ["PassedOn"]


C = TypeVar("C", ReducerContext, ProcedureContext)


class PassedOn(Generic[C]):
    """What the context of the call says."""

    __slots__ = ()

    _context: C
    """Of the call."""

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
