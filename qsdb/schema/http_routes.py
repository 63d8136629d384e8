"""Routes of HTTP: a module answers requests that no client of its database sends.

A payment service that tells of a payment, or a page that shows a figure, knows nothing
of reducers. For them a module declares *handlers*, each for a method and a path::

    @shop.http("POST", "/paid")
    def paid(ctx: qsdb.ProcedureContext, request: HttpRequest) -> HttpResponse:
        if not hmac.compare_digest(request.headers.get("x-secret", ""), SECRET):
            return HttpResponse("who are you?", status=403)
        with ctx.transaction() as tx:
            tx[Order].upsert(Order(**request.json()))
        return HttpResponse(status=204)

A server has them at ``/v1/database/shop/route/paid``. A handler is a procedure in all
but its name: it may wait, it may be a coroutine function, and it opens transactions.
Nobody has looked at who asks: ``ctx.sender`` is `Identity.ZERO`, without a connection,
and ``client_connected`` is not run. Whether the one who asks may, is for the handler to
find out.

Paths are compared as they stand, the last ``/`` too: there are no parameters in them,
since what varies stands behind ``?``. They are of ``a-z 0-9 - _ ~ /``.

*Source*: HTTP handlers of SpacetimeDB.
"""

import inspect
import re
from collections.abc import Iterable
from typing import Any, NoReturn

import attrs

from qsdb.errors import ArgumentError, SchemaError, brief
from qsdb.schema.functions import Function
from qsdb.schema.parameters import Parameters
from qsdb.schema.procedures import Procedure, check_procedure

__all__ = ["ANY", "METHODS", "DeclaredRoute", "HttpRoute", "compile_routes"]

ANY = "ANY"
"""Stands for every method."""

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
"""What there may be handlers for."""

_PATH = re.compile(r"(/[a-z0-9_~/-]*)?")


@attrs.frozen
class DeclaredRoute:
    """A route as it was declared."""

    method: object
    path: object
    function: Function


@attrs.frozen(eq=False)
class HttpRoute:
    """A route: which requests a handler answers.

    Attributes:
        method: One of `METHODS`, or `ANY`.
        path: Behind ``/route``.
        handler: It, to be run on a request; it gives an `HttpResponse`.
    """

    method: str
    path: str
    handler: Procedure


def compile_routes(
    declared: Iterable[DeclaredRoute], mistakes: list[str]
) -> tuple[HttpRoute, ...]:
    """Resolve routes.

    Args:
        declared: They.
        mistakes: Takes what is wrong.
    """
    routes: list[HttpRoute] = []
    handlers: dict[str, Procedure] = {}
    for each in declared:
        fault = _fault(each, routes)
        if fault is None:
            name = each.function.__name__
            handler = handlers.setdefault(name, _handler(each.function))
            if handler.function is each.function:
                routes.append(HttpRoute(str(each.method), str(each.path), handler))
                continue
            fault = f"there is another handler {name}"
        mistakes.append(f"http {each.method} {brief(each.path)}: {fault}")
    return tuple(routes)


def _fault(declared: DeclaredRoute, before: list[HttpRoute]) -> str | None:
    """Say what is wrong with a route, or None."""
    method, path = declared.method, declared.path
    if method not in (*METHODS, ANY):
        return f"the method is one of {', '.join((*METHODS, ANY))}"
    if not isinstance(path, str) or _PATH.fullmatch(path) is None:
        return "a path is empty, or / and then a-z 0-9 - _ ~ /"
    for each in before:
        if each.path == path and (method in (each.method, ANY) or each.method == ANY):
            return f"{each.handler.name} answers {each.method} {path!r} already"
    return _fault_of_function(declared.function)


def _fault_of_function(function: Function) -> str | None:
    try:
        check_procedure(function)
        inspect.signature(function).bind(None, None)
    except SchemaError as error:
        return str(error)
    except TypeError:
        return f"{function.__name__} must take the context and a request, by place"
    if not function.__name__.isidentifier():
        return "the handler needs a name"
    return None


def _handler(function: Function) -> Procedure:
    def run(context: object, values: tuple[object, ...]) -> object:
        return function(context, *values)

    name = function.__name__
    parameters = Parameters(name, (), _refuse, _refuse, run)
    is_async = inspect.iscoroutinefunction(function)
    return Procedure(
        name,
        function,
        parameters,
        is_private=True,
        is_async=is_async,
        check=_refuse,
        run=run,
    )


def _refuse(*_: Any, **__: Any) -> NoReturn:  # noqa: ANN401  whatever it is given
    """Refuse to be called as a procedure; only a server runs handlers.

    Raises:
        ArgumentError: always.
    """
    raise ArgumentError("a handler of HTTP is run by requests alone")
