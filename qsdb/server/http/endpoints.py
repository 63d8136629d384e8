"""`Endpoint`: an address of the API, for all methods that it knows.

Whatever comes, there is an answer: a `Refusal`, a text that says that the server has
failed (and its log why), or what was asked for. Each of them may be read by pages from
anywhere, since tokens are shown by programs and not by browsers on their own; so
`CORS <https://fetch.spec.whatwg.org/#http-cors-protocol>`_ is open, as the SDK in
browsers needs it.

Answers to whoever is looked at tell who that is: ``spacetime-identity``, and
``spacetime-identity-token`` with which they are the same next time.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping

import attrs
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from qsdb.errors import AccessError, ArgumentError, ClosedError, NotFoundError
from qsdb.runtime.clock import SystemClock, tick_reader
from qsdb.server.bearer import token_of
from qsdb.server.credentials import Credentials
from qsdb.server.doors import CrowdedError
from qsdb.server.hosts import Served
from qsdb.server.http.desk import Desk
from qsdb.server.http.refusals import Refusal

__all__ = [
    "ANY",
    "Answer",
    "Endpoint",
    "Guest",
    "guest_of",
    "newcomer_of",
    "of_guest",
    "visitor_of",
]

Answer = Callable[[Desk, Request], Awaitable[Response]]
"""Answers requests of one method."""

ANY = "ANY"
"""Stands for all methods that are not named."""

_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
_LOGGER = logging.getLogger("qsdb.server.http")
_TOLD = "spacetime-identity, spacetime-identity-token"
_PREFLIGHT = {
    "access-control-allow-methods": "*",
    "access-control-allow-headers": "authorization, accept, content-type",
}


class Endpoint:
    """An address; an application of ASGI."""

    def __init__(self, desk: Desk, route: str, answers: Mapping[str, Answer]) -> None:
        """Answer at an address.

        Args:
            desk: What all answers need.
            route: The address with its parameters, for figures.
            answers: By method.
        """
        self._desk = desk
        self._route = route
        self._answers = dict(answers)
        if "GET" in answers:
            self._answers.setdefault("HEAD", answers["GET"])
        self._ticks = tick_reader(SystemClock())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        requests, address = self._desk.door.requests, self._desk.door.address(scope)
        request, began = Request(scope, receive), self._ticks()
        try:
            requests.enter(address)
        except CrowdedError as crowd:
            await self._tell(request, began, _refused(crowd).response(), send)
            return
        try:
            response = await self._answer(request)
            await self._tell(request, began, response, send)
        except ClientDisconnect:
            return  # there is nobody to answer to
        finally:
            requests.leave(address)
            self._desk.bodies.release(scope)

    async def _tell(
        self, request: Request, began: int, response: Response, send: Send
    ) -> None:
        """Give an answer, and count it."""
        self._desk.bodies.release(request.scope)
        # A module's own answers may say who else reads them.
        response.headers.setdefault("access-control-allow-origin", "*")
        response.headers.setdefault("access-control-expose-headers", _TOLD)
        method = request.method if request.method in _METHODS else "other"
        metrics, status = self._desk.metrics, str(response.status_code)
        metrics.requests.labels(self._route, method, status).inc()
        seconds = (self._ticks() - began) / 1e9
        metrics.request_seconds.labels(self._route).observe(seconds)
        await response(request.scope, request.receive, send)

    async def _answer(self, request: Request) -> Response:
        method = request.method
        is_asked_first = "access-control-request-method" in request.headers
        if method == "OPTIONS" and is_asked_first:
            return Response(headers=_PREFLIGHT)
        found = self._answers.get(method) or self._answers.get(ANY)
        if found is None:
            allowed = {"allow": ", ".join(self._answers)}
            return Refusal(405, f"there is no {method} here", allowed).response()
        try:
            return await found(self._desk, request)
        except Refusal as refusal:
            return refusal.response()
        except ClosedError:
            return Refusal(503, "the database is closed").response()
        except ClientDisconnect:
            raise
        except Exception:  # whatever it is, there is an answer
            _LOGGER.exception("%s %s failed", method, self._route)
            return Refusal(500, "the server has failed; its log says more").response()


def _refused(crowd: CrowdedError) -> Refusal:
    return Refusal(429, crowd.text, {"retry-after": str(crowd.seconds)})


async def visitor_of(desk: Desk, request: Request) -> Credentials | None:
    """Say who asks; None if they show nothing.

    Raises:
        Refusal: what they show does not count, or they have shown too much of that.
    """
    headers = request.headers.getlist("authorization")
    try:
        token = token_of(headers, request.query_params.get("token"))
    except ArgumentError as error:
        raise Refusal(400, str(error)) from None
    if token is None:
        return None
    try:
        address = desk.door.address(request.scope)
        return await desk.door.admit(desk.authority, address, token)
    except CrowdedError as crowd:
        raise _refused(crowd) from None
    except AccessError as error:
        raise Refusal(401, str(error), {"www-authenticate": "Bearer"}) from None


def newcomer_of(desk: Desk, request: Request) -> Credentials:
    """Make somebody new of whoever asks.

    Raises:
        Refusal: there were too many of their address.
    """
    door = desk.door
    try:
        return door.anonymous(desk.authority, door.address(request.scope))
    except CrowdedError as crowd:
        raise _refused(crowd) from None


@attrs.frozen(eq=False)
class Guest:
    """Somebody who asks of a database.

    Attributes:
        desk: What all answers need.
        request: What they ask.
        credentials: Who they are: somebody new, if they show nothing.
        served: The database.
    """

    desk: Desk
    request: Request
    credentials: Credentials
    served: Served

    @property
    def is_owner(self) -> bool:
        """Whether they own the database."""
        return self.credentials.identity == self.served.database.owner

    def require_owner(self) -> None:
        """Refuse all others.

        Raises:
            Refusal: they do not own the database.
        """
        if not self.is_owner:
            raise Refusal(403, "only the owner of the database may do this")

    def flag(self, name: str) -> bool:
        """Give a parameter of the address that is true or false; false if not given.

        Raises:
            Refusal: it is something else.
        """
        given = self.request.query_params.get(name, "false")
        if given not in ("true", "false"):
            raise Refusal(400, f"{name} is true or false")
        return given == "true"


def guest_of(desk: Desk, request: Request, credentials: Credentials) -> Guest:
    """Find the database that is asked for.

    Raises:
        Refusal: there is none.
    """
    try:
        served = desk.host.find(request.path_params["database"])
    except NotFoundError as error:
        raise Refusal(404, str(error)) from None
    return Guest(desk, request, credentials, served)


def of_guest(answer: Callable[[Guest], Awaitable[Response]]) -> Answer:
    """Have a database answer to somebody, and tell them who they are."""

    async def told(desk: Desk, request: Request) -> Response:
        found = await visitor_of(desk, request)
        credentials = newcomer_of(desk, request) if found is None else found
        try:
            response = await answer(guest_of(desk, request, credentials))
        except Refusal as refusal:
            response = refusal.response()
        response.headers["spacetime-identity"] = credentials.identity.to_hex()
        response.headers["spacetime-identity-token"] = credentials.token
        # Who has somebody else's answer out of a cache would be them.
        response.headers["cache-control"] = "no-store"
        return response

    return told
