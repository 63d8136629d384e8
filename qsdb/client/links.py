"""`Link`: keeps a conversation connected, in an event loop.

One task reads: what comes is given to the conversation, and what that wants to send is
sent by another one, which waits while the server does not read. When the connection is
lost the first goes on to make a new one, after waits (`qsdb.client.back_off`), until
the server refuses the client, or the user closes.
"""

import asyncio
import contextlib
import logging

from qsdb.client.addresses import Address
from qsdb.client.back_off import BackOff
from qsdb.client.client_errors import NotConnectedError
from qsdb.client.conversation import Conversation
from qsdb.client.schema_checks import SchemaCheck
from qsdb.client.settings import Settings
from qsdb.client.sockets import Socket, open_socket
from qsdb.errors import AccessError, QsdbError, SchemaError
from qsdb.protocol.protocol_error import ProtocolError

__all__ = ["Link"]

_LOGGER = logging.getLogger("qsdb.client")

_FINAL = AccessError, SchemaError
"""To try again would be of no use."""


class Link:
    """Keeps a conversation connected.

    Attributes:
        conversation: It.
        settings: How it behaves.
    """

    def __init__(
        self,
        conversation: Conversation,
        address: Address,
        settings: Settings,
        check: SchemaCheck,
    ) -> None:
        """Begin without a connection.

        Args:
            conversation: What is to be connected.
            address: Where the database is.
            settings: How to connect.
            check: Compares what the client knows with what the server has.
        """
        self.conversation = conversation
        self.settings = settings
        self._address = address
        self._check = check
        self._back_off = BackOff(settings)
        self._due = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False

    async def open(self) -> None:
        """Connect, and stay so.

        Raises:
            AccessError: the server refuses this client.
            NotFoundError: it has no such database.
            SchemaError: it has other tables than this client expects.
            NotConnectedError: it cannot be reached.
            ProtocolError: it says what is no message.
        """
        socket = await self._connect()
        self._task = asyncio.create_task(self._stay(socket))
        try:
            await asyncio.sleep(0)  # it begins, and so it will close the socket
        except asyncio.CancelledError:
            await self.close()
            await socket.close()
            raise

    def flush(self) -> None:
        """Have sent what is due."""
        self._due.set()

    async def close(self) -> None:
        """End the connection; twice is no error.

        What the conversation has to say is sent no more. It takes no longer than
        ``close_timeout`` says, or little.
        """
        task, is_first = self._task, not self._is_closing
        self._is_closing = True
        if task is not None:
            if is_first:  # a second time would cut the closing off
                task.cancel()
            await asyncio.wait([task], timeout=self.settings.close_timeout)

    async def _connect(self) -> Socket:
        """Connect, and let the server say who the client is."""
        conversation, settings = self.conversation, self.settings
        await self._check.run(self._address, conversation.token, settings)
        socket = await open_socket(self._address, conversation.token, settings)
        try:
            conversation.opened(socket.subprotocol)
            self._take(await socket.receive_first(settings.connect_timeout))
        except BaseException as error:
            if isinstance(error, QsdbError):
                conversation.lost(error)
            await socket.close(_code_of(error))
            raise
        self._back_off.connected()
        return socket

    async def _stay(self, socket: Socket) -> None:
        """Serve one connection after the other."""
        try:
            await self._serve_all(socket)
        except Exception as error:
            _LOGGER.exception("a connection has failed")
            self.conversation.give_up(_unexpected(error))

    async def _serve_all(self, socket: Socket) -> None:
        conversation = self.conversation
        current: Socket | None = socket
        while current is not None:
            error = await self._serve(current)
            if not self.settings.reconnect:
                conversation.give_up(error)
                return
            conversation.lost(error)
            current = await self._connect_again()

    async def _connect_again(self) -> Socket | None:
        conversation = self.conversation
        while conversation.phase != "closed":
            await self.settings.sleep(self._back_off.next_delay())
            try:
                return await self._connect()
            except _FINAL as error:
                conversation.give_up(error)
            except QsdbError as error:
                _LOGGER.info("could not connect again: %s", error)
        return None

    async def _serve(self, socket: Socket) -> QsdbError:
        """Read until the connection ends; give the reason."""
        self._due.set()  # subscriptions may have been asked again
        sending = asyncio.create_task(self._send(socket))
        code = 1000
        try:
            while True:
                frame = await socket.receive()
                self._take(frame)
                self._due.set()
                await asyncio.sleep(0)  # others have their turn, however much comes
        except QsdbError as error:
            code = _code_of(error)
            return error
        finally:
            await socket.close(code)
            self._due.set()  # whoever sends sees that, too
            await sending

    def _take(self, frame: bytes) -> None:
        try:
            self.conversation.received(frame)
        except QsdbError:
            raise
        except Exception as error:
            _LOGGER.exception("what a server sent could not be taken in")
            raise _unexpected(error) from error

    async def _send(self, socket: Socket) -> None:
        with contextlib.suppress(NotConnectedError):  # whoever reads is told
            while not socket.is_closed:
                await self._due.wait()
                self._due.clear()
                for frame in self.conversation.outgoing():
                    await socket.send(frame)


def _unexpected(error: Exception) -> QsdbError:
    return ProtocolError("message", 0, f"to take it in raised {error!r}")


def _code_of(error: BaseException) -> int:
    """Give the code to close with: 1002 tells of a fault of the protocol."""
    return 1002 if isinstance(error, ProtocolError) else 1000
