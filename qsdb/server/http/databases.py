"""What a database is called and whose it is; and what is no matter of a running server.

The module of a database is what the server was started with. So nothing is published
here, wiped, renamed or locked: whoever asks for it is told so, whoever they are.
"""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from qsdb.server.http.bodies import json_response
from qsdb.server.http.desk import Desk
from qsdb.server.http.endpoints import Guest
from qsdb.server.http.refusals import Refusal
from qsdb.values.identity import Identity

__all__ = [
    "describe",
    "identity",
    "names",
    "not_over_http",
    "timestamp",
    "upgrade_required",
]

_NO_PROGRAM = f"0x{bytes(32).hex()}"
"""Stands for the hash of a program in WebAssembly, of which there is none."""


async def describe(guest: Guest) -> Response:
    """Say which database this is, and whose."""
    database = guest.served.database
    data = {
        "database_identity": _sats(database.identity),
        "owner_identity": _sats(database.owner),
        "host_type": {"Wasm": []},
        "initial_program": _NO_PROGRAM,
    }
    return json_response(data)


def _sats(identity: Identity) -> dict[str, str]:
    return {"__identity__": f"0x{identity.to_hex()}"}


async def identity(guest: Guest) -> Response:
    """Give the database's own identity."""
    return PlainTextResponse(guest.served.identity.to_hex())


async def names(guest: Guest) -> Response:
    """Give what the database is called."""
    return json_response({"names": [guest.served.name]})


async def timestamp(guest: Guest) -> Response:
    """Give the time of the database."""
    now = guest.served.access.calls.writer.clock.now()
    return json_response({"__timestamp_micros_since_unix_epoch__": now.micros})


async def not_over_http(_: Desk, request: Request) -> Response:
    """Refuse what only whoever starts the server can do."""
    raise Refusal(
        501,
        f"{request.method} {request.url.path} is not for a running server: it serves "
        "the modules that it was started with; change them there and start it again",
    )


async def upgrade_required(_: Desk, __: Request) -> Response:
    """Refuse a request that is for a WebSocket, and is none."""
    raise Refusal(426, "this address is for WebSockets", {"upgrade": "websocket"})
