"""`HttpDeclaring`: the part of a `Module` by which it answers HTTP."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from qsdb.schema.declarations import Declarations
from qsdb.schema.http_messages import HttpRequest, HttpResponse
from qsdb.schema.http_routes import DeclaredRoute
from qsdb.schema.procedures import ProcedureContext

__all__ = ["HttpDeclaring"]

H = TypeVar(
    "H",
    bound=Callable[
        [ProcedureContext, HttpRequest],
        HttpResponse | Coroutine[Any, Any, HttpResponse],
    ],
)


class HttpDeclaring:
    """What handlers of HTTP are declared on."""

    _declared: Declarations

    def http(self, method: str, path: str) -> Callable[[H], H]:
        """Have a function answer requests of HTTP, at a server.

        It takes the context of a procedure and an `HttpRequest`, and gives an
        `HttpResponse`. Nobody has looked at who asks: ``ctx.sender`` is
        `Identity.ZERO`. One function may answer several paths, and is given back.

        Args:
            method: ``"GET"``, ``"POST"``, …, or ``"ANY"``.
            path: Behind ``/v1/database/…/route``: ``"/paid"``.

        Raises:
            SchemaError: when a database is opened: the path or the method is none, it
                is answered already, or the function takes something else.
        """

        def note(function: H) -> H:
            self._declared.http_routes.append(DeclaredRoute(method, path, function))
            return function

        return note
