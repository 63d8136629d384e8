"""Connecting: from an address to a client that is connected."""

from collections.abc import Mapping
from http import HTTPStatus

from qsdb.client.addresses import Address, address_of
from qsdb.client.clients import Client
from qsdb.client.conversation import Conversation
from qsdb.client.known import Known, known_of_module
from qsdb.client.links import Link
from qsdb.client.schema_checks import SchemaCheck, UntoldError, fetch_module
from qsdb.client.served_known import known_of_served
from qsdb.client.settings import Settings, settings_of
from qsdb.errors import ArgumentError, NotFoundError, SchemaError, brief
from qsdb.schema.modules import Module

__all__ = ["Wanted", "open_client", "wanted"]


class Wanted:
    """What somebody wants to connect to, and how; checked before anything is done."""

    def __init__(
        self,
        address: Address,
        database: str,
        token: str | None,
        module: Module | None,
        settings: Settings,
    ) -> None:
        """Keep it."""
        self.address = address
        self.database = database
        self.token = token
        self.known = None if module is None else known_of_module(module)
        self.settings = settings


def wanted(
    url: str,
    database: str,
    token: str | None,
    module: Module | None,
    options: Mapping[str, object],
) -> Wanted:
    """Check what somebody wants.

    Raises:
        ArgumentError: something is of a wrong kind.
        SchemaError: the module's declaration is wrong.
    """
    settings = settings_of(options)
    address = address_of(url, database, settings.tls)
    is_text = type(token) is str and token.isascii() and token.isprintable()
    if token is not None and not (is_text and token):
        raise ArgumentError(f"a token is a printable ASCII text, not {brief(token)}")
    if module is not None and not isinstance(module, Module):
        raise ArgumentError(f"module is a qsdb.Module or None, not {brief(module)}")
    return Wanted(address, database, token, module, settings)


async def open_client(asked: Wanted) -> Client:
    """Connect, in the running event loop.

    Raises:
        AccessError, NotFoundError, SchemaError, NotConnectedError, ProtocolError: as
            `Link.open` does.
    """
    settings = asked.settings
    known = asked.known
    if known is None:
        known = await _served(asked)
    conversation = Conversation(known, asked.token, settings.message_bytes_max)
    check = SchemaCheck(known.name, known.tables)
    client = Client(conversation, Link(conversation, asked.address, settings, check))
    await client.link.open()
    return client


async def _served(asked: Wanted) -> Known:
    try:
        served = await fetch_module(asked.address, asked.token, asked.settings)
    except UntoldError as error:
        name = asked.database
        untold = (
            f"the server does not say what tables {name} has; give its module with "
            f"module=… ({error})"
        )
        if error.status == HTTPStatus.NOT_FOUND:
            raise NotFoundError(
                f"there is no database {name}: {error.text}; or {untold}"
            ) from None
        raise SchemaError(untold) from None
    return known_of_served(asked.database, served)
