"""`WireClient`: a small client that knows versions 2 and 3 of the protocol.

It asks, waits for answers, and keeps what it is told. How frames go to and fro is the
business of whoever makes it: `connect` gives one over the network.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import TypeVar

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_socket
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol as Name

from qsdb.protocol import server_messages as s
from qsdb.protocol.client_messages import (
    SEND_DROPPED_ROWS,
    CallProcedure,
    CallReducer,
    ClientMessage,
    OneOffQuery,
    Subscribe,
    Unsubscribe,
    encode_client_message,
)
from qsdb.protocol.server_reading import read_server_frame
from qsdb.protocol.subprotocols import V3
from tests.support.known_rows import KnownRows, Rows, counted

__all__ = ["LostError", "WireClient", "connect"]

ANSWER_SECONDS = 60
BYTES_MAX = 1 << 26

T = TypeVar("T", bound=s.ServerMessage)


class LostError(Exception):
    """The connection has ended before the answer came."""


class WireClient:
    """A client.

    Attributes:
        known: What it was told.
        began: What it was told first.
    """

    def __init__(
        self,
        receive: Callable[[], Awaitable[bytes]],
        send: Callable[[bytes], Awaitable[None]],
        close: Callable[[], Awaitable[None]],
    ) -> None:
        """Begin to listen; in an event loop.

        Args:
            receive: Gives the next frame, or raises OSError if there is none.
            send: Sends a frame, or raises OSError.
            close: Ends the connection.
        """
        self.known = KnownRows()
        self._receive, self._send, self._close = receive, send, close
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[s.ServerMessage]] = {}
        loop = asyncio.get_running_loop()
        self._began: asyncio.Future[s.InitialConnection] = loop.create_future()
        self._listening = asyncio.ensure_future(self._listen())

    async def _listen(self) -> None:
        try:
            while True:
                frame = await self._receive()
                for message in read_server_frame(frame, V3, BYTES_MAX):
                    self._take(message)
        except OSError:
            pass
        finally:
            for answer in self._waiting.values():
                _lose(answer)
            _lose(self._began)

    def _take(self, message: s.ServerMessage) -> None:
        self.known.take(message)
        if isinstance(message, s.InitialConnection):
            self._began.set_result(message)
            return
        number = getattr(message, "request_id", None)
        if number is not None:
            self._waiting.pop(number).set_result(message)

    async def begin(self) -> s.InitialConnection:
        """Wait until the server says who this is."""
        async with asyncio.timeout(ANSWER_SECONDS):
            return await asyncio.shield(self._began)

    async def _ask(self, message: ClientMessage) -> s.ServerMessage:
        """Send a message, and give the answer.

        Raises:
            LostError: the connection ends before.
        """
        if self._listening.done():
            raise LostError("the connection has ended")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[s.ServerMessage] = loop.create_future()
        self._waiting[message.request_id] = answer
        try:
            await self._send(encode_client_message(message))
        except OSError as error:
            raise LostError(repr(error)) from error
        async with asyncio.timeout(ANSWER_SECONDS):
            return await answer

    async def call(self, reducer: str, args: bytes = b"") -> s.ReducerOutcome:
        """Call a reducer."""
        message = CallReducer(next(self._numbers), 0, reducer, args)
        answer = await self._ask(message)
        assert isinstance(answer, s.ReducerResult)
        return answer.outcome

    async def start(self, procedure: str, args: bytes = b"") -> s.ProcedureResult:
        """Run a procedure."""
        message = CallProcedure(next(self._numbers), 0, procedure, args)
        answer = await self._ask(message)
        assert isinstance(answer, s.ProcedureResult)
        return answer

    async def subscribe(self, number: int, *queries: str) -> None:
        """Have queries kept current."""
        answer = await self._ask(Subscribe(next(self._numbers), number, queries))
        assert isinstance(answer, s.SubscribeApplied), answer

    async def unsubscribe(self, number: int) -> None:
        """End a set of queries."""
        message = Unsubscribe(next(self._numbers), number, SEND_DROPPED_ROWS)
        answer = await self._ask(message)
        assert isinstance(answer, s.UnsubscribeApplied), answer

    async def ask(self, query: str) -> Rows:
        """Ask a query once."""
        answer = await self._ask(OneOffQuery(next(self._numbers), query))
        assert isinstance(answer, s.OneOffQueryResult)
        assert not isinstance(answer.result, str), answer
        return counted(answer.result)

    async def close(self) -> None:
        """End; what it has heard badly raises here."""
        await self._close()
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._listening


def _lose(answer: "asyncio.Future[T]") -> None:
    if not answer.done():
        answer.set_exception(LostError("the connection has ended"))
        answer.exception()  # it is no fault if nobody waits for it


async def connect(
    address: str, database: str, *, token: str = "", query: str = ""
) -> WireClient:
    """Give a client over the network.

    Args:
        address: Of the server: ``http://127.0.0.1:3000``.
        database: The name of the database.
        token: Whose; nobody's whom the server knows if empty.
        query: What stands behind the path.

    Raises:
        OSError: the server cannot be reached.
    """
    url = f"{address.replace('http', 'ws', 1)}/v1/database/{database}/subscribe?{query}"
    socket: ClientConnection = await connect_socket(
        url,
        subprotocols=[Name(V3.name)],
        additional_headers={"Authorization": f"Bearer {token}"} if token else {},
        compression=None,
        ping_interval=None,
        max_size=None,
        proxy=None,
        open_timeout=ANSWER_SECONDS,
        close_timeout=ANSWER_SECONDS,
    )

    async def receive() -> bytes:
        try:
            frame = await socket.recv(decode=False)
        except ConnectionClosed as error:
            raise OSError(str(error)) from None
        assert isinstance(frame, bytes)
        return frame

    async def send(frame: bytes) -> None:
        try:
            await socket.send(frame)
        except ConnectionClosed as error:
            raise OSError(str(error)) from None

    return WireClient(receive, send, socket.close)
