"""The WebSocket at ``/v1/database/{name}/subscribe``.

Who comes is asked before the upgrade is answered: which database, which protocol, which
token; and the module is asked by ``client_connected``. So a client that is refused is
told why by a status of HTTP and some words, where the server below can do that, and is
never half connected.

=================  =========================================================
parameter          meaning
=================  =========================================================
``token``          the token, for who cannot set ``Authorization``
``compression``    what the client can unpack; nothing is compressed
``confirmed``      ``false``: be told of commits before they are on the disk
``connection_id``  32 hexadecimal digits that the client has chosen
``columns``        ``true``: be told results that are no table's rows
=================  =========================================================
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, MutableMapping
from concurrent.futures import Future
from typing import Any
from urllib.parse import parse_qsl

import attrs

from qsdb.errors import AccessError, ArgumentError, NotFoundError, QsdbError, brief
from qsdb.protocol.frames import asked_compression
from qsdb.server.bearer import token_of
from qsdb.server.credentials import Credentials
from qsdb.server.dialects import DIALECTS, Dialect, choose_dialect
from qsdb.server.doors import SOON, Admission, CrowdedError, Door
from qsdb.server.durable_watch import DurableWatch
from qsdb.server.hosts import Host, Served
from qsdb.server.links import Link
from qsdb.server.peers import SessionOptions
from qsdb.server.texts import refusal_text
from qsdb.server.wires import EXTENSION, AsgiWire, Receive, Send, Wire
from qsdb.values.identity import ConnectionId

__all__ = ["Subscribing"]

_LOGGER = logging.getLogger("qsdb.server")

PARAMETERS_MAX = 16

_GOES_DOWN = "the server goes down"


class RefusedError(Exception):
    """A client is not let in.

    Attributes:
        status: Of HTTP.
        text: For people.
        seconds: After so many it may be otherwise; None if nobody knows.
    """

    def __init__(self, status: int, text: str, seconds: int | None = None) -> None:
        """Say why."""
        super().__init__(text)
        self.status = status
        self.text = text
        self.seconds = seconds


@attrs.frozen
class Asked:
    """What a client asks for as it connects."""

    served: Served
    dialect: Dialect
    credentials: Credentials
    options: SessionOptions
    connection_id: ConnectionId | None


class Subscribing:
    """An ASGI application: WebSockets of one host."""

    def __init__(
        self,
        host: Host,
        admission: Admission,
        *,
        options: SessionOptions | None = None,
        door: Door | None = None,
        closing_seconds: float = 5,
    ) -> None:
        """Serve databases.

        Args:
            host: They.
            admission: Says who clients are.
            options: How clients are served, if they ask for nothing else.
            door: How many may come, and of each address; the usual if not given.
            closing_seconds: So long clients may take to read what they are to be told,
                when the server goes down.
        """
        self._host = host
        self._admission = admission
        self._options = options or SessionOptions()
        self._door = door or Door()
        self._closing_seconds = closing_seconds
        self._watches: list[tuple[Served, DurableWatch]] = []
        self._links: dict[Link, Future[None]] = {}
        """Each with what is set at its very end."""
        self._is_closing = False

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Receive, send: Send
    ) -> None:
        """Serve one WebSocket, from the request to the end."""
        await receive()  # websocket.connect
        connections, address = self._door.connections, self._door.address(scope)
        try:
            connections.enter(address)
        except CrowdedError as crowd:
            await _refuse(scope, send, _crowded(crowd))
            return
        try:
            await self._serve(scope, receive, send, address)
        finally:
            connections.leave(address)

    async def _serve(
        self,
        scope: MutableMapping[str, Any],
        receive: Receive,
        send: Send,
        address: str | None,
    ) -> None:
        try:
            asked = await self._asked(scope, address)
            link = await self._begin(asked)
        except RefusedError as refused:
            await _refuse(scope, send, refused)
            return
        try:
            await send(_accepted(asked))
            await link.run(_wire(scope, receive, send))
        finally:
            await self._end(link)

    async def _end(self, link: Link) -> None:
        ended = self._links.pop(link)
        try:
            await asyncio.shield(link.end())
        finally:
            ended.set_result(None)

    async def _begin(self, asked: Asked) -> Link:
        self._require_room()  # others may have come while the token was looked at
        access, credentials = asked.served.access, asked.credentials
        number = asked.connection_id or access.draw_connection_id()
        sender = access.sender(credentials.identity, credentials.claims, number)
        sender = attrs.evolve(sender, waits=False)
        watch = self._watch(asked.served)
        link = Link(asked.served, sender, asked.options, asked.dialect, watch)
        self._links[link] = ended = Future[None]()
        ended.set_running_or_notify_cancel()  # who waits no more does not cancel it
        try:
            await link.begin(credentials.token)
        except BaseException as error:
            if not isinstance(error, QsdbError):  # it has connected, or is about to
                await self._end(link)
                raise
            self._links.pop(link).set_result(None)
            if isinstance(error, AccessError):
                about, is_owner = asked.served.logged, link.session.peer.is_owner
                said = refusal_text(about, error, is_owner=is_owner)
                raise RefusedError(403, said) from error
            _LOGGER.warning("a client cannot connect: %s", error)
            told = "the database cannot take clients now"
            raise RefusedError(503, told) from error
        return link

    def _watch(self, served: Served) -> DurableWatch | None:
        """Give what watches the disk for a database, if it has one.

        Each event loop has its own: an application may be served by several, or by one
        after the other.
        """
        log = served.access.calls.writer.log
        if log is None:
            return None
        loop = asyncio.get_running_loop()
        for each, watch in self._watches:
            if each is served and watch.loop is loop:
                return watch
        self._let_go(lambda watch: watch.loop.is_closed())
        watch = DurableWatch(log, loop)
        self._watches.append((served, watch))
        return watch

    def _let_go(self, is_over: Callable[[DurableWatch], bool]) -> None:
        """End watches, and forget them."""
        for each in [*self._watches]:
            if is_over(each[1]):
                each[1].close()
                self._watches.remove(each)

    # What is asked.

    def _require_room(self) -> None:
        most = self._door.options.connections_max
        if self._is_closing or len(self._links) >= most:
            raise RefusedError(503, "the server takes no more clients now", SOON)

    async def _asked(
        self, scope: MutableMapping[str, Any], address: str | None
    ) -> Asked:
        """Read a request.

        Raises:
            RefusedError: it cannot be served.
        """
        self._require_room()
        try:
            served = self._host.find(scope["path_params"]["database"])
        except NotFoundError as error:
            raise RefusedError(404, str(error)) from None
        dialect = choose_dialect(scope.get("subprotocols", ()))
        if dialect is None:
            names = ", ".join([each.subprotocol.name for each in DIALECTS])
            raise RefusedError(400, f"no sub-protocol that is served; it has {names}")
        query = _parameters(scope.get("query_string", b""))
        try:
            asked_compression(query.get("compression"))
            number = _connection_id(query.get("connection_id"))
            options = self._options_of(query, dialect)
        except ArgumentError as error:
            raise RefusedError(400, str(error)) from None
        credentials = await self._credentials(scope, query, address)
        return Asked(served, dialect, credentials, options, number)

    def _options_of(self, query: Mapping[str, str], dialect: Dialect) -> SessionOptions:
        usual = self._options
        is_confirmed = usual.confirmed and dialect.confirmed
        return attrs.evolve(
            usual,
            confirmed=_flag("confirmed", query, usual=is_confirmed),
            has_columns=_flag("columns", query, usual=usual.has_columns),
        )

    async def _credentials(
        self,
        scope: MutableMapping[str, Any],
        query: Mapping[str, str],
        address: str | None,
    ) -> Credentials:
        """Say who comes; the header counts more than the parameter."""
        headers = [v for name, v in scope["headers"] if name == b"authorization"]
        shown = [each.decode("latin-1") for each in headers]
        try:
            token = token_of(shown, query.get("token"))
            if token is None:
                return self._door.anonymous(self._admission, address)
            return await self._door.admit(self._admission, address, token)
        except CrowdedError as crowd:
            raise _crowded(crowd) from None
        except AccessError as error:
            raise RefusedError(401, str(error)) from None
        except ArgumentError as error:
            raise RefusedError(400, str(error)) from None

    # The end.

    def open(self) -> None:
        """Take clients again, after `close`; also before, which does nothing."""
        self._is_closing = False

    async def close(self) -> None:
        """End all clients: what they are to be told is sent before.

        Procedures have some seconds to come to their end; then their callers are told
        that they run on. Who has not read all that after some seconds is cut off.
        """
        self._is_closing = True
        for link in [*self._links]:
            link.session.stop(_GOES_DOWN, waits=True)
        await self._wait_for_links()
        late = [each for each in [*self._links] if each.session.calls.running]
        for link in late:
            link.session.stop(_GOES_DOWN)
        if late:
            await self._wait_for_links()
        for link in [*self._links]:
            link.cut(_GOES_DOWN)
        await self._wait_for_links()
        self._let_go(lambda _: True)

    async def _wait_for_links(self) -> None:
        """Wait for all that are there, in whichever event loop."""
        ends = [asyncio.wrap_future(each) for each in [*self._links.values()]]
        if ends:
            _, late = await asyncio.wait(ends, timeout=self._closing_seconds)
            for each in late:
                each.cancel()


def _crowded(crowd: CrowdedError) -> RefusedError:
    return RefusedError(429, crowd.text, crowd.seconds)


def _wire(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> Wire:
    """Give the WebSocket as a link has it: the server's own, or made of ASGI."""
    own = scope.get("extensions", {}).get(EXTENSION)
    return own if isinstance(own, Wire) else AsgiWire(receive, send)


def _parameters(query: bytes) -> dict[str, str]:
    text = query.decode("latin-1")
    with contextlib.suppress(ValueError):
        return dict(parse_qsl(text, max_num_fields=PARAMETERS_MAX))
    raise RefusedError(400, f"over {PARAMETERS_MAX} parameters")


def _flag(name: str, query: Mapping[str, str], *, usual: bool) -> bool:
    given = query.get(name)
    if given is None:
        return usual
    if given not in ("true", "false"):
        raise ArgumentError(f"{name} is {brief(given)}, not true or false")
    return given == "true"


def _connection_id(text: str | None) -> ConnectionId | None:
    if text is None:
        return None
    try:
        number = ConnectionId.from_hex(text)
    except ValueError as error:
        raise ArgumentError(f"connection_id: {error}") from None
    if not any(bytes(number)):
        raise ArgumentError("connection_id is 0, which nobody has")
    return number


def _accepted(asked: Asked) -> dict[str, Any]:
    credentials = asked.credentials
    return {
        "type": "websocket.accept",
        "subprotocol": asked.dialect.subprotocol.name,
        "headers": [
            (b"spacetime-identity", credentials.identity.to_hex().encode()),
            (b"spacetime-identity-token", credentials.token.encode("latin-1")),
        ],
    }


async def _refuse(
    scope: MutableMapping[str, Any], send: Send, refused: RefusedError
) -> None:
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
        return
    body = refused.text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"access-control-allow-origin", b"*"),
    ]
    if refused.seconds is not None:
        headers.append((b"retry-after", str(refused.seconds).encode()))
    start = {"type": "websocket.http.response.start", "headers": headers}
    await send({**start, "status": refused.status})
    await send({"type": "websocket.http.response.body", "body": body})
