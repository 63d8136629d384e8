"""`Conversation`: all of a client but its sockets, threads and clocks.

Bytes of the server go in, and bytes to the server come out; what that does to the
cache, who is told, and which answers are there, is decided in between. Both faces of a
connection, and tests, drive the same conversation::

    opened ──► received … ──► lost ──► opened ──► received … ──► close
      away        greeting, then resuming, then online       away

A conversation is of one thread at a time. Only the cache, and rows of subscriptions,
may be read by others meanwhile.
"""

from typing import Literal

from qsdb.cache.databases import Cache
from qsdb.cache.events import Event
from qsdb.cache.listeners import Listeners
from qsdb.client.client_errors import NotConnectedError, UnansweredError
from qsdb.client.functions import RemoteFunction
from qsdb.client.joinings import NO_OFFSET
from qsdb.client.known import Known
from qsdb.client.outgoing import Outgoing
from qsdb.client.query_sets import QuerySets
from qsdb.client.questions import Question
from qsdb.client.replies import Reply
from qsdb.client.requests import Requests
from qsdb.client.subscriptions import AnySubscription
from qsdb.client.telling import Telling
from qsdb.errors import ClosedError, QsdbError
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.server_messages import (
    InitialConnection,
    ServerMessage,
    SubscribeApplied,
    SubscriptionError,
    TransactionUpdate,
    UnsubscribeApplied,
)
from qsdb.protocol.server_reading import read_server_frame
from qsdb.protocol.subprotocols import Subprotocol
from qsdb.values.identity import ConnectionId, Identity

__all__ = ["Conversation"]

Phase = Literal["away", "greeting", "resuming", "online", "closed"]


class Conversation:
    """What a client and a server say to each other.

    Attributes:
        known: What the client knows of the database.
        cache: What it knows of rows.
        phase: How far it is; calls are possible when it is ``"online"``.
        identity: Who the client is, as the server says; None before it has.
        connection_id: The number of the present connection, or of the last one.
        token: With which it will be the same identity again.
        listeners: Are told when the connection is lost and when it is there again.
    """

    def __init__(self, known: Known, token: str | None, message_bytes_max: int) -> None:
        """Begin without a connection.

        Args:
            known: What is known of the database.
            token: With which to connect; the server makes one if it is None.
            message_bytes_max: Longest message that is taken.
        """
        self.known = known
        self.cache = Cache()
        self.cache._take(*known.visible(private=False), {})
        self.phase: Phase = "away"
        self.identity: Identity | None = None
        self.connection_id: ConnectionId | None = None
        self.token = token
        self._bytes_max = message_bytes_max
        self._why = "this connection is closed"
        self._was_online = False
        """Whether it has been at any time."""
        self.listeners = Listeners()
        self._telling = Telling()
        self._outgoing = Outgoing()
        self._sets = QuerySets(known, self.cache, self._telling, self._outgoing)
        self._requests = Requests(self._outgoing, self._sets.update)

    # The connection beneath.

    def opened(self, subprotocol: Subprotocol) -> None:
        """Take in that there is a connection; the server is to speak first."""
        assert self.phase == "away"
        self.phase = "greeting"
        self._outgoing.forget()
        self._outgoing.subprotocol = subprotocol

    def received(self, frame: bytes) -> None:
        """Take a frame of the server's in, and do all that it means.

        Raises:
            ProtocolError: it has what is no message, or none that belongs there; the
                connection is to be closed, and `lost` to be called.
        """
        subprotocol = self._outgoing.subprotocol
        for message in read_server_frame(frame, subprotocol, self._bytes_max):
            if self.phase in ("closed", "away"):
                return  # a callback has closed it
            self._take(message)

    def outgoing(self) -> list[bytes]:
        """Give the frames that are to be sent now."""
        return self._outgoing.take()

    def lost(self, error: QsdbError) -> None:
        """Take in that the connection is lost; those who wait are told so at once."""
        if self.phase in ("closed", "away"):
            return
        was_online = self.phase == "online"
        self.phase = "away"
        self._outgoing.forget()
        self._end_waiting(f"the connection was lost: {error}", error)
        if was_online:
            self._telling.do(lambda: self._tell_disconnect(error))

    def _tell_disconnect(self, error: QsdbError) -> None:
        self.listeners.tell_once("on_disconnect", error)

    def _end_waiting(self, why: str, cause: QsdbError | None) -> None:
        """Tell those who wait for answers that there will be none."""
        unanswered = UnansweredError(
            f"{why}. No answer had come, so it is not known whether it was done"
        )
        unbegun = NotConnectedError(why)
        unanswered.__cause__ = unbegun.__cause__ = cause
        self._requests.lost(unanswered)
        self._sets.lost(unbegun)

    def give_up(self, error: QsdbError) -> None:
        """Take in that there will be no other connection, and close."""
        if self.phase == "closed":
            return
        if self.phase == "online":
            self.lost(error)
        else:  # that the connection was lost has been told; that it stays so has not
            self._telling.do(lambda: self._tell_disconnect(error))
        self.close(f"this connection is closed: {error}")

    def close(self, why: str = "this connection is closed") -> None:
        """End: nothing is told any more; twice is no error."""
        if self.phase == "closed":
            return
        self.phase = "closed"
        self._why = why
        self._end_waiting(why, None)
        self._sets.close()
        self.listeners.clear()
        self._outgoing.forget()

    # What the server says.

    def _take(self, message: ServerMessage) -> None:
        is_first = isinstance(message, InitialConnection)
        if is_first != (self.phase == "greeting"):
            name = type(message).__name__
            place = "comes again" if is_first else "comes before InitialConnection"
            raise ProtocolError(name, 0, f"it {place}")
        match message:
            case InitialConnection():
                self._greeted(message)
            case SubscribeApplied():
                self._sets.applied(message)
            case UnsubscribeApplied():
                self._sets.unsubscribed(message)
            case SubscriptionError():
                self._sets.refused(message)
            case TransactionUpdate():
                self._sets.update(message, Event("transaction", NO_OFFSET))
            case _:
                self._requests.answered(message)

    def _greeted(self, message: InitialConnection) -> None:
        self.identity = Identity.from_stored(message.identity)
        self.connection_id = ConnectionId.from_stored(message.connection_id)
        if self.token is None:
            self.token = message.token
        self.phase = "resuming"
        self._sets.resume(self._resumed)

    def _resumed(self) -> None:
        self.phase = "online"
        is_again, self._was_online = self._was_online, True
        if is_again:
            self.listeners.tell_once("on_reconnect")

    # What users want.

    def require_online(self) -> None:
        """Let pass if the server can be asked.

        Raises:
            ClosedError: the connection is closed.
            NotConnectedError: it is lost, and is being made again.
        """
        if self.phase == "closed":
            raise ClosedError(self._why)
        if self.phase != "online":
            raise NotConnectedError(
                "the connection to the server is lost, and is being made again"
            )

    def call(self, function: RemoteFunction, arguments: bytes, reply: Reply) -> None:
        """Call a function.

        Raises:
            ClosedError, NotConnectedError: as `require_online` does.
            ArgumentError: the arguments are too long to be sent.
        """
        self.require_online()
        self._requests.call(function, arguments, reply)

    def ask(self, question: Question, reply: Reply) -> None:
        """Ask a query once.

        Raises:
            ClosedError, NotConnectedError: as `require_online` does.
        """
        self.require_online()
        self._requests.ask(question, reply)

    def subscribe(self, subscription: AnySubscription, reply: Reply) -> None:
        """Begin a subscription.

        Raises:
            ClosedError, NotConnectedError: as `require_online` does.
        """
        self.require_online()
        self._sets.begin(subscription, reply)

    def end(self, subscription: AnySubscription) -> None:
        """End a subscription; twice is no error."""
        self._sets.end(subscription)
