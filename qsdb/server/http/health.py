"""Whether the server lives, what it is, and its figures."""

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from qsdb.runtime.coroutines import result_of
from qsdb.runtime.version import VERSION
from qsdb.server.http.bodies import json_response
from qsdb.server.http.desk import Desk
from qsdb.server.http.endpoints import visitor_of

__all__ = ["health", "metrics", "ping", "targets"]


async def ping(_: Desk, __: Request) -> Response:
    """Say that the server lives."""
    return Response()


async def health(_: Desk, __: Request) -> Response:
    """Say what the server is."""
    data: dict[str, object] = {"package_name": "qsdb", "version": VERSION}
    return json_response({**data, "nodes": [0], "schedulable": True})


async def metrics(desk: Desk, request: Request) -> Response:
    """Give figures; of an owner's databases all, if the owner asks."""
    shown = await visitor_of(desk, request)
    reader = None if shown is None else shown.identity
    text = await result_of(desk.pool.submit(desk.metrics.text, reader))
    return Response(text, headers={"content-type": CONTENT_TYPE_LATEST})


async def targets(_: Desk, request: Request) -> Response:
    """Say where the figures are, as Prometheus asks for it."""
    labels = {"__metrics_path__": f"{request.scope.get('root_path', '')}/v1/metrics"}
    return json_response([{"targets": [request.url.netloc], "labels": labels}])
