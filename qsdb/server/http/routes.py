"""`http_routes`: the HTTP API, as routes of Starlette.

All of it is below ``/v1``. Whoever mounts it in an application of their own puts what
they have before or behind it.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from qsdb.server.http import (
    calling,
    databases,
    health,
    identities,
    log_lines,
    module_routes,
    querying,
    schemas,
)
from qsdb.server.http.desk import Desk
from qsdb.server.http.endpoints import ANY, Answer, Endpoint, of_guest
from qsdb.server.http.refusals import Refusal

__all__ = ["http_routes"]

_NOT = databases.not_over_http

_OF_SERVER: dict[str, dict[str, Answer]] = {
    "/ping": {"GET": health.ping},
    "/health": {"GET": health.health},
    "/metrics": {"GET": health.metrics},
    "/prometheus/sd_config": {"GET": health.targets},
    "/identity": {"POST": identities.new_identity},
    "/identity/public-key": {"GET": identities.public_key},
    "/identity/websocket-token": {"POST": identities.websocket_token},
    "/identity/{identity}/databases": {"GET": identities.databases_of},
    "/identity/{identity}/verify": {"GET": identities.verify},
    "/energy/{identity}": {"GET": identities.energy_of, "POST": _NOT, "PUT": _NOT},
    "/mcp": {"POST": _NOT},
    "/database": {"POST": _NOT},
}

_OF_DATABASE: dict[str, dict[str, Answer]] = {
    "": {"GET": of_guest(databases.describe), "PUT": _NOT, "DELETE": _NOT},
    "/identity": {"GET": of_guest(databases.identity)},
    "/names": {"GET": of_guest(databases.names), "POST": _NOT, "PUT": _NOT},
    "/schema": {"GET": of_guest(schemas.schema)},
    "/call/{function}": {"POST": of_guest(calling.call)},
    "/sql": {"POST": of_guest(querying.sql)},
    "/logs": {"GET": of_guest(log_lines.logs)},
    "/unstable/timestamp": {"GET": of_guest(databases.timestamp)},
    "/subscribe": {"GET": databases.upgrade_required},
    "/route": {ANY: module_routes.module_route},
    "/route/{rest:path}": {ANY: module_routes.module_route},
    "/pre_publish": {"POST": _NOT},
    "/reset": {"PUT": _NOT},
    "/lock": {"POST": _NOT},
    "/unlock": {"POST": _NOT},
    "/mcp": {"POST": _NOT},
}


def http_routes(desk: Desk) -> list[Route]:
    """Give the routes; the last one answers all else below ``/v1``.

    Args:
        desk: Opened and closed by whoever runs the server.
    """
    all_of_them = {f"/v1{path}": answers for path, answers in _OF_SERVER.items()}
    all_of_them |= {
        f"/v1/database/{{database}}{path}": answers
        for path, answers in _OF_DATABASE.items()
    }
    all_of_them["/v1/{rest:path}"] = {ANY: _nothing}
    return [
        Route(path, Endpoint(desk, path, answers))
        for path, answers in all_of_them.items()
    ]


async def _nothing(_: Desk, __: Request) -> Response:
    raise Refusal(404, "there is nothing at this address")
