"""Who somebody is: new identities, tokens for a minute, and whose databases are whose.

Below ``/v1/identity``, and ``/v1/energy``, which qsdb does not measure: nobody is ever
short of it.
"""

from starlette.requests import Request
from starlette.responses import Response

from qsdb.server.credentials import Credentials
from qsdb.server.http.bodies import json_response
from qsdb.server.http.desk import Desk
from qsdb.server.http.endpoints import newcomer_of, visitor_of
from qsdb.server.http.refusals import Refusal
from qsdb.values.identity import Identity

__all__ = [
    "databases_of",
    "energy_of",
    "new_identity",
    "public_key",
    "verify",
    "websocket_token",
]


async def new_identity(desk: Desk, request: Request) -> Response:
    """Give somebody an identity that nobody has, and the token for it."""
    made = newcomer_of(desk, request)
    return json_response({"identity": made.identity.to_hex(), "token": made.token})


async def public_key(desk: Desk, _: Request) -> Response:
    """Give the key that checks this server's tokens."""
    kind = "application/pem-certificate-chain"
    return Response(desk.authority.public_key_pem, media_type=kind)


async def websocket_token(desk: Desk, request: Request) -> Response:
    """Give a token for an address, where it lasts a minute."""
    shown = await _required(desk, request)
    return json_response({"token": desk.authority.short_lived(shown)})


async def databases_of(desk: Desk, request: Request) -> Response:
    """Give the databases that somebody owns."""
    owner = _identity(request)
    found = [each for each in desk.host if each.database.owner == owner]
    return json_response({"identities": [each.identity.to_hex() for each in found]})


async def verify(desk: Desk, request: Request) -> Response:
    """Say whether a token is that of an identity."""
    identity = _identity(request)
    shown = await _required(desk, request)
    if shown.identity != identity:
        raise Refusal(400, "the token is that of another identity")
    return Response(status_code=204)


async def energy_of(_: Desk, request: Request) -> Response:
    """Give how much may be used without paying: nothing is measured."""
    _identity(request)
    return json_response({"balance": "0"})


def _identity(request: Request) -> Identity:
    try:
        return Identity.from_hex(request.path_params["identity"])
    except ValueError:
        raise Refusal(400, "an identity is 64 hexadecimal digits") from None


async def _required(desk: Desk, request: Request) -> Credentials:
    found = await visitor_of(desk, request)
    if found is None:
        text = "Authorization required"
        raise Refusal(401, text, {"www-authenticate": "Bearer"})
    return found
