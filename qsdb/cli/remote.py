"""`Remote`: a database behind a server, asked over HTTP.

The routes are SpacetimeDB's (``/v1/database/chat/…``), and what comes back is
SATS-JSON. Each request is a connection of its own; the standard library is enough.
"""

import contextlib
import http.client
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any
from urllib.parse import quote, urlsplit

import attrs

from qsdb.cli.extras import load_part
from qsdb.cli.following import followed
from qsdb.cli.grids import cell_text
from qsdb.cli.plain_types import plain_of_type
from qsdb.cli.targets import Answer, Change, RequestError
from qsdb.errors import ArgumentError, brief

__all__ = ["Remote", "Server", "server_of"]

TIMEOUT_SECONDS = 60.0
"""A server that is silent for longer is given up; a log that is followed is not."""

TEXT_CHARACTERS_MAX = 2000
"""So much is shown of an answer that says what is wrong."""

DURABLE = "?confirmed=true"
"""What was asked is on the disk when the answer comes."""

_SCHEMES = {"http": False, "https": True, "ws": False, "wss": True}


@attrs.frozen
class Server:
    """Where a server is.

    Attributes:
        host: Its name.
        port: Likewise; None for the scheme's own.
        is_secure: Whether TLS is spoken.
        path: What its paths begin with; empty as a rule.
    """

    host: str
    port: int | None
    is_secure: bool
    path: str

    @property
    def authority(self) -> str:
        """Host and port, as addresses have them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    def url(self, scheme: str) -> str:
        """Give its address: with ``"http"`` or ``"ws"``, secure if it is."""
        return f"{scheme}{'s' if self.is_secure else ''}://{self.authority}{self.path}"

    def connect(self, timeout: float | None) -> http.client.HTTPConnection:
        """Give a connection, not opened yet."""
        maker: Callable[..., http.client.HTTPConnection] = (
            http.client.HTTPSConnection
            if self.is_secure
            else http.client.HTTPConnection
        )
        return maker(self.host, self.port, timeout=timeout)


def server_of(text: str) -> Server:
    """Read an address: ``http://127.0.0.1:3000``; ``ws://…`` means the same.

    Raises:
        ArgumentError: it is none.
    """
    fault = f"a server is at http://HOST:PORT or https://HOST, not {brief(text)}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ArgumentError(fault) from None
    is_odd = bool(parts.query or parts.fragment or parts.username is not None)
    if parts.scheme not in _SCHEMES or not parts.hostname or is_odd:
        raise ArgumentError(fault)
    path = quote(parts.path.rstrip("/"), safe="/%")
    return Server(parts.hostname, port, _SCHEMES[parts.scheme], path)


class Remote:
    """A database behind a server."""

    def __init__(self, server: Server, database: str, token: str | None) -> None:
        """Ask a server about a database.

        Args:
            server: It.
            database: Name or identity.
            token: Shows who asks; somebody new if None.
        """
        self._server = server
        self._database = database
        self._token = token

    def call(self, name: str, arguments: str) -> object:
        text = self._request("POST", f"call/{quote(name, safe='')}{DURABLE}", arguments)
        if not text.strip():
            return None
        return self._plain_result(name, _json(text))

    def _plain_result(self, name: str, value: object) -> object:
        """Give what a function returned, by the type that the definition tells."""
        sections = _sections(self.definition())
        types = sections.get("Typespace", {}).get("types", ())
        for each in sections.get("Procedures", ()):
            if each.get("source_name") == name:
                with contextlib.suppress(ValueError, TypeError, LookupError):
                    return plain_of_type(each["return_type"], value, types)
        return value

    def sql(self, text: str) -> list[Answer]:
        found = _json(self._request("POST", f"sql{DURABLE}", text, "text/plain"))
        try:
            return [_answer(each) for each in found]
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise RequestError(f"the server's answer is no result: {error}") from None

    def definition(self, *, has_returns: bool = False) -> Mapping[str, Any]:
        path = f"schema?version=10{'&returns=true' * has_returns}"
        found = _json(self._request("GET", path))
        if not isinstance(found, dict) or not isinstance(found.get("sections"), list):
            raise RequestError("the server's answer is no definition of a module")
        return found

    def log_lines(self, count: int, *, follow: bool) -> Iterator[Mapping[str, Any]]:
        path = f"logs?num_lines={count}&follow={'true' if follow else 'false'}"
        timeout = None if follow else TIMEOUT_SECONDS
        with self._asking("GET", path, "", None, timeout) as response:
            for line in response:
                if line.strip():
                    yield _json(line.decode("utf-8", "replace"))

    @contextlib.contextmanager
    def changes(self, query: str) -> Iterator[Iterator[Change]]:
        client = load_part("qsdb.client", "client")
        with self._connected(client) as connection:
            yield followed(connection, query)

    def _connected(self, client: ModuleType) -> contextlib.AbstractContextManager[Any]:
        connect: Callable[..., contextlib.AbstractContextManager[Any]] = client.connect
        return connect(
            self._server.url("ws"),
            self._database,
            token=self._token,
        )

    def close(self) -> None:
        """Do nothing: requests close themselves."""

    # Requests.

    def _request(
        self, method: str, path: str, body: str = "", sort: str = "application/json"
    ) -> str:
        with self._asking(method, path, body, sort, TIMEOUT_SECONDS) as response:
            return response.read().decode("utf-8", "replace")

    @contextlib.contextmanager
    def _asking(
        self, method: str, path: str, body: str, sort: str | None, timeout: float | None
    ) -> Iterator[http.client.HTTPResponse]:
        """Have the answer to a request, which is one that says that it was done.

        Raises:
            RequestError: the server is not reached, or says otherwise.
        """
        headers = {} if sort is None or not body else {"Content-Type": sort}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        name = quote(self._database, safe="")
        target = f"{self._server.path}/v1/database/{name}/{path}"
        connection = self._server.connect(timeout)
        try:
            try:
                connection.request(method, target, body.encode() or None, headers)
                response = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                where = self._server.url("http")
                raise RequestError(f"cannot ask {where}: {_told(error)}") from None
            if response.status >= 300:
                raise RequestError(_refusal(response))
            yield response
        except http.client.HTTPException as error:
            raise RequestError(f"the answer broke off: {_told(error)}") from None
        finally:
            connection.close()


def _told(error: BaseException) -> str:
    return f"{error}" or type(error).__name__


def _refusal(response: http.client.HTTPResponse) -> str:
    text = response.read().decode("utf-8", "replace").strip()[:TEXT_CHARACTERS_MAX]
    text = "\n".join(map(cell_text, text.splitlines()))
    return text or f"the server answers {response.status} {response.reason}"


def _json(text: str) -> Any:  # noqa: ANN401  whatever a server says
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise RequestError(f"the server's answer is no JSON: {brief(text)}") from None


def _sections(definition: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: each for part in definition["sections"] for name, each in part.items()
    }


def _answer(found: Mapping[str, Any]) -> Answer:
    elements: Sequence[Mapping[str, Any]] = found["schema"]["elements"]
    columns = [
        each["name"].get("some", f"column {place}")
        for place, each in enumerate(elements, start=1)
    ]
    kinds = [each["algebraic_type"] for each in elements]
    rows = [
        [plain_of_type(kind, value) for kind, value in zip(kinds, row, strict=True)]
        for row in found["rows"]
    ]
    if columns:
        return Answer(columns, rows)
    stats = found.get("stats", {})
    counts = ("rows_inserted", "rows_deleted", "rows_updated")
    return Answer((), (), sum([stats.get(each, 0) for each in counts]))
