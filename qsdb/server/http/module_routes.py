"""What modules answer themselves: below ``/v1/database/…/route``.

Nobody looks at who asks (`qsdb.schema.http_routes`). A handler runs in the database's
pool, as procedures do. What it raises is logged, and told as the failure of the server.
"""

from starlette.requests import Request
from starlette.responses import Response

from qsdb.errors import NotFoundError
from qsdb.runtime.call_contexts import Sender
from qsdb.schema.http_messages import HttpRequest, HttpResponse
from qsdb.schema.http_routes import ANY, HttpRoute
from qsdb.schema.module_schemas import ModuleSchema
from qsdb.server.exits import FAILURES
from qsdb.server.hosts import Served
from qsdb.server.http.desk import Desk
from qsdb.server.http.refusals import Refusal
from qsdb.server.texts import failure_text
from qsdb.values.identity import Identity

__all__ = ["module_route"]

_OF_THE_CONNECTION = frozenset(
    {"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"}
)
"""Headers that the server sets, since they are about how bytes travel."""


async def module_route(desk: Desk, request: Request) -> Response:
    """Have a handler of a module answer."""
    try:
        served = desk.host.find(request.path_params["database"])
    except NotFoundError as error:
        raise Refusal(404, str(error)) from None
    rest = request.path_params.get("rest")
    path = "" if rest is None else f"/{rest}"
    module = served.access.module
    route = _route(module, request.method, path)
    body = await desk.read_body(request, desk.options.body_bytes_max)
    query = request.scope["query_string"].decode("latin-1")
    asked = HttpRequest(request.method, path, query, _headers(request), body)
    return await desk.run(served, lambda: _handled(served, route, asked), may_wait=True)


def _route(module: ModuleSchema, method: str, path: str) -> HttpRoute:
    """Find what answers.

    Raises:
        Refusal: nothing does, or not to this method.
    """
    there = [each for each in module.http_routes if each.path == path]
    for each in there:
        if each.method in (method, ANY):
            return each
    if not there:
        raise Refusal(404, "the module answers nothing at this path")
    allowed = ", ".join([each.method for each in there])
    raise Refusal(405, f"there is no {method} here", {"allow": allowed})


def _headers(request: Request) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _handled(served: Served, route: HttpRoute, asked: HttpRequest) -> Response:
    """Run a handler on this thread."""
    procedures, handler = served.access.procedures, route.handler
    try:
        found = procedures.run(Sender(Identity.ZERO), handler, (asked,))
        if not isinstance(found, HttpResponse):
            raise TypeError(f"it gave {found!r}, and not a qsdb.HttpResponse")
    except FAILURES as error:
        text = failure_text(served.logged, handler.name, error, is_owner=False)
        raise Refusal(500, text) from None
    return _sent(found)


def _sent(found: HttpResponse) -> Response:
    body = found.body
    response = Response(
        body if isinstance(body, bytes) else body.encode(errors="replace"),
        found.status,
        media_type="text/plain" if isinstance(body, str) else None,
    )
    for name, value in found.headers.items():
        if name.lower() not in _OF_THE_CONNECTION:
            response.headers[name] = value
    return response
