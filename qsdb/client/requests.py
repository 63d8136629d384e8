"""`Requests`: calls and questions that wait for an answer, each by its number."""

from collections.abc import Callable
from typing import Any

import attrs

from qsdb.cache.events import Event
from qsdb.client.client_errors import RemoteError
from qsdb.client.functions import RemoteFunction
from qsdb.client.outgoing import Outgoing
from qsdb.client.questions import Question
from qsdb.client.replies import Reply, fail, give
from qsdb.errors import QsdbError, QueryError, ReducerError
from qsdb.protocol.client_messages import CallProcedure, CallReducer, OneOffQuery
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.server_messages import (
    InternalFailure,
    OneOffQueryResult,
    ProcedureResult,
    ReducerErr,
    ReducerOk,
    ReducerOkEmpty,
    ReducerResult,
    TransactionUpdate,
)
from qsdb.protocol.tables import read_table_rows
from qsdb.schema.results import Result

__all__ = ["Requests"]

Answer = ReducerResult | ProcedureResult | OneOffQueryResult


@attrs.frozen(eq=False)
class _Request:
    """One of them.

    Attributes:
        answer: The class of messages that answer it.
        subject: What was called or asked.
        reply: Takes what comes of it.
    """

    answer: type[Answer]
    subject: RemoteFunction | Question
    reply: Reply


class Requests:
    """What waits for an answer."""

    def __init__(
        self, outgoing: Outgoing, update: Callable[[TransactionUpdate, Event], None]
    ) -> None:
        """Begin without any.

        Args:
            outgoing: Takes messages to the server.
            update: Takes what a call has changed.
        """
        self._outgoing = outgoing
        self._update = update
        self._due: dict[int, _Request] = {}

    def __len__(self) -> int:
        """Give how many wait."""
        return len(self._due)

    def call(self, function: RemoteFunction, arguments: bytes, reply: Reply) -> None:
        """Call a function.

        Raises:
            ArgumentError: the arguments are too long to be sent.
        """
        number, name = self._outgoing.next_id(), function.name
        if function.is_reducer:
            self._outgoing.put(CallReducer(number, 0, name, arguments))
            self._due[number] = _Request(ReducerResult, function, reply)
        else:
            self._outgoing.put(CallProcedure(number, 0, name, arguments))
            self._due[number] = _Request(ProcedureResult, function, reply)

    def ask(self, question: Question, reply: Reply) -> None:
        """Ask a query once.

        Raises:
            ArgumentError: the text is too long to be sent.
        """
        number = self._outgoing.next_id()
        self._outgoing.put(OneOffQuery(number, question.text))
        self._due[number] = _Request(OneOffQueryResult, question, reply)

    def answered(self, message: Answer) -> None:
        """Take an answer in: what it changed is shown before whoever waits goes on.

        Raises:
            ProtocolError: nobody has asked, or it cannot be read.
        """
        request = self._due.get(message.request_id)
        if request is None or request.answer is not type(message):
            reason = f"there is no request {message.request_id} that it answers"
            raise ProtocolError(type(message).__name__, 0, reason)
        try:
            result = self._result(message, request.subject)
        except ProtocolError:
            raise  # the connection ends, and with it all that waits
        except QsdbError as error:
            fail(request.reply, error)
        else:
            give(request.reply, result)
        del self._due[message.request_id]

    def _result(self, message: Answer, subject: Any) -> object:  # noqa: ANN401  of what was asked
        match message:
            case ReducerResult(outcome=outcome):
                return self._of_reducer(outcome, subject)
            case ProcedureResult(status=InternalFailure(message=text)):
                raise RemoteError(text)
            case ProcedureResult(status=status):
                assert not isinstance(status, InternalFailure)
                return subject.result(status.value)
            case OneOffQueryResult(result=str() as text):
                raise QueryError(text)
            case _:
                assert not isinstance(message.result, str)
                stored = []
                for part in message.result:
                    stored += subject.rows(read_table_rows(part).rows)
                shape = subject.shape
                return Result(shape.columns, shape.make(stored))

    def _of_reducer(
        self,
        outcome: ReducerOk | ReducerOkEmpty | ReducerErr | InternalFailure,
        function: RemoteFunction,
    ) -> object:
        match outcome:
            case ReducerOk(ret_value=data, transaction_update=update):
                self._update(update, Event("reducer", 0, function.name, "committed"))
                return function.result(data)
            case ReducerOkEmpty():
                return None
            case ReducerErr():
                raise ReducerError(outcome.text())
            case _:
                raise RemoteError(outcome.message)

    def lost(self, error: QsdbError) -> None:
        """Say to all who wait that no answer will come."""
        due, self._due = self._due, {}
        for request in due.values():
            fail(request.reply, error)
