"""`open_socket`: a WebSocket to a database, or an error that says what to do.

========================  ====================================================
what the server does      what is raised
========================  ====================================================
401, 403                  `AccessError`: the token or the module refuses
404                       `NotFoundError`: it has no such database
other statuses            `NotConnectedError`, with what the server says
no answer, no server      `NotConnectedError`
a certificate is bad      `NotConnectedError`, with what is wrong with it
========================  ====================================================

A server that closes the connection before it has said who the client is, and says why
(or closes it in order), has refused it too: that is how a module's ``client_connected``
refuses where the upgrade is made before that runs.
"""

import asyncio
import logging

import websockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol as Name

from qsdb.client.addresses import Address
from qsdb.client.client_errors import NotConnectedError
from qsdb.client.settings import Settings
from qsdb.client.tls import connecting_fault
from qsdb.errors import AccessError, NotFoundError, QsdbError
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.subprotocols import SUBPROTOCOLS, Subprotocol

__all__ = ["Socket", "open_socket"]

_LOGGER = logging.getLogger("qsdb.client")

_REFUSING = frozenset({1000, 1005, 1008, 3000, 3003})
"""Close codes that refuse a client; those from 4000 on do so too. (1005 is none.)"""


class _Direct(connect):
    """Follows no redirect: the token is for this server alone."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


class Socket:
    """A WebSocket, whose errors are qsdb's.

    Attributes:
        subprotocol: What was agreed upon.
        is_closed: Whether `close` was called.
    """

    def __init__(self, connection: ClientConnection, subprotocol: Subprotocol) -> None:
        """Wrap one that is open."""
        self._connection = connection
        self.subprotocol = subprotocol
        self.is_closed = False

    async def receive(self) -> bytes:
        """Wait for a frame.

        Raises:
            NotConnectedError: the connection has ended.
            ProtocolError: it is a text.
        """
        try:
            frame = await self._connection.recv()
        except ConnectionClosed as error:
            raise _ended(error) from error
        if isinstance(frame, str):
            raise ProtocolError("frame", 0, "it is a text; bytes were expected")
        return frame

    async def receive_first(self, timeout: float) -> bytes:
        """Wait for the first frame.

        Raises:
            AccessError: the server refuses.
            NotConnectedError, ProtocolError: as `receive` does, or nothing comes.
        """
        try:
            async with asyncio.timeout(timeout):
                return await self.receive()
        except TimeoutError:
            raise NotConnectedError(
                f"the server has said nothing for {timeout} seconds"
            ) from None
        except NotConnectedError as error:
            cause = error.__cause__
            closed = cause.rcvd if isinstance(cause, ConnectionClosed) else None
            if closed is None or not (closed.code in _REFUSING or closed.code >= 4000):
                raise
            reason = closed.reason or "the server closed it before it said why"
            raise AccessError(f"the connection was refused: {reason}") from None

    async def send(self, frame: bytes) -> None:
        """Send a frame; waits while the server does not read.

        Raises:
            NotConnectedError: the connection has ended.
        """
        try:
            await self._connection.send(frame)
        except ConnectionClosed as error:
            raise _ended(error) from error

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close; takes no longer than ``close_timeout``."""
        self.is_closed = True
        await self._connection.close(code, reason)


async def open_socket(
    address: Address, token: str | None, settings: Settings
) -> Socket:
    """Connect.

    Raises:
        AccessError, NotFoundError, NotConnectedError: see above.
    """
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        connection = await _Direct(
            address.socket_url(settings.confirmed),
            additional_headers=headers,
            subprotocols=[Name(each.name) for each in SUBPROTOCOLS],
            compression=None,
            max_size=settings.message_bytes_max + 1,  # and the tag
            open_timeout=settings.connect_timeout,
            close_timeout=settings.close_timeout,
            ping_interval=settings.silence_timeout / 2,
            ping_timeout=settings.silence_timeout / 2,
            proxy=None,
            logger=_LOGGER,
            ssl=address.tls,
        )
    except InvalidStatus as error:
        raise _refusal(error) from error
    except (OSError, websockets.WebSocketException) as error:
        raise NotConnectedError(
            f"no connection to {address.authority}: {connecting_fault(error)}"
        ) from error
    for each in SUBPROTOCOLS:
        if connection.subprotocol == each.name:
            return Socket(connection, each)
    await connection.close(1002)
    raise NotConnectedError(
        f"{address.authority} speaks none of "
        f"{', '.join([each.name for each in SUBPROTOCOLS])}"
    )


def _refusal(error: InvalidStatus) -> QsdbError:
    status = error.response.status_code
    text = (error.response.body or b"")[:1000].decode(errors="replace").strip()
    said = f"{status} {text}".strip()
    if status in (401, 403):
        return AccessError(f"the connection was refused: {said}")
    if status == 404:
        return NotFoundError(f"the server has no such database: {said}")
    return NotConnectedError(f"the server does not connect: {said}")


def _ended(error: ConnectionClosed) -> NotConnectedError:
    if error.rcvd is None:
        return NotConnectedError("it ended without a word from the server")
    code, reason = error.rcvd.code, error.rcvd.reason
    said = f"{code} {reason}".strip()
    return NotConnectedError(f"the server closed it: {said}")
